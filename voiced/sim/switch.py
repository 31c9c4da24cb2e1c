"""The simulated switch as tests, the demo and the benchmark use it: its life, and who is out there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeVar

from . import sip_variables
from .clock import Waiter
from .dialplan import default_dialplan
from .directory import Directory, Registrations
from .exchange import Exchange
from .faults import Intercept, Received
from .listener import AUTH_TIMEOUT, QUEUE_LENGTH, Listener
from .phones import Caller, Line, Manner, Phone
from .profile import Profile
from .sip import SipEndpoint
from .states import State

T = TypeVar("T")

FIRST_PORT = 40001
"""SIP ports of phones and callers count up from here; nothing listens there."""


class Switch(Exchange):
    """A simulated FreeSWITCH.

    `pace` scales media time: 20 ms packets, tones, prompts, the two seconds of a loopback's bow-out (1.0 is
    as recorded). Limits that a client gives in seconds, and the phones' delays, are real seconds. `heartbeat`
    is the seconds between HEARTBEAT events (0 for none); `seed` makes ids and delays repeatable; `socket` is
    where the dialplan's outbound socket connects.
    """

    def __init__(
        self,
        domain: str = "pbx.test",
        password: str = "ClueCon",
        *,
        pace: float = 1.0,
        heartbeat: float = 20.0,
        seed: int | None = None,
        socket: str = "127.0.0.1:8084",
        hostname: str = "sim",
    ) -> None:
        super().__init__(domain, default_dialplan(domain, socket), pace=pace, seed=seed, hostname=hostname)
        self.password = password
        self.heartbeat = heartbeat
        self.gateways = {"trunk", "default"}
        self.directory = Directory(self)
        self.registrations = Registrations(self)
        self.phones: list[Phone] = []
        self.outside: dict[str, Line] = {}
        self.outside_manner = Manner.ANSWER
        self.outside_delay = 0.4
        self.auth_timeout = AUTH_TIMEOUT
        self.queue_length = QUEUE_LENGTH
        self.port = 0
        self._host = "127.0.0.1"
        self._server: asyncio.Server | None = None
        self._sip_port = FIRST_PORT

    # ---- life --------------------------------------------------------------------------------------------

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen for event-socket clients; `port` tells where (0 chooses a free one)."""
        self._host, self.port = host, port
        await self.open_door()
        if self.heartbeat:
            self.spawn(self.heartbeats(self.heartbeat))

    async def open_door(self) -> None:
        """Listen (again) for event-socket connections, on the port it had."""
        if self._server is None:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: Listener(self), self._host, self.port, reuse_address=True
            )
            self.port = int(self._server.sockets[0].getsockname()[1])

    async def close_door(self) -> None:
        """Refuse new event-socket connections; those that are there, and the calls, go on."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            await asyncio.sleep(0)

    async def cut(self) -> None:
        """Abort every event-socket connection; the calls go on, and it still listens."""
        for listener in tuple(self.listeners):
            listener.abort()
        await asyncio.sleep(0)

    async def stop(self) -> None:
        """Die: connections are reset, channels are gone, nothing is sent."""
        await self.close_door()
        for party in (*self.phones, *self.outside.values()):
            party.forget()
        await self.end()

    async def restart(self) -> None:
        """Die and come back on the same port, no channels, another core_uuid; the phones register again."""
        registered = [row.phone for row in self.registrations.rows]
        await self.stop()
        self.registrations.rows.clear()
        self.begin()
        await self.start(self._host, self.port)
        for phone in registered:
            phone.registered = False
            phone.register()

    # ---- who is out there --------------------------------------------------------------------------------

    def phone(
        self,
        user: str,
        manner: Manner = Manner.ANSWER,
        delay: float = 0.2,
        *,
        register: bool = True,
        talk: float = 0.5,
        press: str = "",
        press_after: float = 0.3,
        contact_user: str = "",
    ) -> Phone:
        """Add a phone for a directory user (several are allowed); see `Line` for what its options mean."""
        port = self._next_sip_port()
        phone = Phone(
            self, user, port, manner, delay, talk=talk, press=press, press_after=press_after,
            contact_user=contact_user,
        )  # fmt: skip
        self.phones.append(phone)
        self.directory.users.add(user)
        if register:
            phone.register()
        return phone

    def outside_number(
        self,
        number: str,
        manner: Manner = Manner.ANSWER,
        delay: float = 0.4,
        *,
        talk: float = 0.5,
        press: str = "",
        press_after: float = 0.3,
    ) -> Line:
        """Say how an outside number, reached through a gateway, behaves."""
        line = Line(self, number, manner, delay, talk=talk, press=press, press_after=press_after)
        self.outside[number] = line
        return line

    def outside_line(self, number: str) -> Line:
        """The outside number; one that nobody described behaves as `outside_manner` says."""
        line = self.outside.get(number)
        return line or self.outside_number(number, self.outside_manner, self.outside_delay)

    async def call(
        self,
        extension: str,
        number: str = "5511999990000",
        name: str = "Maria Souza",
        context: str = "default",
        variables: Mapping[str, str] | None = None,
    ) -> Caller:
        """Somebody calls an extension; returns as soon as the leg exists. `variables` are the leg's."""
        caller = Caller(self, number, name)
        call_id = self.new_uuid().replace("-", "")[:16]
        endpoint = SipEndpoint(caller, port=self._next_sip_port(), call_id=call_id)
        channel = self.new_channel(f"sofia/internal/{number}@{self.domain}", "inbound", endpoint)
        caller.begins(channel, endpoint)
        self.launch(channel)
        try:
            await asyncio.sleep(0)  # its first state, CS_NEW, knows nothing of the caller yet
        except asyncio.CancelledError:
            channel.hangup("ORIGINATOR_CANCEL")
            raise
        channel.profile = Profile(
            username=number,
            dialplan="XML",
            caller_id_name=name,
            caller_id_number=number,
            orig_caller_id_name=name,
            orig_caller_id_number=number,
            network_addr="127.0.0.1",
            ani=number,
            destination_number=extension,
            uuid=channel.uuid,
            source="mod_sofia",
            context=context,
            channel_name=channel.name,
            profile_index="1",
        )
        channel.profile.created = channel.profile.profile_created = self.clock.micros()
        channel.has_codec = True
        sip_variables.invited(channel, endpoint, number, name, extension)
        for variable, value in (variables or {}).items():
            channel.variables.set(variable, value)
        channel.set_state(State.INIT)
        return caller

    def _next_sip_port(self) -> int:
        self._sip_port += 1
        return self._sip_port

    # ---- watching and disturbing -------------------------------------------------------------------------

    @property
    def commands(self) -> list[Received]:
        """Every command received so far, with its time and connection."""
        return self.faults.commands

    @property
    def intercept(self) -> Intercept | None:
        """Called before each command; see `faults.Verdict` for what it may ask for."""
        return self.faults.intercept

    @intercept.setter
    def intercept(self, hook: Intercept | None) -> None:
        self.faults.intercept = hook

    async def until(self, condition: Callable[[], T], timeout: float = 5.0) -> T:
        """Wait until the condition is true, looking after each event; TimeoutError after real seconds."""
        found: list[T] = []

        def holds() -> bool:
            value = condition()
            if value:
                found.append(value)
            return bool(value)

        if not await Waiter(self.clock).until(holds, self._changed, timeout=timeout):
            raise TimeoutError(f"not so after {timeout} s")
        return found[0]
