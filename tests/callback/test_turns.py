"""Who is asked next."""

from __future__ import annotations

from uuid import uuid4

import pytest

from voiced.callback import turns
from voiced.callback.turns import Turns
from voiced.pbx.presence import Extension

ANA, BRUNO, CLARA = (Extension(number, "pbx.test") for number in ("1001", "1002", "1003"))
ALL = (ANA, BRUNO, CLARA)


def test_who_was_never_asked_comes_first_and_then_who_was_asked_the_longest_ago() -> None:
    asked, callback = Turns(), uuid4()
    order = []
    for _ in range(5):
        order.append(min(ALL, key=lambda agent: asked.latest(callback, agent)))
        asked.asked(callback, order[-1])
    assert order == [ANA, BRUNO, CLARA, ANA, BRUNO]


def test_who_has_missed_this_one_comes_after_who_was_asked_of_another_since() -> None:
    asked, missed, other = Turns(), uuid4(), uuid4()
    asked.asked(missed, ANA)
    asked.asked(other, BRUNO)
    assert asked.latest(missed, BRUNO) < asked.latest(missed, ANA)
    assert asked.latest(other, ANA) < asked.latest(other, BRUNO)
    asked.closed(missed)
    assert asked.latest(missed, ANA) < asked.latest(missed, BRUNO)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "MOST", 2)
    asked, callbacks = Turns(), [uuid4() for _ in range(3)]
    for callback in callbacks:
        asked.asked(callback, ANA)
    assert [asked.latest(callback, ANA)[0] for callback in callbacks] == [0, 2, 3]
