"""The states of a channel (`switch_channel_state_t`, in its order) and its call states."""

from __future__ import annotations

from enum import IntEnum


class State(IntEnum):
    """What the core state machine makes a channel do."""

    NEW = 0
    INIT = 1
    ROUTING = 2
    SOFT_EXECUTE = 3
    EXECUTE = 4
    EXCHANGE_MEDIA = 5
    PARK = 6
    CONSUME_MEDIA = 7
    HIBERNATE = 8
    RESET = 9
    HANGUP = 10
    REPORTING = 11
    DESTROY = 12
    NONE = 13

    @property
    def label(self) -> str:
        return f"CS_{self.name}"


class CallState(IntEnum):
    """What a person would say of the call."""

    DOWN = 0
    DIALING = 1
    RINGING = 2
    EARLY = 3
    ACTIVE = 4
    HELD = 5
    RING_WAIT = 6
    HANGUP = 7
    UNHELD = 8


def may_follow(last: State, state: State) -> bool:
    """Whether `set_state` accepts the change; a hangup is no such change but an act of its own."""
    if last is state or last is State.DESTROY:
        return False
    if last >= State.HANGUP:
        return last < state <= State.DESTROY
    if last in (State.NEW, State.RESET):
        return True
    if state is State.INIT:
        return last is State.HIBERNATE
    return State.ROUTING <= state <= State.RESET
