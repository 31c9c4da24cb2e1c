"""/metrics: every figure that DESIGN promises for transfers, and that it counts what happened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families

from tests.backend import Backend
from tests.callers import at_the_assistant
from tests.conftest import Api, Start
from voiced.sim import Manner, Switch

PROMISED = {
    "voice_transfers_total", "voice_transfers_duration_seconds_bucket", "voice_transfers_in_progress",
    "voice_transfer_reaction_seconds_bucket", "esl_connected", "esl_events_total", "esl_reconnects_total",
    "esl_commands_total", "esl_command_seconds_bucket", "tickets_outbox_pending", "tickets_deliveries_total",
    "tickets_outbox_oldest_seconds",
}  # fmt: skip

Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def scrape(api: Api) -> Figures:
    """Every sample, as Prometheus reads it."""
    response = await api.client.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def figure(figures: Figures, sample: str, /, **labels: str) -> float:
    return figures.get((sample, frozenset(labels.items())), 0.0)


async def until(api: Api, holds: Callable[[Figures], bool]) -> Figures:
    async with asyncio.timeout(8):
        while not holds(figures := await scrape(api)):
            await asyncio.sleep(0.02)
    return figures


async def test_every_figure_is_there_and_counts_what_happened(switch: Switch, start: Start) -> None:
    backend = Backend()
    await backend.start()
    switch.phone("1001", delay=0.02)
    switch.phone("1002", Manner.BUSY, delay=0.02)
    async with start(tickets={"url": backend.url}) as api:
        callers = [await at_the_assistant(switch) for _ in range(3)]
        for caller, extension in zip(callers, ("1001", "1002", "1002"), strict=True):
            await api.transfer(caller.uuid, extension)
        talking = await until(api, lambda f: figure(f, "voice_transfers_in_progress") == 1)
        assert figure(talking, "voice_transfers_total", status="success", destination_type="extension") == 1
        assert figure(talking, "voice_transfers_total", status="busy", destination_type="extension") == 2
        callers[0].hangup()
        ended = await until(
            api,
            lambda f: (
                figure(f, "voice_transfers_in_progress") == 0
                and figure(f, "tickets_deliveries_total", result="accepted") == 4
            ),
        )
        assert {name for name, _ in ended} >= PROMISED
        assert figure(ended, "voice_transfers_duration_seconds_count") == 3
        assert 0 < figure(ended, "voice_transfers_duration_seconds_sum") < 30
        assert figure(ended, "voice_transfer_reaction_seconds_count") == 1
        assert figure(ended, "voice_transfer_reaction_seconds_sum") < 1
        assert figure(ended, "esl_connected") == 1
        assert figure(ended, "esl_events_total", name="CHANNEL_BRIDGE") >= 1
        assert sum(value for (name, _), value in ended.items() if name == "esl_commands_total") > 10
        assert figure(ended, "esl_command_seconds_count") > 10
        assert figure(ended, "esl_reconnects_total") == 0
        assert figure(ended, "tickets_outbox_pending") == 0
        await switch.cut()
        lost = await until(api, lambda f: figure(f, "esl_reconnects_total") >= 1)
        assert figure(lost, "voice_transfers_duration_seconds_count") == 3
    await backend.stop()


async def test_a_lost_pbx_is_seen(switch: Switch, start: Start) -> None:
    async with start() as api:
        await switch.stop()
        await until(api, lambda f: figure(f, "esl_connected") == 0)


async def test_results_that_wait_are_seen_with_their_age(switch: Switch, start: Start) -> None:
    switch.phone("1001", Manner.BUSY, delay=0.02)
    async with start(tickets={"url": "http://127.0.0.1:1"}) as api:
        caller = await at_the_assistant(switch)
        await api.transfer(caller.uuid, "1001")
        waiting = await until(api, lambda f: figure(f, "tickets_outbox_oldest_seconds") > 0)
        assert figure(waiting, "tickets_outbox_pending") == 1
