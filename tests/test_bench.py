"""Whoever runs the benchmarks hears of a figure that is over its limit, and so does a script."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench import Limit, Results, __main__


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Results:
    """What the only benchmark finds."""
    found: Results = {"longest_ms": 1.5}
    part = SimpleNamespace(SUMMARY="a part", run=lambda options: dict(found))
    monkeypatch.setattr(__main__, "benchmarks", lambda: {"part": part})
    monkeypatch.setattr(__main__, "RESULTS", tmp_path)
    monkeypatch.setattr("sys.argv", ["bench", "part"])
    return found


def test_a_figure_over_its_limit_is_told_and_fails(
    measured: Results, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    measured["limits"] = [Limit("longest", 1.5, 1.0), Limit("shortest", 0.5, 1.0)]
    with pytest.raises(SystemExit) as ended:
        __main__.main()
    assert ended.value.code == 1
    told = [line for line in capsys.readouterr().out.splitlines() if "OVER THE LIMIT" in line]
    assert told == ["OVER THE LIMIT  part: longest: 1.5 ms, at most 1 ms wanted"]
    (report,) = tmp_path.iterdir()
    assert json.loads(report.read_text())["limits"][0]["found"] == 1.5


def test_a_figure_under_what_it_should_be_at_least_fails_too(measured: Results) -> None:
    measured["limits"] = [Limit("questions", 2900, 3000, "a second", at_least=True)]
    with pytest.raises(SystemExit):
        __main__.main()


def test_limits_that_are_kept_are_not_spoken_of(
    measured: Results, capsys: pytest.CaptureFixture[str]
) -> None:
    measured["limits"] = [Limit("longest", 1.0, 1.0)]
    __main__.main()
    assert "LIMIT" not in capsys.readouterr().out
