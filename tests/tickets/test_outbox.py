"""The outbox: each stream in order, each message until it is accepted, and nothing twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from structlog.testing import capture_logs

from tests.backend import Backend, Delivery
from tests.gate import Gate
from voiced import database
from voiced.database import query
from voiced.tickets import outbox as module
from voiced.tickets.message import Message
from voiced.tickets.outbox import Outbox

PASSING = [500, 502, 503, 504, 599, 408, 425, 429]
PERMANENT = [400, 401, 403, 404, 409, 410, 413, 415, 422, 451, 301, 302]


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    backend = Backend()
    await backend.start()
    yield backend
    await backend.stop()


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses as they grow, a twentieth as long; looks at the table more often."""
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.025)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.4)
    monkeypatch.setattr(module, "LOOK_AGAIN", 0.1)
    monkeypatch.setattr(module, "COUNT_SECONDS", 0.02)


@contextlib.asynccontextmanager
async def delivering(pool: asyncpg.Pool, backend: Backend, **more: Any) -> AsyncIterator[Outbox]:
    outbox = Outbox(pool, backend.url, "secret-token", **{"timeout": 0.3, **more})
    task = asyncio.create_task(outbox.run())
    try:
        yield outbox
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def put(pool: asyncpg.Pool, *keys: str, stream: str | None = None, payload: Any = None) -> None:
    """Messages `stream:number`, unless a stream is given."""
    for key in keys:
        message = Message(stream or key.partition(":")[0], key, "/api/x", payload or {"key": key})
        name, arguments = message.put()
        await pool.execute(query(name), *arguments)


async def states(pool: asyncpg.Pool) -> dict[str, str]:
    return {row["idempotency_key"]: row["state"] for row in await pool.fetch("select * from outbox")}


async def row_of(pool: asyncpg.Pool, key: str) -> asyncpg.Record:
    row = await pool.fetchrow("select * from outbox where idempotency_key = $1", key)
    assert row is not None
    return row


async def until_state(pool: asyncpg.Pool, key: str, state: str) -> asyncpg.Record:
    async with asyncio.timeout(8):
        while (row := await row_of(pool, key))["state"] != state:
            await asyncio.sleep(0.02)
    return row


# -- delivering -------------------------------------------------------------------------------------------


async def test_a_message_arrives_with_token_and_key_and_is_told_delivered(
    pool: asyncpg.Pool, backend: Backend
) -> None:
    answers: list[Any] = []

    async def tell(connection: Any, key: str, path: str, answer: dict[str, Any]) -> None:
        answers.append((key, path, answer))

    async with delivering(pool, backend, answered=tell) as outbox:
        await put(pool, "a:1", payload={"status": "busy", "ç": "ã 😀"})
        outbox.wake()
        row = await until_state(pool, "a:1", "delivered")
    (delivery,) = backend.accepted
    assert delivery.path == "/api/x"
    assert delivery.headers["authorization"] == "Bearer secret-token"
    assert delivery.headers["idempotency-key"] == "a:1"
    assert delivery.headers["content-type"] == "application/json"
    assert delivery.payload == {"status": "busy", "ç": "ã 😀"}
    assert (row["tries"], row["last_status"], row["last_error"]) == (1, 200, "")
    assert row["delivered_at"] is not None
    assert answers == [("a:1", "/api/x", {"success": True, "ticketId": 7})]


async def test_the_same_key_twice_is_one_message(pool: asyncpg.Pool, backend: Backend) -> None:
    await put(pool, "a:1", "a:1", "a:2")
    async with delivering(pool, backend):
        await until_state(pool, "a:2", "delivered")
    assert backend.arrived == ["a:1", "a:2"]


async def test_a_path_in_the_backends_url_stays(pool: asyncpg.Pool, backend: Backend) -> None:
    outbox = Outbox(pool, f"{backend.url}/omniplay/", "")
    task = asyncio.create_task(outbox.run())
    await put(pool, "a:1")
    await backend.until(lambda: backend.accepted)
    task.cancel()
    assert backend.accepted[0].path == "/omniplay/api/x"
    assert "authorization" not in backend.accepted[0].headers


