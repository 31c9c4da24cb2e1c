"""Draw the machines from their code: `make docs` writes the diagrams into README.md and docs/.

The diagrams are found by trying: every fact is given to the machine in every state that is reached from the
first, and each change of state is an arrow. Nothing in them is written by hand.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Final, get_type_hints
from uuid import UUID

from voiced.callback import facts as attempt_facts
from voiced.callback import machine as attempt
from voiced.callback import promise
from voiced.callback.callback import Callback, Status
from voiced.callback.outcome import Outcome, Result, Side
from voiced.callback.policy import Policy
from voiced.callback.promise_facts import FACTS
from voiced.callback.state import Attempt
from voiced.callback.state import Phase as AttemptPhase
from voiced.table import fact_name
from voiced.transfer import facts as transfer_facts
from voiced.transfer import machine as transfer
from voiced.transfer.state import Dial, Phase, Transfer

ROOT: Final = Path(__file__).resolve().parent.parent
_SHOWN: Final = 3  # facts on one arrow; the others are in the table
_MOST: Final = 4_000  # states that are looked at: more show no more arrows
# The usual course, for the README's first screen: these arrows, if the machine has them.
_USUAL: Final = {
    ("pending", "holding", "intent_recorded"), ("holding", "dialing", "hold_started"),
    ("dialing", "ringing", "ringing"), ("ringing", "screening", "answered"),
    ("ringing", "bridging", "answered"),
    ("ringing", "retrying", "job_failed"), ("ringing", "returning", "job_failed"),
    ("ringing", "returning", "caller_ended"), ("screening", "bridging", "accepted"),
    ("screening", "returning", "refused"), ("bridging", "bridged", "bridged"),
    ("bridging", "returning", "leg_ended"), ("bridged", "ended", "caller_ended"),
    ("retrying", "dialing", "intent_recorded"), ("returning", "ended", "hold_ended"),
}  # fmt: skip

Arrows = dict[tuple[str, str], list[str]]


@dataclass(frozen=True)
class Machine:
    """A table, and how to try it out: `where` names a state's column, `facts` are those to try in it."""

    columns: type[StrEnum]
    table: Mapping[str, Mapping[Any, str]]
    rules: Mapping[str, Any]
    reasons: Mapping[str, str]
    first: tuple[Any, ...]
    facts: Callable[[Any], Iterable[Any]]
    decide: Callable[[Any, Any], tuple[Any, Any]]
    where: Callable[[Any], str]
    timeless: Callable[[Any], Any]  # a state without its clocks: the same one
    last: tuple[str, ...]

    @cached_property
    def arrows(self) -> Arrows:
        """Changes of state, with the facts that make them, in the order in which they are found."""
        found: dict[tuple[str, str], list[str]] = defaultdict(list)
        seen, todo = set(map(self.timeless, self.first)), deque(self.first)
        while todo:
            state = todo.popleft()
            for fact in self.facts(state):
                after, _ = self.decide(state, fact)
                arrow = (self.where(state), self.where(after))
                if arrow[0] != arrow[1] and fact_name(type(fact)) not in found[arrow]:
                    found[arrow].append(fact_name(type(fact)))
                if (key := self.timeless(after)) not in seen and len(seen) < _MOST:
                    seen.add(key)
                    todo.append(after)
        return {arrow: names for arrow, names in found.items() if names}

    def diagram(self, *, usual: bool = False) -> str:
        """The states as a Mermaid diagram; the `usual` course of things, or everything."""
        columns = [str(column) for column in self.columns]
        lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {columns[0]}"]
        order = lambda item: (columns.index(item[0][0]), columns.index(item[0][1]))  # noqa: E731
        for arrow, names in sorted(self.arrows.items(), key=order):
            if usual:
                names = [name for name in names if (*arrow, name) in _USUAL]
            label = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
            if names:
                lines.append(f"    {arrow[0]} --> {arrow[1]}: {label}")
        return "\n".join([*lines, *(f"    {name} --> [*]" for name in self.last), "```"])

    def as_table(self) -> str:
        """The whole table, and what its entries mean."""
        lines = ["| fact | " + " | ".join(self.columns) + " |", "|---" * (len(self.columns) + 1) + "|"]
        for name, row in self.table.items():
            cells = [f"*{cell[1:]}*" if cell in self.reasons else f"**{cell}**" for cell in row.values()]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        used = {cell for row in self.table.values() for cell in row.values()}
        rules = [f"| **{name}** | {_summary(rule)} |" for name, rule in self.rules.items() if name in used]
        reasons = [f"| *{name[1:]}* | ignored: {why} |" for name, why in self.reasons.items()]
        return "\n".join([*lines, "", "| entry | what it does |", "|---|---|", *rules, *reasons])


def _summary(rule: Any) -> str:
    return str(rule.__doc__).strip().split("\n\n")[0].replace("\n", " ")


def _timeless_transfer(t: Transfer) -> Transfer:
    """The same without its clocks, so that the search ends."""
    return replace(
        t, until=0, paused_until=0, hold_until=0, ring_until=0, requested_at=0, music_at=0, dialled_at=0,
        ringing_at=0, answered_at=0, bridged_at=float(t.bridged_at > 0), known_at=0, unbridged_at=0,
        ended_at=0, tries=0,
    )  # fmt: skip


