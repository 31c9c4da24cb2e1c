"""Presence, kept from the events of a simulated PBX and held against its tables."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import pytest

from voiced.esl import Event, Unconfirmed
from voiced.pbx import presence
from voiced.pbx.dnd import DoNotDisturb
from voiced.pbx.extension import Extension, parse
from voiced.pbx.pbx import Pbx
from voiced.pbx.presence import Presence, PresenceUnknown, State
from voiced.sim import Caller, Manner, Phone, Switch, Verdict
from voiced.sim.tables import as_json

PETER = Extension("1001", "pbx.test")
MARY = Extension("1002", "pbx.test")
SETTLE = 0.15
LAG = 0.15
REGISTRATIONS, CHANNELS = "api show registrations as json", "api show channels as json"
CONTACT = "api sofia_contact */1001@pbx.test"


class Watch:
    """A presence, and what it has told."""

    def __init__(self, port: int) -> None:
        self.pbx = Pbx("pbx", "127.0.0.1", port, "ClueCon")
        self.dnd = DoNotDisturb(None)
        self.presence = Presence(self.pbx, self.dnd, settle_seconds=SETTLE)
        self.free: list[Extension] = []
        self.changes: list[tuple[Extension, State, State]] = []
        self.presence.on_free(self.free.append)
        self.presence.on_change(lambda *change: self.changes.append(change))

    def is_in(self, extension: Extension, state: State) -> bool:
        try:
            return self.presence.state(extension) is state
        except PresenceUnknown:
            return False

    def states(self, extension: Extension) -> list[State]:
        """The states it went through, from the first change on."""
        return [now for of, _, now in self.changes if of == extension]

    async def until(self, condition: Callable[[], bool], seconds: float = 5) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.01)

    async def until_in(self, extension: Extension, state: State) -> None:
        await self.until(lambda: self.is_in(extension, state))


@contextlib.asynccontextmanager
async def watching(switch: Switch) -> AsyncIterator[Watch]:
    watch = Watch(switch.port)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(watch.pbx.run()), group.create_task(watch.presence.run())]
        yield watch
        for task in tasks:
            task.cancel()


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    switch = Switch(domain="pbx.test", heartbeat=0)
    await switch.start()
    yield switch
    await switch.stop()


@pytest.fixture
async def watch(switch: Switch) -> AsyncIterator[Watch]:
    async with watching(switch) as watch:
        await watch.until(lambda: watch.is_in(PETER, State.OFFLINE))
        yield watch


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulated tables lie 50 ms behind."""
    monkeypatch.setattr(presence, "LAG_SECONDS", LAG)
    monkeypatch.setattr(presence, "LOOK_AGAIN_SECONDS", LAG / 3)
    monkeypatch.setattr(presence, "DOUBT_SECONDS", 0.02)


async def dials(switch: Switch, phone: Phone) -> Caller:
    """A call that this phone makes: FreeSWITCH gives it the presence id of its From."""
    caller = await switch.call("8000", number=phone.user)
    assert caller.channel is not None
    caller.channel.variables.set("presence_id", f"{phone.user}@pbx.test")
    return caller


def asked(switch: Switch, what: str) -> int:
    return sum(command.line.startswith(what) for command in switch.commands)


def in_the_table(switch: Switch) -> list[str]:
    """The channels that `show channels` shows now."""
    return [row["uuid"] for row in switch.tables.rows("channels")[1]]


async def a_while() -> None:
    """Longer than the tables may lag."""
    over = time.monotonic() + 1.2 * LAG
    while time.monotonic() < over:
        await asyncio.sleep(0.01)


async def look(switch: Switch, watch: Watch) -> None:
    """It looks at the tables now, as it does every three minutes, and has compared them when this returns."""
    before = asked(switch, CHANNELS)
    watch.presence._look_at = 0.0
    watch.presence._wake.set()
    await watch.until(lambda: asked(switch, CHANNELS) > before and watch.presence._look_at > 0)


# -- registrations ----------------------------------------------------------------------------------------


