"""Settings: voiced.toml, then the environment, into frozen models.

The environment wins: `VOICED_PBX__HOST` style for every key, and the names that were in use before voiced
(ESL_HOST, OMNIPLAY_API_URL, …). A wrong key or value is one line that names it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from voiced.setting_kinds import (
    Address,
    AddressOrNone,
    ApiCommand,
    Argument,
    ContextOrNone,
    DomainName,
    Gateway,
    GatewayOrNone,
    Host,
    KeyOfPhone,
    Line,
    Port,
    Seconds,
    TimeZone,
    Token,
    WebAddress,
)

_NAMES_IN_USE: Final = {
    "ESL_HOST": "pbx.host",
    "ESL_PORT": "pbx.port",
    "ESL_PASSWORD": "pbx.password",
    "TRANSFER_ENABLED": "transfer.enabled",
    "TRANSFER_ANNOUNCE_ENABLED": "transfer.announce",
    "TRANSFER_DEFAULT_TIMEOUT": "transfer.ring_timeout_seconds",
    "TRANSFER_MUSIC_ON_HOLD": "pbx.hold_music",
    "CALLBACK_ENABLED": "callback.enabled",
    "CALLBACK_EXPIRATION_HOURS": "callback.expiration_hours",
    "CALLBACK_MAX_NOTIFICATIONS": "callback.max_notifications",
    "CALLBACK_MIN_INTERVAL_MINUTES": "callback.min_interval_minutes",
    "OMNIPLAY_API_URL": "tickets.url",
    "VOICE_AI_SERVICE_TOKEN": "tickets.token,http.token",
    "DATABASE_URL": "database.url",
}
_PREFIX: Final = "VOICED_"
_UNSPEAKABLE: Final = {"password", "token", "url"}  # values that no message repeats
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class SettingsError(Exception):
    """A setting is wrong; the message is one line that names it."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PbxSettings(_Section):
    """The switch that this daemon serves."""

    name: str = Field("pbx", pattern=r"^[A-Za-z0-9._-]{1,64}$")
    host: Host = "127.0.0.1"
    port: Port = 8021
    password: Line = SecretStr("ClueCon")
    hold_music: Argument = "local_stream://moh"
    gateway: Gateway = "default"

    @property
    def is_here(self) -> bool:
        """Whether the PBX runs on this machine."""
        return self.host in LOOPBACK


class OutboundSettings(_Section):
    """Calls that the PBX routes in."""

    listen: AddressOrNone = "127.0.0.1:8084"
    limit: int = Field(2000, ge=1, le=100_000)


class FusionPbxSettings(_Section):
    """FusionPBX's own database, with the destinations; without one they are in ours."""

    url: Line = SecretStr("")


class HttpSettings(_Section):
    """The HTTP API."""

    listen: Address = "127.0.0.1:8085"
    token: Token = SecretStr("")


class DatabaseSettings(_Section):
    """PostgreSQL: an URL, or a directory for the embedded one; how long what is over stays there."""

    url: Line = SecretStr("")
    data_dir: Path = Path(".voiced/postgres")
    retention_days: float = Field(90, ge=0, le=36_500)


class TicketsSettings(_Section):
    """The ticketing backend that receives the results."""

    url: WebAddress = ""
    token: Token = SecretStr("")
    timeout_seconds: Seconds = 3.0


class TransferSettings(_Section):
    """Attended transfers."""

    enabled: bool = True
    ring_timeout_seconds: Seconds = 30.0
    longest_hold_seconds: Seconds = 120.0
    max_retries: int = Field(0, ge=0, le=10)
    retry_delay_seconds: float = Field(5.0, ge=0, le=600)
    announce: bool = True
    screening_seconds: float = Field(20.0, gt=0, le=120)
    outside_prefixes: str = Field("", pattern=r"^ *(\+?[0-9]{1,15} *)*$")
    outside_per_minute: int = Field(60, ge=0, le=100_000)
    leave_key: KeyOfPhone = "*"
    comfort_seconds: float = Field(30.0, ge=0, le=600)
    pause_assistant: ApiCommand = ""
    resume_assistant: ApiCommand = ""


class CallbackSettings(_Section):
    """What companies start with; each may change it for itself (`/api/settings/{company_id}`)."""

    enabled: bool = True
    owner: Literal["voiced", "backend"] = "voiced"
    expiration_hours: float = Field(24, gt=0, le=24 * 90)
    max_notifications: int = Field(5, ge=1, le=100)
    min_interval_minutes: float = Field(10, ge=1 / 60, le=24 * 60)
    auto_dial: bool = False
    auto_retry: bool = True
    retry_delay_seconds: float = Field(30, ge=1, le=24 * 3600)
    max_attempts: int = Field(3, ge=1, le=50)
    max_agent_misses: int = Field(3, ge=1, le=50)
    first: Literal["agent", "client"] = "agent"
    settle_seconds: float = Field(5, ge=0, le=120)
    ring_seconds: float = Field(30, ge=5, le=120)
    connect_seconds: float = Field(60, ge=10, le=300)


class SpeechSettings(_Section):
    """What callers and agents hear."""

    prompts_dir: Argument = ""
    engine: str = Field("", pattern=r"^[A-Za-z0-9_]{0,32}$")
    voice: str = Field("", pattern=r"^[A-Za-z0-9_.-]{0,64}$")