def _timeless_attempt(a: Attempt) -> Attempt:
    return replace(
        a, until=0, paused_until=0, requested_at=0, called_at=0, ringing_at=0, answered_at=0,
        connected_at=float(a.connected_at > 0), parted_at=float(a.parted_at > 0), ended_at=0,
    )  # fmt: skip


def _timeless_promise(c: Callback) -> Any:
    return (
        c.status,
        tuple(sorted(c.misses.items())),
        c.attempts,
        c.notification_count,
        c.extension,
    )


def _made(kinds: Iterable[type], several: Iterable[dict[str, Any]]) -> Iterable[Any]:
    """Facts of these kinds, with each set of values that they take."""
    for kind in kinds:
        hints = get_type_hints(kind)
        for values in several:
            yield kind(**{name: value for name, value in values.items() if name in hints})


def _transfer_facts(t: Transfer) -> Iterable[Any]:
    known = {"at": t.until or 1000.0, "attempt": t.attempt, "leg": "leg"}
    several = ({**known, "cause": "USER_BUSY", "key": ""}, {**known, "cause": "CALL_REJECTED", "key": "*"})
    return _made(transfer_facts.FACTS, several)


def _attempt_facts(a: Attempt) -> Iterable[Any]:
    known = {"at": a.until or 1000.0, "agent": "agent-leg", "client": "client-leg", "cause": "USER_BUSY"}
    return _made(
        attempt_facts.FACTS, [{**known, "side": side, "leg": f"{side}-leg", "key": ""} for side in Side]
    )


_NOW: Final = datetime(2026, 1, 5, 12, tzinfo=UTC)
_ID: Final = UUID(int=1)


def _promise_facts(c: Callback) -> Iterable[Any]:
    known = {"attempt_id": _ID, "extension": "1001", "until": _NOW + timedelta(days=1), "opens_at": None}
    ends = [
        Outcome(Result.COMPLETED, "", ""),
        Outcome(Result.BUSY, "client", ""),
        Outcome(Result.BUSY, "agent", ""),
    ]
    moments = (_NOW + timedelta(hours=1), _NOW + timedelta(hours=3), c.expires_at + timedelta(seconds=1))
    made = [{**known, "at": at, "outcome": end, "cause": "", "may_wait": end.leg == "client"}
            for at in moments for end in ends]  # fmt: skip
    return _made(FACTS, made)


def _promised() -> Callback:
    day = timedelta(days=1)
    return Callback(_ID, Status.PENDING, _NOW, _NOW + day, _NOW, "1001", department="x")


_POLICY: Final = Policy(max_attempts=2, max_notifications=1, max_agent_misses=2, min_interval_minutes=60)
_PLAN: Final = (Dial(screening_seconds=5), Dial(is_retry=True), Dial())
TRANSFER: Final = Machine(
    Phase, transfer.TABLE, transfer.RULES, transfer.IGNORED,
    (Transfer("t", _PLAN), Transfer("t", _PLAN[1:])),
    _transfer_facts, transfer.decide, lambda t: t.phase, _timeless_transfer, ("ended",),
)  # fmt: skip
ATTEMPT: Final = Machine(
    AttemptPhase, attempt.TABLE, attempt.RULES, attempt.IGNORED,
    (Attempt("a"), Attempt("a", Side.CLIENT, client_confirms=True)),
    _attempt_facts, attempt.decide, lambda a: a.phase, _timeless_attempt, ("ended",),
)  # fmt: skip
PROMISE: Final = Machine(
    Status, promise.TABLE, promise.RULES, promise.IGNORED, (_promised(),), _promise_facts,
    lambda c, fact: promise.decide(c, fact, _POLICY), lambda c: c.status, _timeless_promise,
    ("completed", "expired", "canceled", "failed"),
)  # fmt: skip
# file, mark, what is drawn there
DRAWN: Final[list[tuple[str, str, Callable[[], str]]]] = [
    ("README.md", "transfer-states", lambda: TRANSFER.diagram(usual=True)),
    ("docs/transfer.md", "transfer-states", TRANSFER.diagram),
    ("docs/transfer.md", "transfer-table", TRANSFER.as_table),
    ("docs/callbacks.md", "promise-states", PROMISE.diagram),
    ("docs/callbacks.md", "promise-table", PROMISE.as_table),
    ("docs/callbacks.md", "attempt-states", ATTEMPT.diagram),
    ("docs/callbacks.md", "attempt-table", ATTEMPT.as_table),
]


def write(path: Path, mark: str, text: str, *, check: bool) -> bool:
    """Put the text between the marks in a file. Returns whether it was there already."""
    before = path.read_text()
    head, _, rest = before.partition(f"<!-- {mark} -->")
    _, _, tail = rest.partition(f"<!-- /{mark} -->")
    after = f"{head}<!-- {mark} -->\n{text}\n<!-- /{mark} -->{tail}"
    if not check:
        path.write_text(after)
    return before == after


def main() -> int:
    """Write the drawings, or with --check tell whether they are up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if out of date")
    check = parser.parse_args().check
    current = [write(ROOT / file, mark, draw(), check=check) for file, mark, draw in DRAWN]
    if check and not all(current):
        sys.stderr.write("the diagrams are out of date: make docs\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
