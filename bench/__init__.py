"""Benchmarks. Each module here whose name does not begin with an underscore is one:

    SUMMARY: str                               one line for `--help`
    def run(options: Options) -> Results       measure, print tables, return the figures

`python -m bench` runs them all, `python -m bench NAME …` some. Figures also go to bench/results/.
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