async def test_a_phone_that_registers_is_available_and_one_that_unregisters_offline(
    switch: Switch, watch: Watch
) -> None:
    phone = switch.phone("1001")
    await watch.until_in(PETER, State.AVAILABLE)
    phone.unregister()
    await watch.until_in(PETER, State.OFFLINE)
    assert watch.changes == [
        (PETER, State.OFFLINE, State.AVAILABLE), (PETER, State.AVAILABLE, State.OFFLINE)
    ]  # fmt: skip
    phone.register()
    await watch.until_in(PETER, State.AVAILABLE)
    phone.expire()
    await watch.until_in(PETER, State.OFFLINE)


async def test_of_two_phones_the_last_one_counts_and_the_pbx_is_asked_while_one_stays(
    switch: Switch, watch: Watch
) -> None:
    first, second = switch.phone("1001"), switch.phone("1001")
    await watch.until_in(PETER, State.AVAILABLE)
    first.unregister()
    await watch.until(lambda: asked(switch, CONTACT) == 1 and not watch.presence._doubtful)
    assert watch.presence.state(PETER) is State.AVAILABLE
    second.expire()
    await watch.until_in(PETER, State.OFFLINE)


async def test_a_phone_that_unregisters_under_another_call_id_is_settled_by_asking(
    switch: Switch, watch: Watch
) -> None:
    phone = switch.phone("1001")
    await watch.until_in(PETER, State.AVAILABLE)
    switch.registrations.rows[0].token = "another-call-id"
    phone.unregister()
    await watch.until_in(PETER, State.OFFLINE)
    assert asked(switch, CONTACT) == 1


async def test_a_phone_that_registers_again_while_the_pbx_is_asked_stays(
    switch: Switch, watch: Watch
) -> None:
    phone = switch.phone("1001")
    await watch.until_in(PETER, State.AVAILABLE)
    asks = 0

    async def slow(command: object) -> Verdict | None:
        nonlocal asks
        if "sofia_contact" not in str(command):
            return None
        asks += 1
        if asks == 1:  # it answers from before the phone came back
            phone.register()
            return Verdict(reply="error/user_not_registered", delay=0.05)
        return None

    switch.intercept = slow
    switch.registrations.rows[0].token = "another-call-id"
    phone.unregister()
    await watch.until(lambda: asks == 2 and not watch.presence._doubtful)
    assert watch.states(PETER) == [State.AVAILABLE], "never offline"


async def test_a_registration_that_the_table_keeps_of_a_phone_that_left_is_not_believed(
    switch: Switch, watch: Watch
) -> None:
    phone = switch.phone("1001")
    await watch.until_in(PETER, State.AVAILABLE)
    row = (
        '{"row_count":1,"rows":[{"reg_user":"1001","realm":"pbx.test","token":"old",'
        f'"url":"sofia/internal/{phone.contact}"}}]}}'
    )
    switch.intercept = lambda command: Verdict(reply=row) if command.line == REGISTRATIONS else None
    phone.unregister()
    await watch.until_in(PETER, State.OFFLINE)
    await look(switch, watch)
    await watch.until(lambda: asked(switch, CONTACT) > 0 and not watch.presence._doubtful)
    assert watch.states(PETER) == [State.AVAILABLE, State.OFFLINE]


async def test_a_phone_that_the_table_does_not_show_is_believed_when_a_call_would_reach_it(
    switch: Switch, watch: Watch
) -> None:
    switch.phone("1001")
    await watch.until_in(PETER, State.AVAILABLE)
    switch.intercept = lambda command: '{"row_count": 0}' if command.line == REGISTRATIONS else None
    await look(switch, watch)
    await watch.until(lambda: asked(switch, CONTACT) > 0 and not watch.presence._doubtful)
    assert watch.states(PETER) == [State.AVAILABLE]


async def test_a_phone_whose_end_nobody_told_is_found_gone(switch: Switch, watch: Watch) -> None:
    switch.phone("1001")
    await watch.until_in(PETER, State.AVAILABLE)
    switch.registrations.rows.clear()
    await look(switch, watch)
    await watch.until_in(PETER, State.OFFLINE)


