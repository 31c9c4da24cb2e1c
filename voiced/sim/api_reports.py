"""Api commands that report: `status`, `version`, `show`, `sofia`, `sofia_contact`, `user_exists` …"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .directory import RULE
from .separate import separate, words
from .tables import Row, as_json, as_text, as_xml

if TYPE_CHECKING:
    from .api import Command
    from .switch import Switch

VERSION = "1.11.3-dev git cc93a68 2026-08-21 14:10:14Z 64bit"

SHOW_SYNTAX = (
    "codec|endpoint|application|api|dialplan|file|timer|calls [count]|channels [count|like <match string>]|"
    "calls|detailed_calls|bridged_calls|detailed_bridged_calls|aliases|complete|chat|management|modules|nat_map|say|"
    "interfaces|interface_types|tasks|limits|status"
)
_CALL_TABLES = ("channels", "calls", "bridged_calls", "detailed_calls", "detailed_bridged_calls")


MODULES = frozenset(
    words(
        "mod_event_socket mod_commands mod_dptools mod_sofia mod_loopback mod_dialplan_xml mod_local_stream "
        "mod_tone_stream mod_sndfile mod_hash mod_callcenter"
    )
)
"""What `module_exists` knows; a test that adds a module's command may replace it."""


def show(switch: Switch, argument: str) -> str:
    args = separate(argument, " ", 6)
    if not args:
        return f"-USAGE: {SHOW_SYNTAX}\n"
    what = args[0].lower()
    if what.startswith("status"):
        return status(switch, "")
    if what in _CALL_TABLES:
        columns, rows = switch.tables.rows(what)
    elif what == "registrations":
        columns, rows = _registrations(switch)
    else:
        return f"-USAGE: {SHOW_SYNTAX}\n"
    rest = args[1:]
    if rest and rest[0].lower() == "like" and what == "channels":
        pattern = rest[1] if len(rest) > 1 else ""
        searched = ("uuid", "name", "cid_name", "cid_num", "presence_data", "accountcode")
        rows = [row for row in rows if any(pattern in row[column] for column in searched)]
        rest = rest[2:]
    count = bool(rest) and rest[0].lower() == "count"
    if count:
        rest = rest[1:]
    form = rest[1].lower() if len(rest) > 1 and rest[0].lower() == "as" else "delim"
    return _shown(columns, rows, form, count=count)


def _shown(columns: list[str], rows: list[Row], form: str, *, count: bool) -> str:
    if count:
        return {
            "json": f'{{"row_count":{len(rows)}}}',
            "xml": f'<result row_count="{len(rows)}"/>\n',
        }.get(form, f"\n{len(rows)} total.\n")
    if form == "json":
        return as_json(rows)
    if form == "xml":
        return as_xml(columns, rows)
    if form in ("delim", "csv"):
        return as_text(columns, rows)
    return f"-ERR Cannot find format {form}\n"


REGISTRATION_COLUMNS = words(
    "reg_user realm token url expires network_ip network_port network_proto hostname metadata"
)


def _registrations(switch: Switch) -> tuple[list[str], list[Row]]:
    rows = [
        {
            "reg_user": row.phone.user,
            "realm": switch.domain,
            "token": row.token,
            "url": f"sofia/internal/{row.phone.contact}",
            "expires": str(row.expires),
            "network_ip": "127.0.0.1",
            "network_port": str(row.phone.port),
            "network_proto": "udp",
            "hostname": switch.hostname,
            "metadata": "",
        }
        for row in switch.registrations.rows
    ]
    return list(REGISTRATION_COLUMNS), rows


