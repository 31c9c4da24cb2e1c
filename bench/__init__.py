"""Benchmarks. Each module here whose name does not begin with an underscore is one:

    SUMMARY: str                               one line for `--help`
    def run(options: Options) -> Results       measure, print tables, return the figures

`python -m bench` runs them all, `python -m bench NAME …` some. Figures also go to bench/results/. Those that
have a limit are in `Results["limits"]` too, a list of `Limit`; whoever runs the benchmark hears of each that
is not kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

Results: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Options:
    """`rounds` measurements of each peer, one after the other in turn; `scale` makes all of it shorter."""

    rounds: int = 5
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Limit:
    """A figure that may not be over (or, `at_least`, under) its limit, both in `unit`."""

    what: str
    found: float
    limit: float
    unit: str = "ms"
    at_least: bool = False

    @property
    def is_kept(self) -> bool:
        return self.found >= self.limit if self.at_least else self.found <= self.limit

    def __str__(self) -> str:
        wanted = "at least" if self.at_least else "at most"
        return f"{self.what}: {self.found:,.4g} {self.unit}, {wanted} {self.limit:,.4g} {self.unit} wanted"
