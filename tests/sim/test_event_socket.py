"""The event socket's manners: logging in, refusing, subscribing, filtering, pipelining, encoding."""

from __future__ import annotations

import asyncio

import pytest

from voiced.sim import Switch

from .client import Client

NOBODY = "00000000-0000-4000-8000-000000000000"


# ---- logging in ------------------------------------------------------------------------------------------


async def test_a_wrong_password_ends_the_connection(switch: Switch) -> None:
    client = await Client.connect(switch.port, password=None)
    assert await client.text("auth wrong") == "-ERR invalid"
    await client.until(lambda: client.closed)
    assert [said.get("Content-Type") for said in client.notices] == ["auth/request", "text/disconnect-notice"]
    assert client.notices[-1].body.startswith("Disconnected, goodbye.\n")


async def test_before_logging_in_nothing_is_known(switch: Switch) -> None:
    client = await Client.connect(switch.port, password=None)
    assert await client.text("api status") == "-ERR command not found"
    assert await client.text("event plain ALL") == "-ERR command not found"
    assert await client.text("auth ClueCon") == "+OK accepted"


async def test_who_says_nothing_is_shown_the_door(switch: Switch) -> None:
    switch.auth_timeout = 0.03
    client = await Client.connect(switch.port, password=None)
    await client.until(lambda: client.closed)
    assert client.notices[-1].get("Content-Type") == "text/disconnect-notice"


async def test_a_rude_rejection(switch: Switch) -> None:
    switch.faults.rude = True
    client = await Client.connect(switch.port, password=None)
    await client.until(lambda: client.closed)
    rejection, goodbye = client.notices
    assert rejection.get("Content-Type") == "text/rude-rejection"
    assert rejection.body == "Access Denied, go away.\n"
    assert goodbye.get("Content-Type") == "text/disconnect-notice"


async def test_exit_says_goodbye(client: Client) -> None:
    assert await client.text("exit") == "+OK bye"
    await client.until(lambda: client.closed)
    assert client.notices[-1].get("Content-Type") == "text/disconnect-notice"


# ---- refusing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        ("nosuch", "-ERR command not found"),
        ("event plain NOSUCH", "-ERR no keywords supplied"),
        ("nixevent", "-ERR no keywords supplied"),
        ("filter", "-ERR command not found"),
        ("filter Event-Name", "-ERR invalid syntax"),
        ("linger", "-ERR not controlling a session"),
        ("nolinger", "-ERR not controlling a session"),
        ("divert_events on", "-ERR not controlling a session."),
        ("log nosuch", "-ERR invalid log level"),
        ("nolog", "-ERR not loging"),
        ("connect", "-ERR command not found"),
        ("getvar x", "-ERR command not found"),
        ("sendmsg nosuch", "-ERR invalid session id [nosuch]"),
        (f"sendmsg {NOBODY}", f"-ERR invalid session id [{NOBODY}]"),
    ],
)
async def test_commands_are_refused_in_the_servers_words(client: Client, command: str, refusal: str) -> None:
    assert await client.text(command) == refusal


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        ("nosuch a b", "-ERR nosuch Command not found!\n"),
        ("uuid_bridge", "-USAGE: <uuid> <other_uuid>\n"),
        (f"uuid_bridge {NOBODY} {NOBODY}", "-ERR Invalid uuid\n"),
        ("uuid_kill", "-USAGE: <uuid> [cause]\n"),
        (f"uuid_kill {NOBODY}", "-ERR No such channel!\n"),
        (f"uuid_getvar {NOBODY} x", "-ERR No such channel!\n"),
        (f"uuid_setvar {NOBODY} x y", "-ERR No such channel!\n"),
        (f"uuid_broadcast {NOBODY} x", "-ERR invalid uuid\n"),
        ("uuid_fileman x", "-USAGE: <uuid> <cmd>:<val>\n"),
        ("uuid_transfer x", "-USAGE: <uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]\n"),
        (f"uuid_recv_dtmf {NOBODY} 1", "-ERR Cannot locate session!\n"),
        (
            "hash nonsense",
            "-ERR Usage: hash insert|insert_ifempty|select|delete|delete_ifmatch/realm/key[/value]\n",
        ),
        ("originate user/1001", "-USAGE: <call url> <exten>|&<application_name>(<app_args>)"),
        ("originate nosuch/1 &park", "-ERR CHAN_NOT_IMPLEMENTED\n"),
        ("originate user/1005@pbx.test &park", "-ERR USER_NOT_REGISTERED\n"),
        ("originate user/2999@pbx.test &park", "-ERR SUBSCRIBER_ABSENT\n"),
        ("originate sofia/nosuch/1 &park", "-ERR INVALID_PROFILE\n"),
        ("originate sofia/gateway/nosuch/1 &park", "-ERR INVALID_GATEWAY\n"),
        ("global_getvar nosuch", "-ERR no reply\n"),
        ("sofia status profile nosuch", "Invalid Profile!\n"),
    ],
)
async def test_api_commands_are_refused_in_their_words(client: Client, command: str, refusal: str) -> None:
    """The words are those of a FreeSWITCH 1.11 that was asked the same."""
    assert (await client.api(command)).startswith(refusal)