async def test_each_stream_arrives_in_order_and_streams_do_not_wait_for_each_other(
    pool: asyncpg.Pool, backend: Backend
) -> None:
    keys = [f"{stream}:{number}" for number in range(10) for stream in "abcdef"]
    await put(pool, *keys)
    backend.slowness = 0.01
    async with delivering(pool, backend):
        await backend.until(lambda: len(backend.accepted) == 60)
    for stream in "abcdef":
        mine = [key for key in backend.arrived if key.startswith(stream)]
        assert mine == [f"{stream}:{number}" for number in range(10)]
    assert 2 <= backend.most_open <= module.WORKERS


async def test_the_first_of_a_stream_that_fails_holds_up_its_stream_and_no_other(
    pool: asyncpg.Pool, backend: Backend
) -> None:
    backend.answer = lambda delivery: 503 if delivery.key == "a:1" and len(backend.seen) < 12 else None
    await put(pool, "a:1", "a:2", *(f"b:{number}" for number in range(8)))
    async with delivering(pool, backend):
        await backend.until(lambda: len(backend.accepted) == 10)
    keys = backend.arrived
    assert keys.index("a:1") < keys.index("a:2")
    assert keys.index("b:7") < keys.index("a:1"), "b did not wait for a"


# -- trying again -----------------------------------------------------------------------------------------


NO_ANSWER = {
    "hang": "hang", "drop": "drop", "drip": "drip", "nonsense": b"nonsense\r\n\r\n",
    "short": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
}  # fmt: skip


async def test_a_passing_failure_is_tried_again_until_it_is_accepted(
    pool: asyncpg.Pool, backend: Backend
) -> None:
    failures: dict[str, Any] = {**{f"s{status}": status for status in PASSING}, **NO_ANSWER}

    def twice(delivery: Delivery) -> Any:
        tries = [seen.key for seen in backend.seen].count(delivery.key)
        return failures[delivery.key.partition(":")[0]] if tries < 3 else None

    backend.answer = twice
    await put(pool, *(f"{stream}:1" for stream in failures))
    async with delivering(pool, backend, timeout=0.2) as outbox:
        await backend.until(lambda: len(backend.accepted) == len(failures))
        for stream in failures:
            assert (await until_state(pool, f"{stream}:1", "delivered"))["tries"] == 3
        assert outbox.deliveries == {"again": 2 * len(failures), "accepted": len(failures)}


async def test_a_backend_that_is_down_is_no_loss_when_it_comes_back(
    pool: asyncpg.Pool, backend: Backend
) -> None:
    await backend.stop()
    await put(pool, "a:1", "a:2")
    async with delivering(pool, backend):
        async with asyncio.timeout(5):
            while (await row_of(pool, "a:1"))["tries"] < 3:
                await asyncio.sleep(0.02)
        assert "ConnectError" in (await row_of(pool, "a:1"))["last_error"]
        assert (await row_of(pool, "a:2"))["tries"] == 0
        await backend.start()
        await backend.until(lambda: backend.arrived == ["a:1", "a:2"])


async def test_pauses_grow_to_their_limit(pool: asyncpg.Pool, backend: Backend) -> None:
    """No try comes before its pause is over; how soon after it comes is the machine's affair."""
    failures = 10
    backend.answer = lambda _: 503 if len(backend.seen) < failures else None
    await put(pool, "a:1")
    async with delivering(pool, backend, timeout=5):
        await until_state(pool, "a:1", "delivered")
    least = sum(min(0.4, 0.025 * 2**number) / 2 for number in range(failures - 1))
    assert len(backend.seen) == failures
    assert backend.seen[-1].at - backend.seen[0].at >= 0.95 * least


def test_the_pauses_of_the_daemon_grow_to_half_a_minute() -> None:
    pauses = [module.pause(tries, first=0.5, longest=30.0, at=1.0) for tries in (0, 1, 2, 5, 6, 7, 50, 10**6)]
    assert pauses == [0.5, 1.0, 2.0, 16.0, 30.0, 30.0, 30.0, 30.0]
    assert module.pause(0, first=0.5, longest=30.0, at=0.0) == 0.25


