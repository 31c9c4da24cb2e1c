"""Whose call a call is, by what its channel says."""

from __future__ import annotations

from uuid import UUID

import pytest

from voiced.pbx.channel import Channel, Home
from voiced.settings import DomainSettings
from voiced.transfer.tenants import Tenants

HERE, THERE, NOWHERE = (UUID(int=at) for at in (1, 2, 3))
HOUSE = [DomainSettings(uuid=HERE, name="here.test"), DomainSettings(uuid=THERE, name="there.test")]


def call(uuid: UUID | None = None, name: str = "", context: str = "public") -> Channel:
    return Channel(
        "c", "CS_EXECUTE", True, domain_uuid=str(uuid or ""), domain_name=name, home=Home("1", "XML", context)
    )


@pytest.mark.parametrize(
    ("channel", "strictly", "loosely"),
    [
        (call(HERE), True, True),
        (call(HERE, "there.test"), True, True),  # the uuid is what FusionPBX itself goes by
        (call(name="Here.Test"), True, True),
        (call(context="here.test"), True, True),
        (call(name="there.test", context="here.test"), False, False),
        (call(THERE), False, False),
        (call(context="there.test"), False, False),
        (call(NOWHERE), False, True),
        (call(name="10.0.0.5"), False, True),
        (call(), False, True),
    ],
)
def test_a_call_belongs_to_the_domain_that_its_channel_names(
    channel: Channel, strictly: bool, loosely: bool
) -> None:
    tenants = Tenants(HOUSE)
    assert tenants.owns(HERE, channel, strictly=True) is strictly
    assert tenants.owns(HERE, channel, strictly=False) is loosely


def test_where_there_is_one_domain_a_call_that_names_none_is_its() -> None:
    alone = Tenants(HOUSE[:1])
    assert alone.owns(HERE, call(), strictly=True)
    assert not alone.owns(HERE, call(NOWHERE), strictly=True)
    assert not alone.owns(HERE, call(name="there.test"), strictly=True)