async def test_an_unknown_application_hangs_the_call_up(switch: Switch, client: Client) -> None:
    caller = await switch.call("8000")
    await client.event("PLAYBACK_START", caller.uuid)
    await client.reply(f"sendmsg {caller.uuid}\ncall-command: execute\nexecute-app-name: nosuch")
    gone = await client.event("CHANNEL_HANGUP", caller.uuid)
    assert gone.get("Hangup-Cause") == "DESTINATION_OUT_OF_ORDER"
    done = [said.get("Application") for said in client.events("CHANNEL_EXECUTE_COMPLETE", caller.uuid)]
    assert "nosuch" not in done


# ---- replies ---------------------------------------------------------------------------------------------


async def test_pipelined_commands_are_answered_in_order(client: Client) -> None:
    for number in range(50):
        client.send(f"api echo {number}" if number % 2 else f"filter X{number} y")
    answers = [await client.next_reply() for _ in range(50)]
    assert [said.body for said in answers[1::2]] == [str(number) for number in range(1, 50, 2)]
    assert answers[48].get("Reply-Text") == "+OK filter added. [X48]=[y]"


async def test_a_slow_api_command_holds_up_replies_and_events(switch: Switch, client: Client) -> None:
    client.send("api msleep 30")
    client.send("api echo after")
    caller = await switch.call("8000")
    await switch.until(lambda: caller.hears == "assistant")
    assert not client.events()
    assert [(await client.next_reply()).body for _ in range(2)] == ["+OK", "after"]
    first = await client.event("CHANNEL_CREATE", caller.uuid)
    replies = [said.body for said in client.said[: client.said.index(first)] if said.kind == "reply"]
    assert replies[-2:] == ["+OK", "after"]


async def test_no_event_comes_while_a_command_is_half_written(switch: Switch, client: Client) -> None:
    client.write(b"api echo ha")
    caller = await switch.call("8000")
    await switch.until(lambda: caller.hears == "assistant")
    assert not client.events()
    client.write(b"lf\n\n")
    assert (await client.next_reply()).body == "half"
    await client.event("CHANNEL_CREATE", caller.uuid)


async def test_a_command_is_cut_at_line_ends(switch: Switch, client: Client) -> None:
    """What a value with line ends does: headers, and a second command."""
    caller = await switch.call("8000")
    client.send(f"api uuid_setvar {caller.uuid} note one\ntwo")
    assert (await client.next_reply()).body == "+OK\n"
    assert await client.api(f"uuid_getvar {caller.uuid} note") == "one"
    client.send(f"api uuid_setvar {caller.uuid} note one\n\napi echo second")
    assert [(await client.next_reply()).body for _ in range(2)] == ["+OK\n", "second"]


async def test_a_reply_is_cut_at_511_characters(client: Client) -> None:
    assert len(await client.text(f"filter {'x' * 600} y")) == 511


async def test_a_job_has_its_own_number_and_ends_after_its_reply(client: Client) -> None:
    number = "11111111-2222-4333-8444-555555555555"
    answer = await client.reply(f"bgapi echo hello\nJob-UUID: {number}")
    assert answer.get("Reply-Text") == f"+OK Job-UUID: {number}"
    assert answer.get("Job-UUID") == number
    job = await client.event("BACKGROUND_JOB")
    assert (job.get("Job-UUID"), job.get("Job-Command"), job.get("Job-Command-Arg")) == (
        number,
        "echo",
        "hello",
    )
    assert job.body == "hello"
    assert client.said.index(answer) < client.said.index(job)


