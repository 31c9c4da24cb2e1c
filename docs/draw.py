"""Draw the machines from their code: `make docs` writes the diagrams into README.md and docs/.

The diagram is found by trying: every fact is given to the machine in every state that is reached from the
first, and each change of state is an arrow. Nothing in it is written by hand.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, get_type_hints

from voiced.table import fact_name
from voiced.transfer import facts as f
from voiced.transfer.machine import IGNORED, RULES, TABLE, decide
from voiced.transfer.state import Dial, Phase, Transfer

ROOT: Final = Path(__file__).resolve().parent.parent
_SHOWN: Final = 3  # facts on one arrow; the others are in the table
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


def reached() -> dict[tuple[Phase, Phase], list[str]]:
    """Changes of state, with the facts that make them, in the order in which they are found."""
    plan = (Dial(screening_seconds=5), Dial(is_retry=True), Dial())
    first = [Transfer("t", plan), Transfer("t", plan[1:])]
    arrows: dict[tuple[Phase, Phase], list[str]] = defaultdict(list)
    seen, todo = set(first), list(first)
    while todo:
        t = todo.pop(0)
        for fact in _facts(t):
            after, _ = decide(t, fact)
            if after.phase is not t.phase and fact_name(type(fact)) not in arrows[t.phase, after.phase]:
                arrows[t.phase, after.phase].append(fact_name(type(fact)))
            key = _timeless(after)
            if key not in seen and len(seen) < 20_000:
                seen.add(key)
                todo.append(after)
    return dict(arrows)


def _facts(t: Transfer) -> Iterable[f.Fact]:
    at = t.until or 1000.0
    for kind in f.FACTS:
        for values in ({"cause": "USER_BUSY", "key": ""}, {"cause": "CALL_REJECTED", "key": "*"}):
            known: dict[str, Any] = {"at": at, "attempt": t.attempt, "leg": "leg", **values}
            hints = get_type_hints(kind)
            yield kind(**{name: value for name, value in known.items() if name in hints})


def _timeless(t: Transfer) -> Transfer:
    """The same without its clocks, so that the search ends."""
    from dataclasses import replace

    return replace(
        t, until=0, paused_until=0, hold_until=0, ring_until=0, requested_at=0, music_at=0, dialled_at=0,
        ringing_at=0, answered_at=0, bridged_at=float(t.bridged_at > 0), known_at=0, unbridged_at=0,
        ended_at=0,
    )  # fmt: skip


def diagram(*, usual: bool = False) -> str:
    """The transfer's states as a Mermaid diagram; the `usual` course of things, or everything."""
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> pending"]
    for arrow, names in sorted(reached().items(), key=lambda item: _order(item[0])):
        if usual:
            names = [name for name in names if (arrow[0], arrow[1], name) in _USUAL]
        label = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
        if names:
            lines.append(f"    {arrow[0]} --> {arrow[1]}: {label}")
    return "\n".join([*lines, "    ended --> [*]", "```"])


def _order(arrow: tuple[Phase, Phase]) -> tuple[int, int]:
    phases = list(Phase)
    return phases.index(arrow[0]), phases.index(arrow[1])


def table() -> str:
    """The whole table, and what its entries mean."""
    lines = ["| fact | " + " | ".join(Phase) + " |", "|---" * (len(Phase) + 1) + "|"]
    for name, row in TABLE.items():
        cells = [f"*{cell[1:]}*" if cell in IGNORED else f"**{cell}**" for cell in row.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    rules = [f"| **{name}** | {_summary(rule)} |" for name, rule in RULES.items() if _is_used(name)]
    reasons = [f"| *{name[1:]}* | ignored: {why} |" for name, why in IGNORED.items()]
    return "\n".join([*lines, "", "| entry | what it does |", "|---|---|", *rules, *reasons])


def _is_used(name: str) -> bool:
    return any(name in row.values() for row in TABLE.values())


def _summary(rule: Any) -> str:
    return str(rule.__doc__).strip().split("\n\n")[0].replace("\n", " ")


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
    current = [
        write(ROOT / "README.md", "transfer-states", diagram(usual=True), check=check),
        write(ROOT / "docs" / "transfer.md", "transfer-states", diagram(), check=check),
        write(ROOT / "docs" / "transfer.md", "transfer-table", table(), check=check),
    ]
    if check and not all(current):
        sys.stderr.write("the diagrams are out of date: make docs\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
