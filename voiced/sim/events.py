"""The switch's events: their names, the headers every one starts with, and who is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from .clock import Clock
from .separate import words
from .wire import Block, Event, Pairs, Value, line

NAMES = words(
    "CUSTOM CLONE CHANNEL_CREATE CHANNEL_DESTROY CHANNEL_STATE CHANNEL_CALLSTATE CHANNEL_ANSWER "
    "CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_HOLD "
    "CHANNEL_UNHOLD CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA "
    "CHANNEL_OUTGOING CHANNEL_PARK CHANNEL_UNPARK CHANNEL_APPLICATION CHANNEL_ORIGINATE CHANNEL_UUID "
    "API LOG INBOUND_CHAN OUTBOUND_CHAN STARTUP SHUTDOWN PUBLISH UNPUBLISH TALK NOTALK SESSION_CRASH "
    "MODULE_LOAD MODULE_UNLOAD DTMF MESSAGE PRESENCE_IN NOTIFY_IN PRESENCE_OUT PRESENCE_PROBE "
    "MESSAGE_WAITING MESSAGE_QUERY ROSTER CODEC BACKGROUND_JOB DETECTED_SPEECH DETECTED_TONE "
    "PRIVATE_COMMAND HEARTBEAT TRAP ADD_SCHEDULE DEL_SCHEDULE EXE_SCHEDULE RE_SCHEDULE RELOADXML NOTIFY "
    "PHONE_FEATURE PHONE_FEATURE_SUBSCRIBE SEND_MESSAGE RECV_MESSAGE REQUEST_PARAMS CHANNEL_DATA "
    "GENERAL COMMAND SESSION_HEARTBEAT CLIENT_DISCONNECTED SERVER_DISCONNECTED SEND_INFO RECV_INFO "
    "RECV_RTCP_MESSAGE SEND_RTCP_MESSAGE CALL_SECURE NAT RECORD_START RECORD_STOP PLAYBACK_START "
    "PLAYBACK_STOP CALL_UPDATE FAILURE SOCKET_DATA MEDIA_BUG_START MEDIA_BUG_STOP CONFERENCE_DATA_QUERY "
    "CONFERENCE_DATA CALL_SETUP_REQ CALL_SETUP_RESULT CALL_DETAIL DEVICE_STATE TEXT SHUTDOWN_REQUESTED "
    "CERT_RELOAD ALL"
)
"""Every event name a subscription may use; ALL is the last."""

VERBOSE = frozenset(
    words(
        "CHANNEL_CREATE CHANNEL_ORIGINATE CHANNEL_UUID CHANNEL_ANSWER CHANNEL_PARK CHANNEL_UNPARK "
        "CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_HANGUP "
        "CHANNEL_HANGUP_COMPLETE CHANNEL_DATA CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_DESTROY "
        "RECORD_START RECORD_STOP PLAYBACK_START PLAYBACK_STOP CALL_UPDATE MEDIA_BUG_START MEDIA_BUG_STOP "
        "CHANNEL_HOLD CHANNEL_UNHOLD CUSTOM"
    )
)
"""Events of a channel that carry all its variables (`switch_channel_event_set_extended_data`)."""

# Where the real server says an event comes from: file, function, line (from the recordings).
_ORIGINS = {
    "CHANNEL_STATE": ("switch_channel.c", "switch_channel_perform_set_running_state", "2409"),
    "CHANNEL_CALLSTATE": ("switch_channel.c", "switch_channel_perform_set_callstate", "302"),
    "CHANNEL_CREATE": ("switch_core_state_machine.c", "switch_core_session_run", "626"),
    "CHANNEL_ORIGINATE": ("switch_core_state_machine.c", "switch_core_session_run", "632"),
    "CHANNEL_OUTGOING": ("switch_core_session.c", "switch_core_session_outgoing_channel", "768"),
    "CHANNEL_UUID": ("switch_core_session.c", "switch_core_session_set_uuid", "2056"),
    "CHANNEL_EXECUTE": ("switch_core_session.c", "switch_core_session_exec", "2949"),
    "CHANNEL_EXECUTE_COMPLETE": ("switch_core_session.c", "switch_core_session_exec", "2972"),
    "CHANNEL_ANSWER": ("switch_channel.c", "switch_channel_perform_mark_answered", "3848"),
    "CHANNEL_PROGRESS": ("switch_channel.c", "switch_channel_perform_mark_ring_ready_value", "3507"),
    "CHANNEL_PROGRESS_MEDIA": ("switch_channel.c", "switch_channel_perform_mark_pre_answered", "3553"),
    "CHANNEL_PARK": ("switch_ivr.c", "switch_ivr_park", "1002"),
    "CHANNEL_UNPARK": ("switch_ivr.c", "switch_ivr_park", "1213"),
    "CHANNEL_BRIDGE": ("switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", "1689"),
    "CHANNEL_UNBRIDGE": ("switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", "1879"),
    "CHANNEL_HANGUP": ("switch_channel.c", "switch_channel_perform_hangup", "3447"),
    "CHANNEL_HANGUP_COMPLETE": (
        "switch_core_state_machine.c",
        "switch_core_session_reporting_state",
        "943",
    ),
    "CHANNEL_DESTROY": ("switch_core_session.c", "switch_core_session_perform_destroy", "1588"),
    "PLAYBACK_START": ("switch_ivr_play_say.c", "switch_ivr_play_file", "1649"),
    "PLAYBACK_STOP": ("switch_ivr_play_say.c", "switch_ivr_play_file", "2023"),
    "DTMF": ("switch_channel.c", "switch_channel_dequeue_dtmf", "678"),
    "PRIVATE_COMMAND": ("switch_ivr.c", "switch_ivr_parse_next_event", "804"),
    "COMMAND": ("switch_ivr_async.c", "switch_ivr_broadcast", "5732"),
    "BACKGROUND_JOB": ("mod_event_socket.c", "api_exec", "1580"),
    "CHANNEL_DATA": ("mod_commands.c", "uuid_dump_function", "6495"),
    "HEARTBEAT": ("switch_core.c", "send_heartbeat", "95"),
    "API": ("switch_loadable_module.c", "switch_api_execute", "3140"),
}

Listener = Callable[[Event], None]


class Events:
    """Numbers events, dates them and hands them to listeners in the order in which they were fired."""

    def __init__(self, core_uuid: str, hostname: str = "sim") -> None:
        self.core_uuid = core_uuid
        self.hostname = hostname
        self.sequence = 0
        self.count = 0
        self.listeners: list[Listener] = []
        self.by_channel: dict[str, list[Listener]] = {}
        """Listeners that control a channel, and hear its events only."""
        self._second = -1
        self._dates: tuple[str, str] = ("", "")
        self._dates_text = ""

    def fire(
        self,
        name: str,
        blocks: Iterable[Block] = (),
        *,
        body: str | None = None,
        subclass: str | None = None,
        extra: Pairs | None = None,
        uuid: str = "",
    ) -> Event:
        """Make an event and tell every listener; `extra` headers come before `blocks`, `uuid` is its leg."""
        event = self.make(name, blocks, body=body, subclass=subclass, extra=extra)
        self.deliver(event, uuid)
        return event

    def deliver(self, event: Event, uuid: str = "") -> None:
        self.count += 1
        for listener in tuple(self.listeners):
            listener(event)
        if uuid in self.by_channel:
            for listener in tuple(self.by_channel[uuid]):
                listener(event)

    def hear_all(self, listener: Listener, uuid: str) -> None:
        """A controlling listener asks for everybody's events."""
        self.forget(listener, uuid)
        self.listeners.append(listener)

    def forget(self, listener: Listener, uuid: str) -> None:
        if listener in self.listeners:
            self.listeners.remove(listener)
        own = self.by_channel.get(uuid, [])
        if listener in own:
            own.remove(listener)
        if not own:
            self.by_channel.pop(uuid, None)

    def make(
        self,
        name: str,
        blocks: Iterable[Block] = (),
        *,
        body: str | None = None,
        subclass: str | None = None,
        extra: Pairs | None = None,
    ) -> Event:
        own = [self.common(name, subclass)]
        if extra:
            own.append(Block(extra))
        return Event(name, (*own, *blocks), body, subclass)

    def common(self, name: str, subclass: str | None = None) -> Block:
        """The headers every event starts with; a CUSTOM event has its subclass before them."""
        self.sequence += 1
        micros = Clock.micros()
        local, gmt = self._date(micros // 1_000_000)
        file, function, number = _ORIGINS.get(name, ("sim.c", "sim", "1"))
        pairs: list[tuple[str, Value]] = [
            ("Event-Name", name),
            ("Core-UUID", self.core_uuid),
            ("FreeSWITCH-Hostname", self.hostname),
            ("FreeSWITCH-Switchname", self.hostname),
            ("FreeSWITCH-IPv4", "127.0.0.1"),
            ("FreeSWITCH-IPv6", "::1"),
            ("Event-Date-Local", local),
            ("Event-Date-GMT", gmt),
            ("Event-Date-Timestamp", str(micros)),
            ("Event-Calling-File", file),
            ("Event-Calling-Function", function),
            ("Event-Calling-Line-Number", number),
            ("Event-Sequence", str(self.sequence)),
        ]
        if subclass:
            pairs.insert(0, ("Event-Subclass", subclass))
            return Block(pairs)
        text = (
            f"Event-Name: {name}\nCore-UUID: {self.core_uuid}\nFreeSWITCH-Hostname: {self.hostname}\n"
            f"FreeSWITCH-Switchname: {self.hostname}\nFreeSWITCH-IPv4: 127.0.0.1\nFreeSWITCH-IPv6: %3A%3A1\n"
            f"{self._dates_text}Event-Date-Timestamp: {micros}\nEvent-Calling-File: {file}\n"
            f"Event-Calling-Function: {function}\nEvent-Calling-Line-Number: {number}\n"
            f"Event-Sequence: {self.sequence}\n"
        )
        return Block(pairs, text)

    def _date(self, second: int) -> tuple[str, str]:
        if second != self._second:
            self._second = second
            self._dates = (
                time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second)),
                time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(second)),
            )
            self._dates_text = line("Event-Date-Local", self._dates[0]) + line(
                "Event-Date-GMT", self._dates[1]
            )
        return self._dates


def named(word: str) -> str | None:
    """The event that a word of a subscription means, also with the prefix SWITCH_EVENT_; None for none."""
    upper = word.upper()
    if upper in NAMES:
        return upper
    return upper[13:] if upper[13:] in NAMES else None