async def test_sendevent_comes_back_with_its_body(client: Client) -> None:
    uuid = await client.text(
        "sendevent CUSTOM\nEvent-Subclass: voiced::test\nX-Name: ação\nContent-Length: 4\n\nbody"
    )
    event = await client.event("CUSTOM")
    assert uuid == f"+OK {event.get('Event-UUID')}"
    assert (event.get("Event-Subclass"), event.get("X-Name"), event.body) == ("voiced::test", "ação", "body")


# ---- what is heard ---------------------------------------------------------------------------------------


async def test_only_what_was_asked_for_comes(switch: Switch) -> None:
    client = await Client.connect(switch.port, events="plain CHANNEL_CREATE CUSTOM sofia::register")
    phone = switch.phone("1001")
    phone.unregister()
    caller = await switch.call("8000")
    await client.event("CHANNEL_CREATE", caller.uuid)
    assert {said.get("Event-Subclass") for said in client.events("CUSTOM")} == {"sofia::register"}
    assert {said.name for said in client.events()} == {"CUSTOM", "CHANNEL_CREATE"}


async def test_words_after_custom_are_subclasses(switch: Switch) -> None:
    client = await Client.connect(switch.port, events="plain CUSTOM sofia::register CHANNEL_CREATE")
    await switch.call("8000")
    switch.phone("1001")
    await client.event("CUSTOM")
    assert not client.events("CHANNEL_CREATE")


async def test_nixevent_and_noevents(switch: Switch, client: Client) -> None:
    assert await client.text("nixevent CHANNEL_CREATE CUSTOM sofia::register") == "+OK events nixed"
    switch.phone("1001").unregister()
    caller = await switch.call("8000")
    await client.event("CHANNEL_ANSWER", caller.uuid)
    assert not client.events("CHANNEL_CREATE")
    assert {said.get("Event-Subclass") for said in client.events("CUSTOM")} == {"sofia::unregister"}
    assert await client.text("noevents") == "+OK no longer listening for events"
    assert await client.text("noevents") == "-ERR not listening for events"
    heard = len(client.events())
    caller.hangup()
    await switch.until(lambda: not switch.channels)
    await client.api("status")
    assert len(client.events()) == heard


async def test_filters_are_ored_and_hide_jobs_too(switch: Switch, client: Client) -> None:
    await client.reply("filter Caller-Destination-Number 8000")
    await client.reply("filter Caller-Destination-Number 8001")
    callers = [await switch.call(number) for number in ("8000", "8001", "8002")]
    await client.event("CHANNEL_ANSWER", callers[1].uuid)
    await client.reply("bgapi echo hello")
    await client.reply("api status")
    assert {said.uuid for said in client.events()} == {caller.uuid for caller in callers[:2]}
    assert not client.events("BACKGROUND_JOB")
    assert await client.text("filter delete all") == "+OK filter deleted. [all][]"
    await client.reply("bgapi echo hello")
    await client.event("BACKGROUND_JOB")


async def test_a_negative_filter_vetoes(switch: Switch, client: Client) -> None:
    caller = await switch.call("8000")
    await client.event("PLAYBACK_START", caller.uuid)
    await client.reply("filter Call-Direction inbound")
    await client.reply("filter Event-Name -CHANNEL_EXECUTE")
    before = len(client.events("CHANNEL_EXECUTE"))
    await client.reply(
        f"sendmsg {caller.uuid}\ncall-command: execute\nexecute-app-name: set\nexecute-app-arg: a=b"
    )
    await client.until(lambda: [said for said in client.events() if said.get("Application-Data") == "a=b"])
    assert len(client.events("CHANNEL_EXECUTE")) == before


