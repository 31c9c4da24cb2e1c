"""Api commands: the registry, to which a test adds what a module would bring."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from . import (
    api_channels,
    api_general,
    api_reports,
    api_timers,
    callcenter_config,
    originate_command,
)
from .wire import Pairs

if TYPE_CHECKING:
    from .switch import Switch

Answer = str | Awaitable[str]
Command = Callable[["Switch", str], Answer]
"""A command gets the switch and its argument (empty if there is none)."""


class Api:
    """The commands by name."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch
        self._commands: dict[str, Command] = {
            **api_general.COMMANDS,
            **api_channels.COMMANDS,
            **api_reports.COMMANDS,
            **api_timers.COMMANDS,
            **callcenter_config.COMMANDS,
            "originate": originate_command.originate_command,
        }

    def add(self, name: str, command: Command) -> None:
        """Add or replace a command: ``api.add("uuid_audio_fork", lambda switch, text: "+OK\\n")``."""
        self._commands[name.lower()] = command

    def execute(self, name: str, argument: str) -> Answer:
        """Run a command. An unknown one is refused as FreeSWITCH does."""
        command = self._commands.get(name.lower())
        if command is None:
            return f"-ERR {name} Command not found!\n"
        about: Pairs = [("API-Command", name)]
        if argument:
            about.append(("API-Command-Argument", argument))
        self.switch.events.fire("API", extra=about)
        return command(self.switch, argument)

    def run_now(self, name: str, argument: str) -> str:
        """Run a command inside an expansion ``${name(argument)}``; one that takes time says nothing."""
        answer = self.execute(name, argument)
        return answer if isinstance(answer, str) else ""
