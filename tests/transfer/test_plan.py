"""From destinations to attempts: retries, chains, several at once, closed ones, what may be dialled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from voiced.hours import WorkingHours
from voiced.transfer.destination import Destination, FallbackAction
from voiced.transfer.plan import LONGEST_CHAIN, Plan, Rules, all_at_once, one_after_another
from voiced.transfer.refusals import CannotBeDialled
from voiced.transfer.request import DestinationType
from voiced.transfer.state import Fallback

MONDAY = datetime(2026, 11, 16, 15, tzinfo=UTC)
RULES = Rules("pbx.test", ring_seconds=20, announce=False)
CLOSED = WorkingHours.parse({"sunday": "08:00-12:00"}, "UTC")


def one(number: int, **changes: Any) -> Destination:
    return Destination(
        UUID(int=number), UUID(int=0), f"N{number}", changes.pop("type", DestinationType.EXTENSION),
        str(1000 + number), **changes,
    )  # fmt: skip


def after(number: int, following: int, **changes: Any) -> Destination:
    """A destination whose fallback is another."""
    return one(
        number, fallback_action=FallbackAction.NEXT, fallback_destination_uuid=UUID(int=following), **changes
    )


def book(*destinations: Destination) -> dict[UUID, Destination]:
    return {destination.uuid: destination for destination in destinations if destination.uuid}


def dialled(plan: Plan) -> list[str]:
    """The numbers of each attempt."""
    return ["+".join(target.number for target in ringing) for ringing in plan.targets]


def test_retries_follow_their_destination_after_its_delay() -> None:
    plan = one_after_another(
        [one(1, max_retries=2, retry_delay_seconds=7, ring_timeout_seconds=9)], {}, RULES, MONDAY
    )
    assert dialled(plan) == ["1001"] * 3
    assert [(dial.ring_seconds, dial.delay_seconds, dial.is_retry) for dial in plan.dials] == [
        (9, 0, False), (9, 7, True), (9, 7, True),
    ]  # fmt: skip


def test_what_a_destination_leaves_open_is_the_rules_and_nought_is_no_hole() -> None:
    rules = Rules("pbx.test", ring_seconds=20, max_retries=1, retry_delay_seconds=3, announce=False)
    assert len(one_after_another([one(1)], {}, rules, MONDAY).dials) == 2
    plan = one_after_another([one(1, max_retries=0)], {}, rules, MONDAY)
    assert [dial.ring_seconds for dial in plan.dials] == [20]
    plan = one_after_another([one(1, retry_delay_seconds=0)], {}, rules, MONDAY)
    assert plan.dials[1].delay_seconds == 0


def test_a_fallback_to_another_is_a_chain_and_the_last_ones_fallback_counts() -> None:
    others = book(after(2, 3), one(3, fallback_action=FallbackAction.VOICEMAIL))
    plan = one_after_another([after(1, 2)], others, RULES, MONDAY)
    assert (dialled(plan), plan.fallback) == (["1001", "1002", "1003"], Fallback.VOICEMAIL)


VOICEMAIL = {"fallback_action": FallbackAction.VOICEMAIL}
BOX = one(7, type=DestinationType.VOICEMAIL)
OUTSIDE = Destination(UUID(int=1), UUID(int=0), "Fora", DestinationType.EXTERNAL, "5511")
THEN_2 = {"fallback_action": FallbackAction.NEXT, "fallback_destination_uuid": UUID(int=2)}
TO_BOX = {**VOICEMAIL, "fallback_destination_uuid": BOX.uuid}


@pytest.mark.parametrize(
    ("first", "others", "box"),
    [
        (one(1, **VOICEMAIL), {}, "*991001"),
        (one(1, **TO_BOX), book(BOX), "*991007"),
        (one(1, **TO_BOX), {}, "*991001"),  # it was deleted
        (after(1, 2), book(one(2, **VOICEMAIL)), "*991002"),
        (after(1, 2), book(one(2, **TO_BOX), BOX), "*991007"),
        (after(1, 2), book(one(2, working_hours=CLOSED, **VOICEMAIL)), "*991002"),
        (after(1, 2), book(one(2, working_hours=CLOSED, **TO_BOX), BOX), "*991007"),
        (one(1, working_hours=CLOSED, **VOICEMAIL), {}, "*991001"),
        (after(1, 2, working_hours=CLOSED), book(one(2, working_hours=CLOSED, **VOICEMAIL)), "*991002"),
        (replace(OUTSIDE, **THEN_2), book(one(2, working_hours=CLOSED, **VOICEMAIL)), "*991002"),
    ],
)
def test_the_box_is_the_one_that_is_named_or_of_the_last_destination(
    first: Destination, others: dict[UUID, Destination], box: str
) -> None:
    plan = one_after_another([first], others, RULES, MONDAY)
    assert plan.fallback is Fallback.VOICEMAIL
    assert plan.mailbox
    assert plan.mailbox.endpoint() == f"loopback/{box}/pbx.test"


def test_a_number_outside_has_no_box_but_the_one_that_is_named() -> None:
    outside = replace(OUTSIDE, **VOICEMAIL)
    assert one_after_another([outside], {}, RULES, MONDAY).fallback is Fallback.ASSISTANT
    plan = one_after_another([replace(outside, **TO_BOX)], book(BOX), RULES, MONDAY)
    assert plan.fallback is Fallback.VOICEMAIL
    assert plan.mailbox == replace(plan.targets[0][0], type="voicemail", number="1007")


def test_a_box_that_cannot_be_dialled_is_none() -> None:
    odd = replace(one(1, **VOICEMAIL), number="10 01")
    assert one_after_another([odd], {}, RULES, MONDAY).fallback is Fallback.ASSISTANT


@pytest.mark.parametrize(
    ("first", "others", "numbers"),
    [
        (after(1, 1), book(after(1, 1)), ["1001"]),
        (after(1, 2), book(after(1, 2), after(2, 1)), ["1001", "1002"]),
        (after(1, 2), {}, ["1001"]),
        (after(1, 2), book(one(2, is_enabled=False)), ["1001"]),
        (after(1, 2), book(*(after(n, n + 1) for n in range(2, 20))), [str(1000 + n) for n in range(1, 6)]),
    ],
    ids=["itself", "a circle", "nobody", "disabled", "too long"],
)
def test_a_chain_ends(first: Destination, others: dict[UUID, Destination], numbers: list[str]) -> None:
    plan = one_after_another([first], others, RULES, MONDAY)
    assert dialled(plan) == numbers
    assert plan.fallback is Fallback.ASSISTANT
    assert len(numbers) <= LONGEST_CHAIN


def test_several_asked_for_go_one_after_another_each_with_its_chain_and_nobody_twice() -> None:
    plan = one_after_another([after(1, 3), one(2), one(3)], book(one(3)), RULES, MONDAY)
    assert dialled(plan) == ["1001", "1003", "1002"]


def test_a_closed_one_is_passed_over_and_if_all_are_nobody_is_called() -> None:
    plan = one_after_another([one(1, working_hours=CLOSED), one(2)], {}, RULES, MONDAY)
    assert (dialled(plan), plan.closed) == (["1002"], None)
    plan = one_after_another(
        [after(1, 2, working_hours=CLOSED)], book(one(2, working_hours=CLOSED)), RULES, MONDAY
    )
    assert plan.closed is not None
    assert plan.closed.cause == "CLOSED"
    assert plan.closed_messages["pt-BR"] == (
        "N1 não atende neste horário. O atendimento volta no domingo, às 8h."
    )


def test_several_at_once_ring_as_long_as_the_most_patient() -> None:
    plan = all_at_once([one(1, ring_timeout_seconds=5), one(2, screening=True)], {}, RULES, MONDAY)
    assert dialled(plan) == ["1001+1002"]
    [dial] = plan.dials
    assert (dial.ring_seconds, dial.screening_seconds) == (20, RULES.screening_seconds)
    assert dialled(all_at_once([one(1, working_hours=CLOSED), one(2)], {}, RULES, MONDAY)) == ["1002"]
    assert all_at_once([one(1, working_hours=CLOSED)], {}, RULES, MONDAY).closed is not None


def test_a_queue_does_not_ring_with_others_but_alone() -> None:
    for type in (DestinationType.QUEUE, DestinationType.VOICEMAIL):
        queue = one(1, type=type)
        with pytest.raises(CannotBeDialled, match="queue"):
            all_at_once([queue, one(2)], {}, RULES, MONDAY)
        assert dialled(all_at_once([queue], {}, RULES, MONDAY)) == ["1001"]
        assert dialled(all_at_once([queue, one(2, working_hours=CLOSED)], {}, RULES, MONDAY)) == ["1001"]


def test_one_at_once_is_one_with_its_retries_and_fallback() -> None:
    [first, others] = after(1, 2, max_retries=1), book(one(2, **VOICEMAIL))
    plan = all_at_once([first], others, RULES, MONDAY)
    assert plan == one_after_another([first], others, RULES, MONDAY)
    assert (dialled(plan), plan.fallback) == (["1001", "1001", "1002"], Fallback.VOICEMAIL)


@pytest.mark.parametrize(
    ("own", "rules", "told"),
    [
        (None, True, True), (None, False, False), (True, False, True), (False, True, False),
    ],
)  # fmt: skip
def test_the_announcement_is_the_destinations_then_the_rules(
    own: bool | None, rules: bool, told: bool
) -> None:
    plan = one_after_another([one(1, announce=own)], {}, Rules("pbx.test", announce=rules), MONDAY)
    assert plan.targets[0][0].announce is told
    assert (plan.dials[0].screening_seconds > 0) is told


def test_no_announcement_without_a_voice_nor_into_a_voicemail_box() -> None:
    mute = Rules("pbx.test", announce=True, can_announce=False)
    assert not one_after_another([one(1)], {}, mute, MONDAY).targets[0][0].announce
    box = one(1, type=DestinationType.VOICEMAIL)
    assert not one_after_another([box], {}, Rules("pbx.test"), MONDAY).targets[0][0].announce


@pytest.mark.parametrize(
    ("prefixes", "number", "allowed"),
    [
        ((), "+1900555000", True),
        (("+55",), "+5511999990000", True),
        (("+55",), "5511999990000", True),
        (("55",), "+5511999990000", True),
        (("+55",), "+1900555000", False),
        (("+55", "0800"), "08007771234", True),
        (("+5511",), "+551", False),
    ],
)
def test_only_allowed_prefixes_are_dialled_outside(
    prefixes: tuple[str, ...], number: str, allowed: bool
) -> None:
    rules = Rules("pbx.test", outside_prefixes=prefixes)
    outside = Destination(UUID(int=1), UUID(int=0), "Fora", DestinationType.EXTERNAL, number)
    if allowed:
        assert dialled(one_after_another([outside], {}, rules, MONDAY)) == [number]
    else:
        with pytest.raises(CannotBeDialled, match="prefix"):
            one_after_another([outside], {}, rules, MONDAY)


@pytest.mark.parametrize("kind", [kind for kind in DestinationType if kind is not DestinationType.VOICEMAIL])
@pytest.mark.parametrize(
    ("number", "is_long"),
    [("1001", False), ("1234567", False), ("12345678", True), ("+190", True), ("0-1900-555-000", True)],
)
def test_prefixes_are_of_numbers_that_leave_the_house_whatever_they_are_called(
    kind: DestinationType, number: str, is_long: bool
) -> None:
    rules = Rules("pbx.test", outside_prefixes=("+55",))
    destination = Destination(UUID(int=1), UUID(int=0), "Fora", kind, number)
    if not is_long and kind is not DestinationType.EXTERNAL:
        assert dialled(one_after_another([destination], {}, rules, MONDAY)) == [number]
        return
    with pytest.raises(CannotBeDialled, match="prefix"):
        one_after_another([destination], {}, rules, MONDAY)


def test_a_box_is_in_the_house_however_long_its_number() -> None:
    box = Destination(UUID(int=1), UUID(int=0), "Recados", DestinationType.VOICEMAIL, "190055500")
    rules = Rules("pbx.test", outside_prefixes=("+55",))
    assert dialled(one_after_another([box], {}, rules, MONDAY)) == ["190055500"]


def test_a_fallback_whose_prefix_is_not_allowed_is_passed_over() -> None:
    rules = Rules("pbx.test", outside_prefixes=("+55",))
    outside = Destination(UUID(int=2), UUID(int=0), "Fora", DestinationType.EXTERNAL, "+1900555000")
    assert dialled(one_after_another([after(1, 2)], book(outside), rules, MONDAY)) == ["1001"]


def test_gateway_and_context_are_the_destinations_then_the_rules() -> None:
    rules = Rules("pbx.test", gateway="trunk", context="house")
    group = one(1, type=DestinationType.RING_GROUP)
    outside = Destination(UUID(int=2), UUID(int=0), "Fora", DestinationType.EXTERNAL, "+5511")

    def endpoint(destination: Destination, rules: Rules = rules) -> str:
        return one_after_another([destination], {}, rules, MONDAY).targets[0][0].endpoint()

    assert endpoint(group) == "loopback/1001/house"
    assert endpoint(replace(group, context="own")) == "loopback/1001/own"
    assert endpoint(group, Rules("pbx.test")) == "loopback/1001/pbx.test"
    assert endpoint(outside) == "sofia/gateway/trunk/+5511"
    assert endpoint(replace(outside, gateway="own")) == "sofia/gateway/own/+5511"