async def test_a_phone_under_ever_new_addresses_is_bounded(
    switch: Switch, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "MOST_CONTACTS", 3)
    for _ in range(10):
        switch.phone("1001")
    await watch.until_in(PETER, State.AVAILABLE)
    last = switch.phone("1002")
    await watch.until_in(MARY, State.AVAILABLE)
    assert len(watch.presence._phones[PETER].contacts) == 3
    assert last.contact in watch.presence._phones[MARY].contacts


# -- channels ---------------------------------------------------------------------------------------------


async def test_a_phone_that_is_called_rings_talks_and_is_free_again_at_its_hangup(
    switch: Switch, watch: Watch
) -> None:
    phone = switch.phone("1001", Manner.ANSWER, delay=0.1)
    await watch.until_in(PETER, State.AVAILABLE)
    job = watch.pbx.calls.start_job("originate user/1001@pbx.test &park()")
    await watch.until_in(PETER, State.IN_CALL)
    phone.hangup()
    await watch.until_in(PETER, State.AVAILABLE)
    job.forget()
    assert watch.states(PETER) == [State.AVAILABLE, State.RINGING, State.IN_CALL, State.AVAILABLE]


async def test_a_phone_that_calls_is_on_a_call_at_once(switch: Switch, watch: Watch) -> None:
    phone = switch.phone("1001")
    await watch.until_in(PETER, State.AVAILABLE)
    caller = await dials(switch, phone)
    await watch.until_in(PETER, State.IN_CALL)
    caller.hangup()
    await watch.until_in(PETER, State.AVAILABLE)
    assert watch.states(PETER) == [State.AVAILABLE, State.IN_CALL, State.AVAILABLE]


async def test_an_event_that_comes_after_the_hangup_brings_nobody_back(switch: Switch, watch: Watch) -> None:
    phone = switch.phone("1001")
    await watch.until_in(PETER, State.AVAILABLE)
    said: list[Event] = []
    watch.pbx.calls.on(said.append, name="CHANNEL_ANSWER")
    caller = await dials(switch, phone)
    await watch.until(lambda: bool(said))
    caller.hangup()
    await watch.until_in(PETER, State.AVAILABLE)
    watch.pbx.calls._router.route(said[0])  # the order on the wire is not that of the events
    assert watch.presence.state(PETER) is State.AVAILABLE


async def test_an_extension_is_on_a_call_until_its_last_leg_is_gone(switch: Switch, watch: Watch) -> None:
    phone = switch.phone("1001", Manner.ANSWER, delay=0.01)
    first, second = await dials(switch, phone), await dials(switch, phone)
    await watch.until(lambda: len(watch.presence._legs) == 2)
    first.hangup()
    await watch.until(lambda: len(watch.presence._legs) == 1)
    assert watch.presence.state(PETER) is State.IN_CALL
    second.hangup()
    await watch.until_in(PETER, State.AVAILABLE)


async def test_digits_in_a_callers_name_or_number_make_nobody_busy(switch: Switch, watch: Watch) -> None:
    switch.phone("1001")
    await watch.until_in(PETER, State.AVAILABLE)
    caller = await switch.call("8000", number="1001", name="1001@pbx.test")
    await watch.until(lambda: caller.uuid in in_the_table(switch))
    await look(switch, watch)
    assert watch.states(PETER) == [State.AVAILABLE]


async def test_an_extension_on_a_call_without_a_registration_is_offline_and_then_forgotten(
    switch: Switch, watch: Watch
) -> None:
    phone = switch.phone("1001", register=False)
    caller = await dials(switch, phone)
    await watch.until(lambda: PETER in watch.presence._phones)
    assert watch.presence.state(PETER) is State.OFFLINE
    caller.hangup()
    await watch.until(lambda: not watch.presence._phones and not watch.presence._legs)
    assert watch.changes == []


async def test_domains_are_the_same_however_they_are_written(switch: Switch, watch: Watch) -> None:
    switch.phone("1001")
    await watch.until(lambda: watch.is_in(Extension("1001", "PBX.test"), State.AVAILABLE))
    await watch.until(lambda: list(watch.presence.free("PBX.Test")) == [PETER])
    assert parse("1001@PBX.TEST") == PETER
    assert [parse(text) for text in ("", "1001", "@pbx.test", "1001@")] == [None] * 4


