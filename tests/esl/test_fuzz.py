"""A short run of `make fuzz`."""

from __future__ import annotations

import pytest

from tests import fuzz


@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_frames_raise_nothing_and_leave_nothing(seed: int) -> None:
    reader = fuzz.run(10_000, seed)
    assert reader.events > 2000
    assert reader.replies > 300
    assert reader.faults > 50
    assert reader.heard > reader.events / 2
