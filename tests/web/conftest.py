"""Daemons of these tests do not wait for calls that ring when they are stopped: nobody would end them.

Hypothesis' profile `api` has as many examples as `--examples` says.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from voiced import app


def pytest_configure(config: pytest.Config) -> None:
    settings.register_profile(
        "api", max_examples=config.getoption("--examples"), deadline=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "FINISH_SECONDS", 0.1)
