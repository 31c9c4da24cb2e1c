"""Daemons of these tests do not wait for calls that ring when they are stopped: nobody would end them."""

from __future__ import annotations

import pytest

from voiced import app


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "FINISH_SECONDS", 0.1)