def status(switch: Switch, argument: str) -> str:
    up = int((time.time() - switch.started_at) * 1_000_000)
    seconds, micros = divmod(up, 1_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    years, days = divmod(days, 365)
    parts = {
        "year": years,
        "day": days,
        "hour": hours,
        "minute": minutes,
        "second": seconds,
        "millisecond": micros // 1000,
        "microsecond": micros % 1000,
    }
    text = ", ".join(f"{number} {unit}{'' if number == 1 else 's'}" for unit, number in parts.items())
    return (
        f"UP {text}\nFreeSWITCH (Version {VERSION}) is ready\n"
        f"{switch.sessions_since_start} session(s) since startup\n"
        f"{len(switch.channels)} session(s) - peak {switch.session_peak}, last 5min {switch.session_peak} \n"
        "0 session(s) per Sec out of max 2000, peak 5, last 5min 5 \n10000 session(s) max\n"
        "min idle cpu 0.00/97.83\nCurrent Stack Size/Max 240K/240K\n"
    )


def version(switch: Switch, argument: str) -> str:
    return (
        "1.11.3-dev\n"
        if argument == "short"
        else f"FreeSWITCH Version {VERSION.replace(' 64bit', '')} (64bit)\n"
    )


def uptime(switch: Switch, argument: str) -> str:
    units = {"us": 1, "ms": 1000, "s": 10**6, "m": 60 * 10**6, "h": 3600 * 10**6, "d": 86400 * 10**6}
    unit = (argument or "s")[:2] if argument in ("us", "ms") else (argument or "s")[:1]
    scale = units.get(unit, 10**6)
    return f"{int((time.time() - switch.started_at) * 10**6) // scale}\n"


def sofia(switch: Switch, argument: str) -> str:
    args = argument.split()
    if args[:2] == ["status", "profile"] and len(args) > 2:
        if args[2] not in ("internal", switch.domain):
            return "Invalid Profile!\n"
        if len(args) > 3 and args[3] == "reg":
            return switch.registrations.status(args[4] if len(args) > 4 else "")
        return f"{RULE}\nName             \tinternal\nDomain Name      \tN/A\n{RULE}\n"
    if args[:1] == ["status"]:
        return _sofia_status(switch)
    return f"Unknown Command [{argument.partition(' ')[0]}]\n"


def _sofia_status(switch: Switch) -> str:
    rows = [
        ("Name", "   Type", "Data", "State"),
        (switch.domain, "  alias", "internal", "ALIASED"),
        ("internal", "profile", "sip:mod_sofia@127.0.0.1:5060", f"RUNNING ({len(switch.channels)})"),
    ]
    for gateway in sorted(switch.gateways):
        rows.append((f"internal::{gateway}", "gateway", "sip:voiced@127.0.0.1:5099", "NOREG"))
    head, *lines = (f"{name:>25}\t{kind}\t{data:>42}\t{state}\n" for name, kind, data, state in rows)
    return f"{head}{RULE}\n{''.join(lines)}{RULE}\n1 profile 1 alias\n"


def sofia_contact(switch: Switch, argument: str) -> str:
    """``[profile/]user@domain``: contacts joined by commas, or ``error/user_not_registered``."""
    _, slash, rest = argument.partition("/")
    user, _, domain = (rest if slash else argument).partition("@")
    return switch.registrations.contacts(user, domain or switch.domain)


def user_exists(switch: Switch, argument: str) -> str:
    args = [*argument.split(), "", "", ""]
    return "true" if switch.directory.exists(args[1], args[2] or switch.domain) else "false"


def group_call(switch: Switch, argument: str) -> str:
    group, _, domain = argument.partition("@")
    return switch.directory.group_call(group, domain.partition("+")[0] or switch.domain)


def domain_exists(switch: Switch, argument: str) -> str:
    return "true" if argument == switch.domain else "false"


def hostname(switch: Switch, argument: str) -> str:
    return switch.hostname


COMMANDS: dict[str, Command] = {
    "show": show,
    "status": status,
    "version": version,
    "uptime": uptime,
    "sofia": sofia,
    "sofia_contact": sofia_contact,
    "user_exists": user_exists,
    "group_call": group_call,
    "domain_exists": domain_exists,
    "module_exists": lambda switch, text: "true" if text in MODULES else "false",
    "hostname": hostname,
    "switchname": hostname,
}
