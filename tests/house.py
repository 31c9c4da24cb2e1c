"""Destinations for tests, made over HTTP as an operator makes them."""

from __future__ import annotations

from typing import Any

from tests.conftest import DOMAIN, Api


def body(**changes: Any) -> dict[str, Any]:
    """The least that a destination needs."""
    return {"domain_uuid": str(DOMAIN), "name": "Financeiro", "destination_number": "1001", **changes}


async def add(api: Api, **changes: Any) -> dict[str, Any]:
    """Add a destination; what is not said is `Financeiro`, extension 1001."""
    response = await api.client.post("/api/destinations", json=body(**changes))
    assert response.status_code == 201, response.text
    row: dict[str, Any] = response.json()
    return row
