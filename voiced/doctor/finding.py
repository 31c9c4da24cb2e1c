"""What one check found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """`text` is what is so; `advice` what to do, '' where nothing has to be done. One line each."""

    what: str
    well: bool
    text: str
    advice: str = ""
