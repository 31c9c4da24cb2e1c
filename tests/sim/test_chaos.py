"""Anything may be done to any leg at any time: whatever happens, every leg ends, once, in order."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter

import pytest

from voiced.sim import Event, Manner, Switch

STEPS = 60
TARGETS = (
    "user/1001@pbx.test",
    "user/1001@pbx.test,user/1002@pbx.test",
    "user/1003@pbx.test|user/1001@pbx.test",
    "loopback/9000/default",
    "loopback/5001/default",
    "[loopback_bowout=false]loopback/1001/default",
    "group/9000@pbx.test",
    "sofia/gateway/trunk/551133334444",
)
APPLICATIONS = (
    ("playback", "{timeout=300}local_stream://moh"),
    ("playback", "tone_stream://%(50,0,800)"),
    ("playback", "local_stream://nosuch"),
    ("play_and_get_digits", "1 1 1 1000 # silence_stream://50 silence_stream://10 key 1"),
    ("set", "a=b"),
    ("park", ""),
    ("sleep", "100"),
    ("bridge", "user/1001@pbx.test"),
    ("record_session", "/tmp/a.wav"),
    ("nosuch", ""),
)


class Chaos:
    """Does things at random, repeatably."""

    def __init__(self, switch: Switch, seed: int) -> None:
        self.switch = switch
        self.random = random.Random(seed)
        self.legs: dict[str, list[str]] = {}
        self.callers = 0
        switch.on_event = self.heard

    def heard(self, event: Event) -> None:
        uuid = event.get("Unique-ID")
        old = event.get("Old-Unique-ID")
        if old in self.legs:
            self.legs[uuid or ""] = self.legs.pop(old)
        if uuid and event.name != "PRIVATE_COMMAND":
            self.legs.setdefault(uuid, []).append(event.name)

    def leg(self) -> str:
        return self.random.choice(list(self.switch.channels) or ["nobody"])

    def api(self, command: str) -> None:
        name, _, argument = command.partition(" ")
        answer = self.switch.api.execute(name, argument)
        assert isinstance(answer, str)

    async def step(self) -> None:
        choose = self.random.choice
        what = self.random.randrange(12)
        if what < 2:
            self.callers += 1
            await self.switch.call(
                choose(("8000", "8001", "8002", "1001", "9000", "5001", "*991001", "nosuch"))
            )
        elif what < 4:
            variables = choose(
                ("", "ignore_early_media=true", "originate_timeout=1", "park_after_bridge=true")
            )
            self.switch.run_job(
                "originate", f"{{{variables}}}{choose(TARGETS)} &park()", self.switch.new_uuid()
            )
        elif what < 6:
            application, data = choose(APPLICATIONS)
            lock = choose(("true", "false"))
            self._sendmsg(application, data, lock)
        elif what == 6:
            self.api(f"uuid_bridge {self.leg()} {self.leg()}")
        elif what == 7:
            self.api(
                choose(
                    (f"uuid_broadcast {self.leg()} local_stream://moh both", f"uuid_break {self.leg()} all")
                )
            )
        elif what == 8:
            self.api(choose((f"uuid_fileman {self.leg()} stop", f"uuid_park {self.leg()}")))
        elif what == 9:
            self.api(f"uuid_transfer {self.leg()} {choose(('-both ', ''))}{choose(('8000', '1001', '9000'))}")
        elif what == 10:
            self.api(choose((f"uuid_kill {self.leg()}", f"uuid_recv_dtmf {self.leg()} 1*")))
        else:
            party = choose(self.switch.phones)
            choose((party.hangup, party.answer, lambda: party.keys("1")))()

    def _sendmsg(self, application: str, data: str, lock: str) -> None:
        from voiced.sim.messages import PrivateMessage

        channel = self.switch.locate(self.leg())
        if channel is not None:
            headers = {"call-command": "execute", "execute-app-name": application, "event-lock": lock}
            channel.queue_private(PrivateMessage({**headers, "execute-app-arg": data}))


@pytest.mark.parametrize("seed", range(20))
async def test_every_leg_ends_once_and_in_order(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    switch = Switch(pace=0.02, heartbeat=0, seed=seed)
    await switch.start()
    chaos = Chaos(switch, seed)
    switch.callcenter.agent("1001@pbx.test", "5001@pbx.test", "user/1001@pbx.test")
    for user, manner in (("1001", Manner.ANSWER), ("1001", Manner.SHORT), ("1002", Manner.EARLY)):
        switch.phone(user, manner, chaos.random.random() / 50, talk=0.02)
    switch.phone("1003", chaos.random.choice(list(Manner)), 0.01)
    for _ in range(STEPS):
        await chaos.step()
        await asyncio.sleep(chaos.random.random() / 200)
    switch.callcenter.agents.clear()
    for _ in range(20):
        chaos.api("hupall NORMAL_CLEARING")
        await asyncio.sleep(0.005)
    await switch.until(lambda: not switch.channels, 10)
    assert not caplog.records, caplog.text
    await asyncio.sleep(0.005)
    for uuid, names in chaos.legs.items():
        assert names[-2:] == ["CHANNEL_DESTROY", "CHANNEL_STATE"], (uuid, names[-8:])
        once = Counter(names)
        ending = ("CHANNEL_CREATE", "CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE", "CHANNEL_DESTROY")
        assert [once[one] for one in ending] in ([1, 1, 1, 1], [0, 1, 1, 1]), (uuid, names)
        order = [names.index(one) for one in ending if one in names]
        assert order == sorted(order), (uuid, names)
        assert once["CHANNEL_EXECUTE"] >= once["CHANNEL_EXECUTE_COMPLETE"]
        assert once["PLAYBACK_START"] == once["PLAYBACK_STOP"], (uuid, names)
        assert once["CHANNEL_PARK"] == once["CHANNEL_UNPARK"], (uuid, names)
        assert once["CHANNEL_BRIDGE"] == once["CHANNEL_UNBRIDGE"], (uuid, names)
    await switch.stop()