# -- events against tables --------------------------------------------------------------------------------


async def test_a_channel_that_the_table_does_not_show_yet_is_not_dropped(
    switch: Switch, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "LAG_SECONDS", 5.0)
    phone = switch.phone("1001")
    switch.intercept = lambda command: '{"row_count": 0}' if command.line == CHANNELS else None
    caller = await dials(switch, phone)
    await watch.until_in(PETER, State.IN_CALL)
    await look(switch, watch)
    assert watch.presence.state(PETER) is State.IN_CALL
    assert caller.alive


async def test_a_channel_that_has_hung_up_and_stands_in_the_table_does_not_come_back(
    switch: Switch, watch: Watch
) -> None:
    phone = switch.phone("1001")
    await watch.until_in(PETER, State.AVAILABLE)
    caller = await dials(switch, phone)
    await watch.until_in(PETER, State.IN_CALL)
    await watch.until(lambda: caller.uuid in in_the_table(switch))
    table = (await watch.pbx.questions.api("show channels as json")).text
    switch.intercept = lambda command: table if command.line == CHANNELS else None
    caller.hangup()
    await watch.until_in(PETER, State.AVAILABLE)
    await look(switch, watch)
    await a_while()
    await look(switch, watch)  # also when the table shows it for longer than it may lag
    assert watch.states(PETER)[-1] is State.AVAILABLE
    switch.intercept = None
    await watch.until(lambda: caller.uuid not in in_the_table(switch))
    await look(switch, watch)
    assert not watch.presence._gone


async def test_a_channel_whose_end_nobody_told_is_dropped(switch: Switch, watch: Watch) -> None:
    phone = switch.phone("1001")
    caller = await dials(switch, phone)
    await watch.until_in(PETER, State.IN_CALL)
    await a_while()
    switch.intercept = lambda command: '{"row_count": 0}' if command.line == CHANNELS else None
    await look(switch, watch)
    await watch.until_in(PETER, State.AVAILABLE)
    assert caller.alive


async def test_a_call_that_was_there_before_we_connected_is_found_and_one_that_has_just_ended_is_not_kept(
    switch: Switch,
) -> None:
    first, second = switch.phone("1001"), switch.phone("1002")
    talks, leaves = await dials(switch, first), await dials(switch, second)
    await switch.until(lambda: {talks.uuid, leaves.uuid} == set(in_the_table(switch)))
    table = as_json(switch.tables.rows("channels")[1])
    leaves.hangup()
    await switch.until(lambda: not leaves.alive)
    tables = [table]  # the first that it sees is of a moment ago
    switch.intercept = lambda command: tables.pop() if command.line == CHANNELS and tables else None
    async with watching(switch) as watch:
        await watch.until_in(MARY, State.IN_CALL)
        await watch.until_in(MARY, State.AVAILABLE)
        assert watch.presence.state(PETER) is State.IN_CALL


async def test_a_phone_that_leaves_while_the_tables_are_asked_for_is_offline(switch: Switch) -> None:
    phone = switch.phone("1001")
    row = (
        '{"row_count":1,"rows":[{"reg_user":"1001","realm":"pbx.test","token":"old",'
        f'"url":"sofia/internal/{phone.contact}"}}]}}'
    )

    async def late(command: object) -> Verdict | None:
        if REGISTRATIONS not in str(command):
            return None
        phone.unregister()
        return Verdict(reply=row, delay=0.05)

    switch.intercept = late
    async with watching(switch) as watch:
        await watch.until_in(PETER, State.OFFLINE)
        await watch.until(lambda: asked(switch, "api sofia_contact") > 0 and not watch.presence._doubtful)
        assert watch.changes == []


async def test_nothing_is_asked_in_steady_state(switch: Switch, watch: Watch) -> None:
    phones = [switch.phone(str(1001 + number)) for number in range(5)]
    await watch.until(lambda: watch.presence._look_at > time.monotonic() + 100)
    await watch.until_in(Extension("1005", "pbx.test"), State.AVAILABLE)
    before = len(switch.commands)
    for _ in range(3):
        for phone in phones:
            await dials(switch, phone)
            phone.unregister()
            phone.register()
    await watch.until(lambda: len(watch.presence._legs) == 15)
    await a_while()
    assert [command.line for command in switch.commands[before:]] == []


