"""What each rule of the attempt's table does: small functions, in the order of a call.

A rule takes the attempt and the fact and returns the attempt after it, with the actions that follow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from voiced import table
from voiced.callback.rules import away, calling, talking
from voiced.callback.rules.steps import Step
from voiced.callback.state import Attempt

Rule: TypeAlias = Callable[[Attempt, Any], Step]
RULES: Final[dict[str, Rule]] = {
    name: rule for module in (calling, talking, away) for name, rule in table.rules_of(module).items()
}