async def test_while_a_stream_waits_the_database_is_not_asked_all_the_time(
    pool: asyncpg.Pool, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_AGAIN", 2.0)
    monkeypatch.setattr(module, "FIRST_PAUSE", 30.0)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 60.0)
    monkeypatch.setattr(module, "COUNT_SECONDS", 60.0)
    backend.answer = lambda delivery: {"a": 400, "b": 503}.get(delivery.key[0])
    await put(pool, "a:1", "a:2", "b:1", "b:2")
    asked = 0

    class Counting:
        def __getattr__(self, name: str) -> Any:
            nonlocal asked
            asked += 1
            return getattr(pool, name)

    async with delivering(Counting(), backend, timeout=5):  # type: ignore[arg-type]
        await until_state(pool, "a:1", "held")
        async with asyncio.timeout(5):
            while (await row_of(pool, "b:1"))["tries"] == 0:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.05)
        before = asked
        for _ in range(12):
            await asyncio.sleep(0.05)
        assert asked - before <= 2 * module.WORKERS, "a held head, or one that waits, is nothing that is due"


# -- held -------------------------------------------------------------------------------------------------


async def test_a_permanent_refusal_is_held_at_once_with_its_reason(
    pool: asyncpg.Pool, backend: Backend
) -> None:
    backend.answer = lambda delivery: int(delivery.key[1:4]) if delivery.key.endswith(":1") else None
    for status in PERMANENT:
        await put(pool, f"s{status}:1", f"s{status}:2")
    await put(pool, "well:0")
    with capture_logs() as logs:
        async with delivering(pool, backend) as outbox:
            rows = {status: await until_state(pool, f"s{status}:1", "held") for status in PERMANENT}
            await until_state(pool, "well:0", "delivered")
            assert outbox.deliveries == {"held": len(PERMANENT), "accepted": 1}
    for status, row in rows.items():
        assert (row["tries"], row["last_status"]) == (1, status)
        assert row["last_error"].startswith(f"{status}: ")
    found = await states(pool)
    assert {found[f"s{status}:2"] for status in PERMANENT} == {"pending"}, "what follows waits"
    assert len([line for line in logs if line["event"] == "a message is held"]) == len(PERMANENT)


async def test_after_a_day_of_trying_a_message_is_held(pool: asyncpg.Pool, backend: Backend) -> None:
    backend.answer = lambda _: 503
    await put(pool, "old:1", "young:1")
    since = "update outbox set trying_since = now() - $1::interval where stream = $2"
    await pool.execute(since, timedelta(hours=24), "old")
    await pool.execute(since, timedelta(hours=23, minutes=59), "young")
    async with delivering(pool, backend):
        row = await until_state(pool, "old:1", "held")
        assert row["tries"] == 1
        async with asyncio.timeout(5):
            while (await row_of(pool, "young:1"))["tries"] < 2:
                await asyncio.sleep(0.02)
        assert (await states(pool))["young:1"] == "pending"


async def test_a_released_message_is_delivered_and_its_stream_goes_on(
    pool: asyncpg.Pool, backend: Backend
) -> None:
    backend.answer = lambda _: 400
    await put(pool, "a:1", "a:2")
    async with delivering(pool, backend):
        row = await until_state(pool, "a:1", "held")
        backend.answer = lambda _: None
        assert await pool.fetchval(query("outbox/release"), row["id"]) == row["id"]
        await until_state(pool, "a:2", "delivered")
    assert backend.arrived == ["a:1", "a:2"]
    assert await pool.fetchval(query("outbox/release"), row["id"]) is None, "it is held no more"


async def test_a_message_released_after_a_day_is_tried_for_a_day_again(
    pool: asyncpg.Pool, backend: Backend
) -> None:
    backend.answer = lambda _: 503 if len(backend.seen) < 4 else None
    await put(pool, "a:1")
    await pool.execute("update outbox set trying_since = now() - interval '3 days'")
    async with delivering(pool, backend):
        row = await until_state(pool, "a:1", "held")
        await pool.fetchval(query("outbox/release"), row["id"])
        await until_state(pool, "a:1", "delivered")
    assert len(backend.seen) == 4