# -- free -------------------------------------------------------------------------------------------------


async def test_free_is_told_once_when_an_extension_has_been_available_long_enough(
    switch: Switch, watch: Watch
) -> None:
    phone = switch.phone("1001")
    await watch.until_in(PETER, State.AVAILABLE)
    assert not watch.presence.is_free(PETER)
    await watch.until(lambda: watch.free == [PETER])
    assert watch.presence.is_free(PETER)
    assert list(watch.presence.free("pbx.test")) == [PETER]
    assert list(watch.presence.free("other.test")) == []
    switch.phone("1002")
    await watch.until(lambda: watch.free == [PETER, MARY])
    caller = await dials(switch, phone)
    await watch.until_in(PETER, State.IN_CALL)
    assert not watch.presence.is_free(PETER)
    assert list(watch.presence.free("pbx.test")) == [MARY]
    caller.hangup()
    await watch.until(lambda: watch.free == [PETER, MARY, PETER])


async def test_an_agent_who_rejects_is_not_free_before_they_have_settled_anew(
    switch: Switch, watch: Watch
) -> None:
    switch.phone("1001", Manner.DECLINE, delay=0.05)
    await watch.until(lambda: watch.free == [PETER])
    for _ in range(3):  # each time again before it has settled: longer than that in all
        await watch.pbx.calls.bgapi("originate user/1001@pbx.test &park()")
        assert not watch.presence.is_free(PETER)
    assert watch.free == [PETER]
    await watch.until(lambda: watch.free == [PETER, PETER])


async def test_after_a_reconnect_everybody_who_is_available_is_free_anew(
    switch: Switch, watch: Watch
) -> None:
    switch.phone("1001")
    busy = switch.phone("1002")
    caller = await dials(switch, busy)
    await watch.until(lambda: watch.free == [PETER])
    await switch.cut()
    await watch.until(lambda: watch.free == [PETER, PETER])
    assert watch.presence.state(MARY) is State.IN_CALL
    caller.hangup()
    await watch.until(lambda: watch.free == [PETER, PETER, MARY])


