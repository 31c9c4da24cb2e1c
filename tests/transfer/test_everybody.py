"""What holds for everybody of every directory: who is denied, who calls, who is like them, is not called."""

from __future__ import annotations

import pytest

from tests.transfer.tables import HOUSES, MATCHERS, told
from voiced.transfer.destination import Destination
from voiced.transfer.request import DestinationType


def _named(destination: Destination) -> str:
    return destination.name.lower()


EVERYBODY = [  # but `quero falar com urgência` is no wish for Urgência
    (name, [one for one in house if one.name != "Urgência"]) for name, house in HOUSES.items()
]
IDS = list(HOUSES)


@pytest.mark.parametrize(("name", "house"), EVERYBODY, ids=IDS)
@pytest.mark.parametrize(
    "denial",
    [
        "não quero falar com {}", "qualquer um menos {}", "{} não", "{} não, por favor", "não é {}", "nem {}",
        "quem for que não seja {}", "{} eu não quero", "tirando {} qualquer um", "não me passa pra {}",
        "não, não quero {}", "sem ser {}", "fora o {} qualquer um", "nunca mais quero falar com {}",
        "{} nem pensar", "chega de {}", "alguém a não ser {}", "desde que não seja {}",
        "não quero mais {} de jeito nenhum",
    ],
)  # fmt: skip
def test_who_is_denied_is_never_called(name: str, house: list[Destination], denial: str) -> None:
    for one in house:
        match = MATCHERS[name].match(denial.format(_named(one)))
        assert getattr(match, "destination", None) != one
        assert one not in getattr(match, "options", ())


@pytest.mark.parametrize(("name", "house"), EVERYBODY, ids=IDS)
@pytest.mark.parametrize(
    "denial",
    [
        "alguém de {} que não seja {}",
        "{} menos {}",
        "quero {} mas não {}",
        "{}, {} não",
        "quero outro de {}, {} não",
    ],
)
def test_nor_by_department_or_role(name: str, house: list[Destination], denial: str) -> None:
    for one in house:
        for what in filter(None, (one.department.lower(), one.role.lower())):
            match = MATCHERS[name].match(denial.format(what, _named(one)))
            assert getattr(match, "destination", None) != one
            assert one not in getattr(match, "options", ())


@pytest.mark.parametrize(("name", "house"), EVERYBODY, ids=IDS)
@pytest.mark.parametrize(
    "frame",
    [
        "aqui é {x}, quero falar com {y}", "{x} falando quero falar com {y}",
        "comprei com {x} e quero falar com {y}", "indicação de {x} quero {y}", "meu nome é {x} me passa {y}",
        "{x} me mandou falar com {y}", "sou amigo de {x} queria falar com {y}",
        "é {x} da empresa tal, queria falar com {y}", "{x}, quer dizer, {y}", "não é {x} é {y}",
        "não quero {x} quero {y}", "{x} não, {y}", "nem {x}, {y}", "quero {y} e não {x}", "quero {y} não {x}",
        "em vez de {x} me passa {y}", "não, não é {x}, é {y}",
    ],
)  # fmt: skip
def test_of_two_who_are_named_the_one_who_is_wanted_is_found(
    name: str, house: list[Destination], frame: str
) -> None:
    for other, one in zip(house, house[7:] + house[:7], strict=True):
        say = frame.format(x=_named(other), y=_named(one))
        assert (say, told(MATCHERS[name].match(say))) == (say, {"found": one.name})


@pytest.mark.parametrize(("name", "house"), EVERYBODY, ids=IDS)
@pytest.mark.parametrize(
    "frame", ["{x} ou {y}", "quero falar com {x} ou com {y}", "{x} não {y}", "não sei se é {x} ou {y}"]
)
def test_and_where_nobody_can_tell_which_it_is_a_question(
    name: str, house: list[Destination], frame: str
) -> None:
    for other, one in zip(house, house[7:] + house[:7], strict=True):
        say = frame.format(x=_named(other), y=_named(one))
        assert (say, told(MATCHERS[name].match(say))) == (say, {"question": sorted([one.name, other.name])})


@pytest.mark.parametrize(("name", "house"), EVERYBODY, ids=IDS)
@pytest.mark.parametrize(
    "frame",
    [
        "{stranger} {last}", "quero falar com {stranger} {last}", "{first} {stranger}",
        "a {first} {stranger} por favor", "o {first} {stranger} de {department}",
        "{stranger} de {department}", "{role} {stranger}",
    ],
)  # fmt: skip
def test_a_name_of_which_a_half_is_anothers_calls_nobody(
    name: str, house: list[Destination], frame: str
) -> None:
    for one in house:
        names = [word for word in _named(one).split() if not word.endswith(".")]
        if one.type is not DestinationType.EXTENSION or len(names) < 2:
            continue
        for stranger in ("albuquerque", "ricardo", "josefa"):
            say = frame.format(
                stranger=stranger, first=names[0], last=names[-1],
                department=one.department.lower() or "xis", role=one.role.lower() or "xis",
            )  # fmt: skip
            match = MATCHERS[name].match(say)
            assert (say, getattr(match, "destination", None)) != (say, one)
