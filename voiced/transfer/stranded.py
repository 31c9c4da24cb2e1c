"""Callers whom nobody is with, and whose way home was lost with the event socket."""

from __future__ import annotations

from voiced.pbx import control
from voiced.pbx.channel import Channel
from voiced.pbx.pbx import Pbx


class Stranded:
    """Sends callers through the dialplan to the assistant; again, as long as they are parked."""

    def __init__(self, pbx: Pbx) -> None:
        self._pbx = pbx
        self._lost: list[Channel] = []  # the command may not have arrived

    def send_home(self, caller: Channel) -> None:
        """The switch has parked this caller, with nobody on the line. `caller` knows where home is."""
        if caller.home is not None:
            command = control.send_home(caller.uuid, caller.home)
            self._pbx.say(command, lost=lambda: self._lost.append(caller))

    async def look_again(self) -> None:
        """The PBX is back: who is parked still is sent home once more. Raises EslError without an answer."""
        while self._lost:
            found = await self._pbx.channel(self._lost[-1].uuid)
            caller = self._lost.pop()
            if found is not None and found.is_parked:
                self.send_home(caller)
