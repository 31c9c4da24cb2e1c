"""Users of the domain, groups, and which phones are registered for whom."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .wire import Pairs

if TYPE_CHECKING:
    from .phones import Phone
    from .switch import Switch

RULE = "=" * 97


@dataclass
class Directory:
    """The domain's users and groups."""

    switch: Switch
    users: set[str] = field(default_factory=lambda: {str(1000 + n) for n in range(10)})
    groups: dict[str, list[str]] = field(default_factory=lambda: {"9000": ["1001", "1003"]})

    def exists(self, user: str, domain: str) -> bool:
        return user in self.users and domain == self.switch.domain

    def dial_string(self, user: str, domain: str) -> str:
        """What `user/` dials: every contact of the user at once, with its presence id."""
        contacts = self.switch.registrations.contacts(user, domain)
        return f"{{^^:sip_invite_domain={domain}:presence_id={user}@{domain}}}{contacts}"

    def group_call(self, group: str, domain: str) -> str:
        """What `group/` dials: every contact of every member; only the first one has a presence id."""
        users = self.groups.get(group, []) if domain == self.switch.domain else []
        if not users:
            return "error/NO_ROUTE_DESTINATION"
        return ",".join(
            f"[^^:sip_invite_domain={domain}:presence_id={user}@{domain}]"
            f"{self.switch.registrations.contacts(user, domain)}"
            for user in users
        )


@dataclass
class Row:
    """One registration."""

    phone: Phone
    token: str
    expires: int


@dataclass
class Registrations:
    """Who is registered, in the order of registering."""

    switch: Switch
    rows: list[Row] = field(default_factory=list)

    def phones_of(self, user: str) -> list[Phone]:
        return [row.phone for row in self.rows if row.phone.user == user]

    def at(self, user: str, port: int) -> Phone | None:
        """The phone behind a SIP contact."""
        phones = (row.phone for row in self.rows)
        return next((one for one in phones if (one.contact_user, one.port) == (user, port)), None)

    def contacts(self, user: str, domain: str) -> str:
        """`sofia_contact */user@domain`: contacts joined by commas, or ``error/user_not_registered``."""
        phones = self.phones_of(user) if domain == self.switch.domain else []
        return ",".join(f"sofia/internal/{phone.contact}" for phone in phones) or "error/user_not_registered"

    def register(self, phone: Phone) -> None:
        if phone.registered:
            return
        phone.registered = True
        row = Row(phone, self.switch.new_uuid().replace("-", "")[:16], int(time.time()) + 3600)
        self.rows.append(row)
        self._say(
            "sofia::register",
            [
                *self._who(phone),
                ("presence-hosts", "n/a"),
                ("contact", f'"" <{phone.contact}>'),
                ("call-id", row.token),
                ("rpid", "unknown"),
                ("status", "Registered(UDP)"),
                ("expires", "3600"),
                ("to-user", phone.user),
                ("to-host", self.switch.domain),
                ("network-ip", "127.0.0.1"),
                ("network-port", str(phone.port)),
                ("username", "unknown"),
                ("realm", self.switch.domain),
                ("user-agent", "unknown"),
            ],
        )

    def unregister(self, phone: Phone) -> None:
        row = self._drop(phone)
        if row is not None:
            self._say(
                "sofia::unregister",
                [
                    ("profile-name", "internal"),
                    ("username", "unknown"),
                    ("from-user", phone.user),
                    ("from-host", self.switch.domain),
                    ("contact", f'"" <{phone.contact}>'),
                    ("call-id", row.token),
                    ("rpid", "unknown"),
                    ("realm", "unknown"),
                    ("network-ip", "127.0.0.1"),
                    ("network-port", str(phone.port)),
                    ("user-agent", "unknown"),
                    ("expires", "0"),
                ],
            )

    def expire(self, phone: Phone) -> None:
        row = self._drop(phone)
        if row is not None:
            self._say(
                "sofia::expire",
                [
                    ("profile-name", "internal"),
                    ("user", phone.user),
                    ("host", self.switch.domain),
                    ("call-id", row.token),
                    ("contact", f'"" <{phone.contact}>'),
                    ("expires", str(row.expires)),
                    ("user-agent", "unknown"),
                    ("realm", self.switch.domain),
                ],
            )

    def _drop(self, phone: Phone) -> Row | None:
        phone.registered = False
        row = next((row for row in self.rows if row.phone is phone), None)
        if row is not None:
            self.rows.remove(row)
        return row

    def _who(self, phone: Phone) -> Pairs:
        return [
            ("profile-name", "internal"),
            ("from-user", phone.user),
            ("from-host", self.switch.domain),
        ]

    def _say(self, subclass: str, pairs: Pairs) -> None:
        self.switch.events.fire("CUSTOM", subclass=subclass, extra=pairs)

    def status(self, argument: str) -> str:
        """`sofia status profile internal reg [what]`.

        Asked by user@domain it says 0 items even for a registered one (recording `availability_queries`).
        """
        rows = [] if argument else self.rows
        text = ""
        for row in rows:
            phone = row.phone
            text += (
                f"Call-ID:    \t{row.token}\nUser:       \t{phone.user}@{self.switch.domain}\n"
                f'Contact:    \t"" <{phone.contact}>\nAgent:      \tunknown\n'
                f"Status:     \tRegistered(UDP)(unknown) EXP({_stamp(row.expires)}) EXPSECS(3600)\n"
                "Ping-Status:\tReachable\n"
                f"Host:       \t{self.switch.hostname}\nIP:         \t127.0.0.1\nPort:       \t{phone.port}\n"
                f"Auth-User:  \tunknown\nAuth-Realm: \t{self.switch.domain}\n\n"
            )
        return f"\nRegistrations:\n{RULE}\n{text}Total items returned: {len(rows)}\n{RULE}\n"


def _stamp(epoch: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(epoch))
