"""What a wheel holds: an installed voiced runs far from its tree."""

from __future__ import annotations

from pathlib import Path

import pytest
from setuptools import Distribution

ROOT = Path(__file__).parent.parent


@pytest.fixture
def packaged(monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """The files beside the modules that go into the wheel, as setuptools finds them."""
    monkeypatch.chdir(ROOT)
    distribution = Distribution()
    distribution.parse_config_files()
    build = distribution.get_command_obj("build_py")
    build.ensure_finalized()
    return {Path(folder) / name for _, folder, _, names in build.data_files for name in names}


def test_every_statement_and_migration_is_in_the_wheel(packaged: set[Path]) -> None:
    statements = {path.relative_to(ROOT / "sql") for path in (ROOT / "sql").rglob("*.sql")}
    assert len(statements) > 50
    assert {Path("voiced/sql") / path for path in statements} <= packaged


def test_every_prompt_is_in_the_wheel(packaged: set[Path]) -> None:
    prompts = {path.relative_to(ROOT) for path in (ROOT / "voiced/sounds").rglob("*.wav")}
    assert prompts
    assert prompts <= packaged
