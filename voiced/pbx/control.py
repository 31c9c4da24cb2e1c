"""Call control as commands, in the forms that were measured to hold (several common recipes drop the caller).

Hold: three queued, marked applications. The first marks the caller and sets what the hold needs, the second
plays, the third takes the marks off again — run by the switch itself whenever the music ends, whoever ends
it, and also when we are gone. The music carries its own limit.

Home: `transfer_after_bridge` names the assistant's extension while the caller is held. Whatever goes wrong
with a bridge — the assistant's own leg leaves, the agent's leg goes in the 60 ms between uuid_bridge and
CHANNEL_BRIDGE — the switch sends the caller there, where it would hang up otherwise. For 20 ms of these it
looks at `uuid_bridge_park_on_cancel` instead and parks the caller; then we send them home (`send_home`). A
call routed in goes on with its dialplan there (`uuid_bridge_continue_on_cancel`, which goes before it).
`hangup_after_bridge=explicit` ends the caller's call with the agent's, and goes before the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from voiced.esl import commands, values
from voiced.esl.commands import Command
from voiced.esl.errors import InvalidValue
from voiced.pbx.channel import BRIDGE_VARIABLES, HELD_VARIABLES, ROUTED_IN_VARIABLES, Channel, Home

# While `socket_resume` is set, the end of its session takes a call routed in from whatever it does. The
# switch looks at it twice as the session ends, within some 20 ms: taken off in between it leaves the call
# in silence for ever, unless a bridge follows at once.
SESSION_HOLDS_NOTHING: Final = {"socket_resume": ""}
_BRIDGE_SETTINGS: Final = dict(zip(BRIDGE_VARIABLES, ("explicit", "true"), strict=True))
LONE_SECONDS: Final = 90  # that an answered leg may be parked, alone, beyond its ring time
QUESTION: Final = "play_and_get_digits"  # the application that asks for a key
KEY_SECONDS: Final = 4  # for the agent's key, from the end of the prompt
KEY_TRIES: Final = 2  # the prompt is played so often
LAST_WORD_SECONDS: Final = 10  # of a prompt before a hangup, at most
LIMIT_GRACE: Final = 5  # seconds that the switch's own limit of the music lies behind ours


def hold(
    caller: str,
    mark: str,
    number: int,
    prompt: str,
    music: str,
    longest: float,
    leave_key: str,
    home: Home | None,
    before: Mapping[str, str],
) -> list[Command]:
    """Music for the caller, marked with the transfer's id, for at most `longest` seconds (and a grace).

    A `prompt` is a file that is played before the music, in the same playback: nothing is left in the queue
    behind it. The limit then stands with the music too, since the switch forgets the one in front as soon as
    the first file is over (measured: it played for ever).

    `number` tells one hold of a transfer from the next; `leave_key` is the key that ends it, '' for none;
    `before` is what the variables were.
    """
    terminators = leave_key or "none"
    settings = {"voiced_hold": mark, "playback_terminators": terminators}
    if home is not None:
        settings["transfer_after_bridge"] = _home(home)
    sounds = _limited([prompt, music] if prompt else [music], longest + LIMIT_GRACE)
    return [
        commands.execute(caller, "multiset", _multiset(settings), event_uuid=f"mark-{mark}.{number}"),
        commands.execute(caller, "playback", sounds, event_uuid=f"hold-{mark}.{number}"),
        unmark(caller, mark, number, before, way_home=home is not None),
    ]


def unmark(
    caller: str, mark: str, number: int, before: Mapping[str, str], *, way_home: bool = True
) -> Command:
    """The third command of a hold; again, in case that it was never sent. `way_home`: the hold has set one.

    An application even then: run by the channel itself, once the switch has sent home who has to go there.
    """
    names = HELD_VARIABLES if way_home else HELD_VARIABLES[:1]
    settings = {"voiced_hold": "", **{name: before.get(name, "") for name in names}}
    return commands.execute(caller, "multiset", _multiset(settings), event_uuid=f"unmark-{mark}.{number}")


def play(leg: str, event_uuid: str, sounds: Sequence[str], longest: float) -> Command:
    """Sounds to a leg that waits, one after another; a bridge ends them, and each one `longest` seconds."""
    return commands.execute(leg, "playback", _limited(sounds, longest), event_uuid=event_uuid)


def record(leg: str, path: str) -> Command:
    """Record what a leg hears and says into a file of the PBX."""
    return commands.api(f"uuid_record {values.channel_uuid(leg)} start {values.argument(path)}")


def stop_music(caller: str) -> Command:
    """End the playback that runs. Only while it is our music: else it ends the assistant's, and the call."""
    return commands.api(f"uuid_fileman {values.channel_uuid(caller)} stop")