class LogSettings(_Section):
    """Logs, to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"


class DomainSettings(_Section):
    """A domain of the PBX: FusionPBX's uuid, and the name that dial strings need."""

    uuid: UUID
    name: DomainName
    token: Token = SecretStr("")
    timezone: TimeZone = "America/Sao_Paulo"
    locale: Literal["pt-BR", "en"] = "pt-BR"
    company_id: str = Field("", pattern=r"^[\x21-\x7e]{0,64}$")
    region: str = Field("BR", pattern=r"^[A-Z]{2}$")
    gateway: GatewayOrNone = ""
    context: ContextOrNone = ""

    @property
    def company(self) -> str:
        """The ticketing backend's name for who this is; the domain's uuid where it has none."""
        return self.company_id or str(self.uuid)


class Settings(_Section):
    """Everything that can be set."""

    pbx: PbxSettings = PbxSettings()
    outbound: OutboundSettings = OutboundSettings()
    http: HttpSettings = HttpSettings()
    database: DatabaseSettings = DatabaseSettings()
    fusionpbx: FusionPbxSettings = FusionPbxSettings()
    tickets: TicketsSettings = TicketsSettings()
    transfer: TransferSettings = TransferSettings()
    callback: CallbackSettings = CallbackSettings()
    speech: SpeechSettings = SpeechSettings()
    log: LogSettings = LogSettings()
    domain: tuple[DomainSettings, ...] = ()

    @model_validator(mode="after")
    def _domains_are_several(self) -> Settings:
        for what in ("uuid", "name"):
            seen = [str(getattr(domain, what)).lower() for domain in self.domain]
            if twice := next((one for one in seen if seen.count(one) > 1), None):
                raise ValueError(f"domain: two have the {what} {twice!r}")
        return self

    @cached_property
    def _domain_by_uuid(self) -> dict[UUID, DomainSettings]:
        return {domain.uuid: domain for domain in self.domain}

    def domain_of(self, uuid: UUID) -> DomainSettings | None:
        """The domain with FusionPBX's uuid, if it is configured."""
        return self._domain_by_uuid.get(uuid)

    def gateway_of(self, domain: DomainSettings) -> str:
        """By which a domain dials numbers outside, unless a destination says otherwise."""
        return domain.gateway or self.pbx.gateway

    def warnings(self) -> list[str]:
        """What works and should not stay so."""
        found = []
        if self.pbx.password.get_secret_value() == "ClueCon" and not self.pbx.is_here:
            found.append(f"pbx.password is the default ClueCon, and {self.pbx.host} is not on loopback")
        host = self.http.listen.rpartition(":")[0]
        if not self.http.token.get_secret_value() and host.strip("[]") not in LOOPBACK:
            found.append(f"http.token is empty, and the API listens on {host}: anybody can transfer calls")
        if not self.tickets.url:
            found.append("tickets.url is empty: results are kept and sent to nobody")
        return found


def load(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """The settings from a file (None: defaults) and the environment. Raises SettingsError, one line."""
    tree: dict[str, Any] = {}
    if path is not None:
        try:
            tree = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise SettingsError(f"{path}: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path}: {error}") from None
    sources = _overlay(tree, environment)
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise SettingsError(_one_line(error, path, sources)) from None


def _overlay(tree: dict[str, Any], environment: Mapping[str, str]) -> dict[str, str]:
    """Put the environment's values into the tree. Returns which variable set which key."""
    sources = {}
    wanted = [(name, keys) for name, keys in _NAMES_IN_USE.items() if name in environment]
    wanted += [
        (name, name.removeprefix(_PREFIX).lower().replace("__", "."))
        for name in sorted(environment)
        if name.startswith(_PREFIX) and "__" in name
    ]
    for name, keys in wanted:
        for key in keys.split(","):
            *sections, last = key.split(".")
            branch = tree
            for section in sections:
                branch = branch.setdefault(section, {})
                if not isinstance(branch, dict):
                    raise SettingsError(f"{name} (environment): {section} is no section")
            branch[last] = environment[name]
            sources[key] = name
    return sources


def _one_line(error: ValidationError, path: Path | None, sources: Mapping[str, str]) -> str:
    first = error.errors(include_url=False)[0]
    loc = first["loc"]
    key = ".".join(str(part) for part in loc).replace("\n", " ")
    variable = next((name for set_key, name in sources.items() if f"{set_key}.".startswith(f"{key}.")), None)
    where = f"{variable} (environment)" if variable else f"{path or 'settings'}: {key}".removesuffix(": ")
    match first["type"]:
        case "extra_forbidden":
            return f"{where}: there is no such setting; known here: {', '.join(_known_beside(loc))}"
        case "model_type":
            return f"{where}: this is a section, [{loc[0]}], with keys of its own"
        case "tuple_type":
            return f"{where}: this is a list of sections, each [[{loc[0]}]], and can be set in the file only"
    what = first["msg"].removeprefix("Value error, ")
    given = repr(str(first["input"])[:60])
    told = _UNSPEAKABLE.isdisjoint(map(str, loc)) and isinstance(first["input"], str | int | float)
    return f"{where}: {what}" + (f", not {given}" if told and given not in what else "")


def _known_beside(loc: tuple[int | str, ...]) -> list[str]:
    """The settings that stand where an unknown one was found."""
    model: Any = Settings
    for part in loc[:-1]:
        model = model.model_fields[part].annotation if isinstance(part, str) else get_args(model)[0]
    return sorted(model.model_fields)
