"""Queues for consumers that take their time."""

from __future__ import annotations

import asyncio

import pytest

from tests.esl.fake import FakePbx, event, until
from voiced.esl import Client, EventQueue, EventsLost, Unconfirmed, connect
from voiced.esl.event import Event
from voiced.esl.stats import Stats


def numbered(i: int) -> Event:
    return Event(b"\nEvent-Name: DTMF\nN: %d\n\n" % i)


@pytest.fixture
def closed() -> list[EventQueue]:
    return []


@pytest.fixture
def stats() -> Stats:
    return Stats()


@pytest.fixture
async def queue(stats: Stats, closed: list[EventQueue]) -> EventQueue:
    return EventQueue(3, stats, closed.append)


async def test_events_come_in_their_order(queue: EventQueue) -> None:
    for i in range(3):
        queue.put(numbered(i))
    assert len(queue) == 3
    assert [(await queue.get())["N"] for _ in range(3)] == ["0", "1", "2"]


async def test_an_overflow_is_counted_and_told_once(queue: EventQueue, stats: Stats) -> None:
    for i in range(8):
        queue.put(numbered(i))
    assert len(queue) == 2
    assert stats.events_overflowed == 6
    with pytest.raises(EventsLost, match="6 events were dropped"):
        await queue.get()
    assert (await queue.get())["N"] == "6"
    queue.put(numbered(8))
    assert (await queue.get())["N"] == "7"
    assert (await queue.get())["N"] == "8"


async def test_a_loss_stands_where_the_events_are_missing(queue: EventQueue) -> None:
    queue.put(numbered(0))
    queue.lose(Unconfirmed("gone"))
    queue.lose(Unconfirmed("gone again"))
    queue.put(numbered(1))
    assert (await queue.get())["N"] == "0"
    with pytest.raises(EventsLost, match="gone"):
        await queue.get()
    assert (await queue.get())["N"] == "1"


async def test_losses_that_nobody_reads_take_no_room(queue: EventQueue) -> None:
    for _ in range(1000):
        queue.lose(Unconfirmed("flapping"))
    assert len(queue) == 1


async def test_several_consumers_share_the_events(queue: EventQueue) -> None:
    consumers = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    queue.put(numbered(0))
    queue.put(numbered(1))
    await until(lambda: sum(consumer.done() for consumer in consumers) == 2)
    queue.put(numbered(2))
    assert {(await consumer)["N"] for consumer in consumers} == {"0", "1", "2"}


async def test_a_cancelled_consumer_takes_nothing_with_it(queue: EventQueue) -> None:
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    first.cancel()
    queue.put(numbered(0))
    assert (await second)["N"] == "0"
    assert first.cancelled()


async def test_a_closed_queue_ends_its_consumers(queue: EventQueue, closed: list[EventQueue]) -> None:
    async def consume() -> list[str]:
        return [event["N"] async for event in queue]

    waiting, direct = asyncio.create_task(consume()), asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.close()
    assert await waiting == []
    with pytest.raises(EventsLost, match="closed"):
        await direct
    assert closed == [queue]


async def test_what_is_there_when_it_is_closed_can_still_be_read(queue: EventQueue) -> None:
    with queue:
        queue.put(numbered(0))
    assert [event["N"] async for event in queue] == ["0"]


# -- with a client -------------------------------------------------------------------------------------------


async def test_a_slow_consumer_loses_events_and_the_socket_is_drained(pbx: FakePbx) -> None:
    async with connect("127.0.0.1", pbx.port) as client:
        peer = await pbx.peer()
        with client.queue(name="DTMF", size=10) as queue:
            for i in range(1005):
                peer.send(event("DTMF", "u-1", N=str(i)))
            peer.send(event("HEARTBEAT"))
            await client.wait_for("HEARTBEAT", timeout=5)  # everything was read, though nobody consumed
            assert client.stats.events_overflowed > 900
            with pytest.raises(EventsLost):
                await queue.get()
            assert (await queue.get())["N"] == "1000"
            assert client.is_connected
        assert not client._queues
        assert not client._waiters


async def test_a_consumer_learns_of_a_lost_connection_and_goes_on(pbx: FakePbx) -> None:
    async with connect("127.0.0.1", pbx.port) as client:
        peer = await pbx.peer()
        queue = client.queue(name="DTMF")
        peer.send(event("DTMF", N="0"))
        await until(lambda: len(queue) == 1)
        peer.reset()
        peer = await pbx.peer(2)
        peer.send(event("DTMF", N="1"))
        assert (await queue.get())["N"] == "0"
        with pytest.raises(EventsLost, match="connection ended"):
            await queue.get()
        assert (await queue.get())["N"] == "1"


async def test_a_consumer_ends_with_its_client(pbx: FakePbx) -> None:
    async def consume(client: Client) -> int:
        seen = 0
        try:
            async for _ in client.queue(name="DTMF"):
                seen += 1
        except EventsLost:
            return seen
        return -1

    async with connect("127.0.0.1", pbx.port) as client:
        consumer = asyncio.create_task(consume(client))
        await until(lambda: client._queues)
    assert await consumer == 0
    assert not client._queues