def dial(
    attempt: str,
    owner: str,
    endpoints: Iterable[str],
    ring_seconds: float,
    number: str,
    name: str,
    *,
    kind: str = "voiced_transfer",
    extra: Mapping[str, str] | None = None,
) -> str:
    """The `originate` of an attempt, its legs parked when they answer and marked from their birth.

    `kind` names the variable that has the owner's id. `number` and `name` are shown to whoever is called;
    `extra` are variables besides. A lone leg ends itself some time after (`park_timeout`).
    """
    variables = {
        kind: values.channel_uuid(owner),
        "voiced_attempt": values.channel_uuid(attempt),
        "presence_data": f"voiced:{attempt}",
        "ignore_early_media": "true",
        "originate_timeout": str(max(1, round(ring_seconds))),
        "park_timeout": str(round(ring_seconds) + LONE_SECONDS),  # in a queue a leg waits parked
        "hangup_after_bridge": "true",
        "loopback_bowout": "false",  # else a loopback takes itself and our marks out of the talk
        **(extra or {}),
    }
    if shown_number := re.sub(r"[^0-9+*#]", "", number)[:32]:
        variables["origination_caller_id_number"] = shown_number
    if shown := values.reduced_name(name):
        variables["origination_caller_id_name"] = shown
    return f"originate {commands.dial(endpoints, variables)} &park()"


def screen(leg: str, attempt: str, sounds: Iterable[str], speech: str, *, with_key: bool) -> list[Command]:
    """Tell a parked agent who calls; with a key, ask them to take the call.

    `speech` is `ENGINE|VOICE|TEXT` or ''. The last application has the event-uuid `screen-ATTEMPT`; the key
    stands in `voiced_key` at its end, unset for a wrong key or none (recording screening_press_1).
    """
    files = list(sounds)
    steps = [("speak", speech)] if speech else []
    if with_key:
        prompt = _one_file(files) or "tone_stream://%(200,100,800);loops=2"
        limit = KEY_SECONDS * 1000
        question = f"1 1 {KEY_TRIES} {limit} # {prompt} silence_stream://100 voiced_key [123]"
        steps.append((QUESTION, question))
    elif files:
        steps.append(("playback", _one_file(files)))
    uuids = [f"announce-{attempt}"] * (len(steps) - 1) + [f"screen-{attempt}"]
    return [
        commands.execute(leg, name, argument, event_uuid=uuid)
        for (name, argument), uuid in zip(steps, uuids, strict=False)
    ]


def _limited(sounds: Sequence[str], longest: float) -> str:
    """Sounds one after another; the switch's own limit stands with each, in seconds.

    The one in front of several is forgotten as soon as the first is over (tests/live/test_holding.py).
    """
    limit = f"{{timeout={int(longest * 1000)}}}"
    return f"{limit}file_string://" + f"!{limit}".join(sounds) if len(sounds) > 1 else limit + sounds[0]


def _one_file(files: Sequence[str]) -> str:
    """Several files as one, so that one playback plays them all."""
    return files[0] if len(files) == 1 else "file_string://" + "!".join(files) if files else ""


def bridge(caller: str, leg: str, extra: Mapping[str, str] | None = None) -> list[Command]:
    """Bridge the two; the reply to the last is the bridge's. Its truth comes as CHANNEL_BRIDGE.

    `extra` are variables to be set on the caller besides.
    """
    settings = {**_BRIDGE_SETTINGS, **(extra or {})}
    return [
        tell(caller, settings),
        commands.api(f"uuid_bridge {values.channel_uuid(caller)} {values.channel_uuid(leg)}"),
    ]


def unprepare_bridge(caller: str, before: Mapping[str, str], *, is_routed_in: bool = False) -> Command:
    """Put back what `bridge` set, for a caller who is not ours any more."""
    return tell(caller, unprepared(before, is_routed_in=is_routed_in))


def unprepared(before: Mapping[str, str], *, is_routed_in: bool) -> dict[str, str]:
    """The variables that `bridge` sets, as they were."""
    names = (*BRIDGE_VARIABLES, *(ROUTED_IN_VARIABLES if is_routed_in else ()))
    return {name: before.get(name, "") for name in names}