# -- attacks ----------------------------------------------------------------------------------------------


STRANGE = [
    b"\0\0\0", b"\xff\xfe\x00", b"\xe9" * 1000, b"[" * 5000, b"", b"null", b"[1, 2]", b'"\\ud800"',
]  # fmt: skip


ENDLESS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"8000\r\n%b\r\n" % (b" " * 0x8000) * 64


async def test_of_a_huge_answer_no_more_is_read_than_is_sane(
    pool: asyncpg.Pool, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    monkeypatch.setattr(module, "_object", lambda body: read.append(len(body)) or {})
    backend.answer = lambda _: ENDLESS
    await put(pool, "a:1")
    async with delivering(pool, backend, answered=never):
        await until_state(pool, "a:1", "delivered")
    assert read
    assert read[0] < 2 * module.LARGEST_ANSWER


async def never(connection: Any, key: str, path: str, answer: dict[str, Any]) -> None:
    assert answer == {}


async def test_what_is_put_while_a_worker_looks_is_not_slept_over(
    pool: asyncpg.Pool, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_AGAIN", 60)
    monkeypatch.setattr(module, "WORKERS", 1)
    put_meanwhile: list[str] = []
    look = Outbox._until_due

    async def slow_look(self: Outbox) -> float:
        found = await look(self)
        if not put_meanwhile:
            put_meanwhile.append("a:1")
            await put(pool, "a:1")
            self.wake()
        return found

    monkeypatch.setattr(Outbox, "_until_due", slow_look)
    async with delivering(pool, backend):
        await backend.until(lambda: backend.arrived == ["a:1"])


async def test_a_message_that_nobody_can_send_ends_neither_the_outbox_nor_the_others(
    pool: asyncpg.Pool, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = httpx.AsyncClient.stream

    def stream(self: httpx.AsyncClient, method: str, url: str, **more: Any) -> Any:
        if more["json"].get("transferId"):
            raise RuntimeError("a fault of a library")
        return about(self, method, url, **more)

    monkeypatch.setattr(httpx.AsyncClient, "stream", stream)
    await put(pool, "a:1", payload={"transferId": "t", "callUuid": "c", "domainUuid": "d"})
    await put(pool, "b:1")
    with capture_logs() as logs:
        async with delivering(pool, backend):
            await until_state(pool, "b:1", "delivered")
            await backend.until(lambda: logs)
    assert (await row_of(pool, "a:1"))["state"] == "pending"
    assert [logs[0][name] for name in ("transfer_id", "call_uuid", "domain")] == ["t", "c", "d"]


async def test_a_delivery_counts_once_it_is_noted_and_not_before(
    pool: asyncpg.Pool, backend: Backend
) -> None:
    async with delivering(pool, backend, answered=unplugged) as outbox:
        await put(pool, "a:1")
        outbox.wake()
        await backend.until(lambda: len(backend.accepted) > 1)
        assert outbox.deliveries["accepted"] == 0


async def unplugged(connection: Any, key: str, path: str, answer: dict[str, Any]) -> None:
    raise asyncpg.ConnectionDoesNotExistError("gone between the answer and its note")


@pytest.mark.parametrize("status", [200, 400, 503])
async def test_an_answer_with_a_strange_body_is_taken_by_its_status(
    pool: asyncpg.Pool, backend: Backend, status: int
) -> None:
    def strange(delivery: Delivery) -> Any:
        body = STRANGE[int(delivery.key.partition(":")[2])]
        first = [seen.key for seen in backend.seen].count(delivery.key) == 1
        return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body) if first else None

    backend.answer = strange
    for number in range(len(STRANGE)):
        await put(pool, f"{number}:{number}")

    async def listen(*_: Any) -> None:
        pass

    async with delivering(pool, backend, answered=listen):
        for number in range(len(STRANGE)):
            row = await until_state(pool, f"{number}:{number}", "held" if status == 400 else "delivered")
            assert row["tries"] == (2 if status == 503 else 1)


async def test_a_listener_that_raises_costs_nothing_but_a_line_in_the_log(
    pool: asyncpg.Pool, backend: Backend
) -> None:
    async def raises(*_: Any) -> None:
        raise RuntimeError("a fault of ours")

    await put(pool, "a:1", "a:2")
    with capture_logs() as logs:
        async with delivering(pool, backend, answered=raises):
            await until_state(pool, "a:2", "delivered")
    assert backend.arrived == ["a:1", "a:2"]
    assert [line for line in logs if line["log_level"] == "error"]


async def test_two_daemons_deliver_together_and_nothing_twice_nor_out_of_order(
    pool: asyncpg.Pool, database_url: str, backend: Backend
) -> None:
    keys = [f"{stream}:{number:02}" for number in range(25) for stream in "abcdefgh"]
    backend.slowness = 0.002
    async with (
        await database.open_pool(database_url, size=6) as other,
        delivering(pool, backend) as one,
        delivering(other, backend) as two,
    ):
        await put(pool, *keys)
        await backend.until(lambda: len(backend.accepted) >= len(keys))
        await until_state(pool, keys[-1], "delivered")
        shares = (one.deliveries["accepted"], two.deliveries["accepted"])
    assert sorted(backend.arrived) == sorted(keys), "each once"
    for stream in "abcdefgh":
        mine = [key for key in backend.arrived if key.startswith(stream)]
        assert mine == sorted(mine)
    assert min(shares) > 0


async def test_a_delivery_whose_answer_was_lost_comes_again_under_the_same_key(
    pool: asyncpg.Pool, backend: Backend
) -> None:
    """The daemon dies between the backend's acceptance and its own note of it."""
    gone = asyncio.Event()

    def dies_first(delivery: Delivery) -> Any:
        gone.set()
        return None if len(backend.seen) > 1 else "hang"

    backend.answer = dies_first
    await put(pool, "a:1")
    async with delivering(pool, backend):
        await gone.wait()
    async with delivering(pool, backend):
        await until_state(pool, "a:1", "delivered")
    assert [delivery.key for delivery in backend.seen] == ["a:1", "a:1"]


async def test_without_a_database_it_waits_and_goes_on(
    pool: asyncpg.Pool, database_url: str, backend: Backend
) -> None:
    gate = Gate(database_url)
    await gate.open()
    async with await database.open_pool(gate.url, size=6) as through, delivering(through, backend):
        await put(pool, "a:1")
        await backend.until(lambda: backend.accepted)
        await gate.shut()
        await put(pool, "a:2")
        for _ in range(6):
            await asyncio.sleep(0.05)
        await gate.open()
        await backend.until(lambda: backend.arrived[-1] == "a:2")
    await gate.shut()


async def test_the_figures_say_what_waits_what_is_held_and_since_when(
    pool: asyncpg.Pool, backend: Backend
) -> None:
    backend.answer = lambda delivery: {"a": 400, "b": 503}.get(delivery.key[0])
    await put(pool, "a:1", "a:2", "b:1", "c:1")
    await pool.execute("update outbox set created_at = now() - interval '90 s' where stream = 'b'")
    async with delivering(pool, backend) as outbox:
        await until_state(pool, "c:1", "delivered")
        await until_state(pool, "a:1", "held")

        def figures() -> dict[str, float]:
            return {
                sample.name + "".join(sample.labels.values()): sample.value
                for metric in outbox.figures()
                for sample in metric.samples
            }

        await backend.until(lambda: figures()["tickets_outbox_held"] == 1)
        found = figures()
    assert found["tickets_outbox_pending"] == 2
    assert 89 < found["tickets_outbox_oldest_seconds"] < 120
    assert found["tickets_deliveries_totalaccepted"] == 1
    assert found["tickets_deliveries_totalheld"] == 1
    assert found["tickets_deliveries_totalagain"] >= 1
