"""What each rule of the table does: small functions, in the order of a call.

A rule takes the transfer and the fact and returns the transfer after it, with the actions that follow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from voiced import table
from voiced.transfer.rules import away, calling, leaving, returning, talking
from voiced.transfer.rules.steps import Step
from voiced.transfer.state import Transfer

Rule: TypeAlias = Callable[[Transfer, Any], Step]
RULES: Final[dict[str, Rule]] = {
    name: rule
    for module in (calling, leaving, talking, returning, away)
    for name, rule in table.rules_of(module).items()
}