async def test_myevents_of_one_leg_and_of_a_wrong_one(switch: Switch) -> None:
    first, second = await switch.call("8000"), await switch.call("8001")
    mine = await Client.connect(switch.port, events="")
    assert await mine.text(f"myevents {first.uuid}") == "+OK Events Enabled"
    assert await mine.text(f"myevents {first.uuid}") == "-ERR aready enabled."
    wrong = await Client.connect(switch.port, events="")
    assert await wrong.text(f"myevents {NOBODY}") == "+OK Events Enabled"
    second.hangup()
    await wrong.event("CHANNEL_HANGUP", second.uuid)
    first.hangup()
    await mine.until(lambda: mine.closed)
    assert {said.uuid for said in mine.events()} == {first.uuid}
    assert {said.uuid for said in wrong.events()} == {first.uuid, second.uuid}


async def test_json_events(switch: Switch) -> None:
    client = await Client.connect(switch.port, events="json CHANNEL_CREATE")
    caller = await switch.call("8000", name="José 100%")
    event = await client.event("CHANNEL_CREATE", caller.uuid)
    assert event.get("Caller-Caller-ID-Name") == "José 100%"


async def test_log_lines_from_warning_up(client: Client) -> None:
    assert await client.text("log debug") == "+OK log level debug [7]"
    await client.api("log notice not shown")
    await client.api("log warning shown")
    line = await client.until(lambda: [said for said in client.notices if said.get("Log-Level")])
    assert [(said.get("Log-Level"), said.body) for said in line] == [("4", "shown\n")]
    assert await client.text("nolog") == "+OK no longer logging"


async def test_heartbeats() -> None:
    switch = Switch(heartbeat=0.02)
    await switch.start()
    client = await Client.connect(switch.port, events="plain HEARTBEAT")
    assert (await client.event("HEARTBEAT")).get("Event-Info") == "System Ready"
    await switch.stop()


# ---- how values are written ------------------------------------------------------------------------------


async def test_values_are_percent_encoded_as_by_the_real_one(switch: Switch) -> None:
    """Space is %20, comma and slash stay, UTF-8 bytes and control characters are encoded; see recording."""
    reader, writer = await asyncio.open_connection("127.0.0.1", switch.port)
    writer.write(b"auth ClueCon\n\nevent plain CHANNEL_CREATE\n\n")
    await reader.readuntil(b"enabled plain\n\n")
    await switch.call("8000", name='José "Ção" 100% a,b/c;d:e|f')
    text = await asyncio.wait_for(reader.readuntil(b"Caller-Caller-ID-Number"), 5)
    line = next(line for line in text.split(b"\n") if line.startswith(b"Caller-Caller-ID-Name"))
    assert line == b"Caller-Caller-ID-Name: Jos%C3%A9%20%22%C3%87%C3%A3o%22%20100%25%20a,b/c%3Bd%3Ae%7Cf"
    writer.close()


async def test_newlines_arrays_and_empty_values(switch: Switch, client: Client) -> None:
    caller = await switch.call("8000")
    await client.event("PLAYBACK_START", caller.uuid)
    for application, data in (("set", "two=um%0Adois"), ("push", "list=a"), ("push", "list=b c")):
        await client.reply(
            f"sendmsg {caller.uuid}\ncall-command: execute\n"
            f"execute-app-name: {application}\nexecute-app-arg: {data}"
        )
    await client.until(lambda: len(client.events("CHANNEL_EXECUTE_COMPLETE", caller.uuid)) == 5)
    dump = (await client.api(f"uuid_dump {caller.uuid}")).split("\n")
    assert "variable_two: um%0Adois" in dump
    assert "variable_list: ARRAY%3A%3Aa%7C%3Ab%20c" in dump
    assert await client.api(f"uuid_getvar {caller.uuid} nosuch") == "_undef_"


async def test_bytes_that_are_no_utf8_come_back_as_they_were(switch: Switch, client: Client) -> None:
    caller = await switch.call("8000")
    client.write(f"api uuid_setvar {caller.uuid} raw ".encode() + b"\xff\xfe\n\n")
    assert (await client.next_reply()).body == "+OK\n"
    assert (await client.api(f"uuid_getvar {caller.uuid} raw")).encode(
        "utf-8", "surrogateescape"
    ) == b"\xff\xfe"
    caller.hangup()
    gone = await client.event("CHANNEL_HANGUP_COMPLETE", caller.uuid)
    assert gone.get("variable_raw").encode("utf-8", "surrogateescape") == b"\xff\xfe"
