"""Recordings of a real FreeSWITCH's event socket (1.11.3-dev, August 2026), compressed, one scenario a file.

`load("transfer_busy_486")` gives the header (scenario, what, pbx) and the frames: seconds, direction ("<" from
the PBX, ">" to it) and text, UTF-8 with surrogate escapes, cut where the socket cut it.
"""

from __future__ import annotations

import json
import lzma
from functools import cache
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent


class Frame(NamedTuple):
    seconds: float
    direction: str
    text: str

    @property
    def data(self) -> bytes:
        return self.text.encode("utf-8", "surrogateescape")


def names() -> list[str]:
    """Every scenario, in alphabetical order."""
    return sorted(path.name.removesuffix(".jsonl.xz") for path in FOLDER.glob("*.jsonl.xz"))


@cache
def load(name: str) -> tuple[dict[str, str], list[Frame]]:
    """The header and the frames of a scenario."""
    with lzma.open(FOLDER / f"{name}.jsonl.xz", "rt", encoding="utf-8") as file:
        header, *frames = (json.loads(line) for line in file)
    return header, [Frame(*frame) for frame in frames]