async def test_a_listener_that_fails_stops_nobody(switch: Switch, watch: Watch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("a listener's own fault")

    watch.presence.on_change(fails)
    watch.presence.on_free(fails)
    later: list[Extension] = []
    watch.presence.on_free(later.append)
    switch.phone("1001")
    await watch.until(lambda: later == [PETER])


# -- the PBX comes and goes -------------------------------------------------------------------------------


async def test_nothing_is_known_while_the_pbx_is_lost(switch: Switch, watch: Watch) -> None:
    switch.phone("1001")
    await watch.until(lambda: watch.presence.is_free(PETER))
    await switch.close_door()
    await switch.cut()
    await watch.until(lambda: not watch.pbx.is_connected)
    with pytest.raises(PresenceUnknown):
        watch.presence.state(PETER)
    assert not watch.presence.is_free(PETER)
    assert list(watch.presence.free("pbx.test")) == []
    await switch.open_door()
    await watch.until_in(PETER, State.AVAILABLE)


async def test_nothing_is_known_before_the_pbx_has_answered(switch: Switch) -> None:
    switch.phone("1001")
    switch.intercept = lambda command: "-ERR no" if command.line == CHANNELS else None
    async with watching(switch) as watch:
        await watch.until(lambda: asked(switch, CHANNELS) > 2)  # it asks again
        with pytest.raises(PresenceUnknown):
            watch.presence.state(PETER)
        switch.intercept = lambda command: "no json" if command.line == REGISTRATIONS else None
        await watch.until(lambda: asked(switch, CHANNELS) > 4)
        assert not watch.is_in(PETER, State.AVAILABLE)
        switch.intercept = None
        await watch.until_in(PETER, State.AVAILABLE)


async def test_what_changed_while_the_pbx_was_lost_is_told_once_it_is_known(
    switch: Switch, watch: Watch
) -> None:
    stays, leaves = switch.phone("1001"), switch.phone("1002")
    await watch.until(lambda: set(watch.free) == {PETER, MARY})
    del watch.changes[:]
    await switch.close_door()
    await switch.cut()
    await watch.until(lambda: not watch.pbx.is_connected)
    leaves.unregister()
    switch.phone("1003")
    await switch.open_door()
    await watch.until_in(PETER, State.AVAILABLE)
    assert set(watch.changes) == {
        (MARY, State.AVAILABLE, State.OFFLINE),
        (Extension("1003", "pbx.test"), State.OFFLINE, State.AVAILABLE),
    }
    assert stays.registered


async def test_an_answer_from_before_a_loss_is_not_believed(switch: Switch, watch: Watch) -> None:
    switch.phone("1001")
    await watch.until_in(PETER, State.AVAILABLE)

    async def late(command: object) -> Verdict | None:
        if REGISTRATIONS not in str(command):
            return None
        await switch.close_door()
        connection = watch.pbx.calls._link.connection
        assert connection is not None
        connection.abort(Unconfirmed("cut by the test"))
        return Verdict(delay=0.05)

    switch.intercept = late
    watch.presence._look_at = 0.0
    watch.presence._wake.set()
    await watch.until(lambda: not watch.pbx.is_connected)
    await a_while()
    with pytest.raises(PresenceUnknown):
        watch.presence.state(PETER)
    switch.intercept = None
    await switch.open_door()
    await watch.until_in(PETER, State.AVAILABLE)


async def test_after_a_reconnect_everybody_is_asked_for_since_the_table_is_not_to_be_trusted(
    switch: Switch, watch: Watch
) -> None:
    leaves = switch.phone("1001")
    switch.phone("1002")
    await watch.until_in(MARY, State.AVAILABLE)
    row = (
        '{"row_count":1,"rows":[{"reg_user":"1001","realm":"pbx.test","token":"old",'
        f'"url":"sofia/internal/{leaves.contact}"}}]}}'
    )
    switch.intercept = lambda command: row if command.line == REGISTRATIONS else None
    await switch.close_door()
    await switch.cut()
    leaves.unregister()
    await watch.until(lambda: not watch.pbx.is_connected)
    await switch.open_door()
    await watch.until_in(MARY, State.AVAILABLE)
    await watch.until_in(PETER, State.OFFLINE)


async def test_a_restarted_pbx_is_asked_anew(switch: Switch, watch: Watch) -> None:
    phone = switch.phone("1001")
    await dials(switch, phone)
    await watch.until_in(PETER, State.IN_CALL)
    await switch.restart()
    await watch.until_in(PETER, State.AVAILABLE)
    assert not watch.presence._legs


# -- do-not-disturb ---------------------------------------------------------------------------------------


async def test_do_not_disturb_is_less_than_a_call_and_more_than_nothing(switch: Switch, watch: Watch) -> None:
    phone = switch.phone("1001")
    await watch.until(lambda: watch.free == [PETER])
    watch.dnd._now({PETER, MARY})
    assert watch.presence.state(PETER) is State.DND
    assert watch.presence.state(MARY) is State.OFFLINE
    assert not watch.presence.is_free(PETER)
    caller = await dials(switch, phone)
    await watch.until_in(PETER, State.IN_CALL)
    caller.hangup()
    await watch.until_in(PETER, State.DND)
    watch.dnd._now(set())
    assert watch.presence.state(PETER) is State.AVAILABLE
    await watch.until(lambda: watch.free == [PETER, PETER])


# -- many -------------------------------------------------------------------------------------------------


async def test_a_thousand_extensions_that_come_and_go_leave_nothing_behind(
    switch: Switch, watch: Watch
) -> None:
    phones = [switch.phone(str(2000 + number)) for number in range(1000)]
    await watch.until_in(Extension("2999", "pbx.test"), State.AVAILABLE)
    await watch.until(lambda: len(list(watch.presence.free("pbx.test"))) == 1000)
    for phone in phones:
        phone.unregister()
    await watch.until_in(Extension("2999", "pbx.test"), State.OFFLINE)
    kept = watch.presence
    assert (len(kept._phones), len(kept._legs), len(kept._doubtful)) == (0, 0, 0)
    assert list(kept.free("pbx.test")) == []