def routed_in(home: Home | None) -> dict[str, str]:
    """What a bridge of a call routed in needs besides: the talk outlives the session, and it has a way back.

    Only now: the `socket` application runs what is queued behind the music, and so would take the way back
    away, before the switch looks for it (measured: the caller was hung up).
    """
    return {**SESSION_HOLDS_NOTHING, **_ways_on(home)}


def _ways_on(home: Home | None) -> dict[str, str]:
    """What the switch does with a call routed in whose bridge comes to nothing, sooner or later."""
    return dict(zip(ROUTED_IN_VARIABLES, (_home(home) if home else "", "true"), strict=True))


def left_behind(caller: Channel, before: Mapping[str, str], mark: str) -> dict[str, str]:
    """What is to be set to undo what a hold or a bridge that was cut short has left on a call routed in."""
    ours = {**_BRIDGE_SETTINGS, **_ways_on(caller.home)}
    undone = {name: before.get(name, "") for name, value in ours.items() if caller.before.get(name) == value}
    if not caller.is_on_its_way and not caller.waits_behind_us:
        undone |= SESSION_HOLDS_NOTHING
    if caller.mark == mark:  # the hold has begun, and its end was never sent
        undone |= {"voiced_hold": "", "playback_terminators": before.get("playback_terminators", "")}
    return undone


def send_home(caller: str, home: Home) -> Command:
    """Send a caller with nobody on the line through the dialplan to the assistant."""
    where = f"{values.number(home.extension)} {home.dialplan} {values.context(home.context)}"
    return commands.api(f"uuid_transfer {values.channel_uuid(caller)} {where}")


def send_to(caller: str, loopback: str) -> Command:
    """Send a caller to what would be dialled as `loopback/NUMBER/CONTEXT`: a voicemail box."""
    _, number, context = loopback.split("/")
    return commands.api(f"uuid_transfer {values.channel_uuid(caller)} {number} XML {context}")


def end_legs(attempt: str, cause: str = "ORIGINATOR_CANCEL") -> Command:
    """Hang up every leg that carries the attempt's mark, forks and loopbacks too."""
    return commands.api(f"hupall {values.hangup_cause(cause)} voiced_attempt {values.channel_uuid(attempt)}")


def release(leg: str, prompt: str) -> list[Command]:
    """Play a prompt to a leg, behind what runs, and hang it up; also where the prompt has no end."""
    told = [play(leg, f"release-{leg}", [prompt], LAST_WORD_SECONDS)] if prompt else []
    return [*told, commands.execute(leg, "hangup", "NORMAL_CLEARING")]


def interrupt(leg: str, prompt: str) -> list[Command]:
    """The same in place of what runs: a question is asked again when its prompt is stopped."""
    if set(prompt) & set(",'"):  # it cannot stand in an inline dialplan
        return release(leg, prompt)
    told = f"playback:{_limited([values.argument(prompt)], LAST_WORD_SECONDS)}," if prompt else ""
    script = f"'{told}hangup:NORMAL_CLEARING'"
    return [commands.api(f"uuid_transfer {values.channel_uuid(leg)} {script} inline")]


def tell(channel: str, variables: Mapping[str, str]) -> Command:
    """Set variables of a channel at once, whatever it does; '' unsets. What cannot be told is left out."""
    pairs = ";".join(
        f"{values.variable_name(name)}={_plain(value, ';')}" for name, value in variables.items()
    )
    return commands.api(f"uuid_setvar_multi {values.channel_uuid(channel)} {pairs}")


def of_domain(name: str, uuid: UUID) -> dict[str, str]:
    """The variables by which FusionPBX's dialplan, boxes and call records know whose call a leg is."""
    return {"domain_name": values.domain(name), "domain_uuid": str(uuid)}


def _multiset(variables: Mapping[str, str]) -> str:
    return "^^|" + "|".join(
        f"{values.variable_name(name)}={_plain(value, '|')}" for name, value in variables.items()
    )


def _plain(value: str, separator: str) -> str:
    """A value that came from the channel goes back only if it cannot be anything else in the command."""
    try:
        values.argument(value)
    except InvalidValue:
        return ""
    return "" if separator in value else value


def _home(home: Home) -> str:
    return f"{values.number(home.extension)}:{home.dialplan}:{values.context(home.context)}"
