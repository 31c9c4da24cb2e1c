"""Settings: the file says every default, the environment wins, and a mistake is one line that names it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from voiced import settings as module
from voiced.settings import DomainSettings, Settings, SettingsError, load

ROOT = Path(__file__).resolve().parent.parent
DOMAIN = '[[domain]]\nuuid = "11111111-1111-4111-8111-111111111111"\nname = "pbx.test"\n'
SECRET = "hunter2hunter2"


def the_commented_file() -> str:
    return (ROOT / "voiced.toml").read_text()


def uncommented(text: str) -> str:
    """The file as somebody has it who has removed the `# ` before every key and section."""
    return re.sub(r"^# (?=\w+ = |\[)", "", text, flags=re.MULTILINE)


def keys(model: type[BaseModel]) -> set[str]:
    return set(model.model_fields)


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "voiced.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


# -- the commented file -----------------------------------------------------------------------------------


def test_the_file_as_it_is_shipped_changes_nothing() -> None:
    assert load(ROOT / "voiced.toml", {}) == Settings()


def test_every_commented_key_stands_at_its_default(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, uncommented(the_commented_file())), {})
    defaults = Settings()
    for section in keys(Settings) - {"domain"}:
        assert getattr(loaded, section) == getattr(defaults, section), section
    (domain,) = loaded.domain
    assert domain == DomainSettings(uuid=domain.uuid, name=domain.name)


def test_the_file_names_every_key_there_is() -> None:
    tree = tomllib.loads(uncommented(the_commented_file()))
    named = {name: set(section) for name, section in tree.items() if name != "domain"}
    assert named == {
        name: keys(type(getattr(Settings(), name))) for name in keys(Settings) if name != "domain"
    }
    assert set(tree["domain"][0]) == keys(DomainSettings)


def test_the_file_names_every_name_in_use() -> None:
    header = the_commented_file().partition("\n[pbx]")[0]
    named = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", header)) - {"VOICED_PBX__HOST"}
    assert named == set(module._NAMES_IN_USE)


# -- the environment --------------------------------------------------------------------------------------


OTHER_VALUES = {
    "auto_dial": "true", "auto_retry": "false", "owner": "backend", "first": "client",
    "connect_seconds": "77",
    "listen": "0.0.0.0:1", "url": "http://other", "leave_key": "#", "level": "debug", "format": "json",
    "pause_assistant": "x {uuid}", "resume_assistant": "y {uuid}", "enabled": "false",
    "announce": "false",
}  # fmt: skip


def test_every_key_can_be_set_by_the_environment() -> None:
    for section in keys(Settings) - {"domain"}:
        for key in keys(type(getattr(Settings(), section))):
            text = OTHER_VALUES.get(key, "7")
            found = getattr(getattr(load(None, {f"VOICED_{section}__{key}".upper(): text}), section), key)
            found = getattr(found, "get_secret_value", lambda found=found: found)()
            assert str(found).lower().removesuffix(".0") == text, (section, key)


@pytest.mark.parametrize(
    ("name", "text", "key", "value"),
    [
        ("ESL_HOST", "10.0.0.5", "pbx.host", "10.0.0.5"),
        ("ESL_PORT", "8022", "pbx.port", 8022),
        ("ESL_PASSWORD", SECRET, "pbx.password", SECRET),
        ("TRANSFER_ENABLED", "false", "transfer.enabled", False),
        ("TRANSFER_ANNOUNCE_ENABLED", "false", "transfer.announce", False),
        ("TRANSFER_DEFAULT_TIMEOUT", "25", "transfer.ring_timeout_seconds", 25.0),
        ("TRANSFER_MUSIC_ON_HOLD", "local_stream://jazz", "pbx.hold_music", "local_stream://jazz"),
        ("CALLBACK_ENABLED", "false", "callback.enabled", False),
        ("CALLBACK_EXPIRATION_HOURS", "48", "callback.expiration_hours", 48.0),
        ("CALLBACK_MAX_NOTIFICATIONS", "3", "callback.max_notifications", 3),
        ("CALLBACK_MIN_INTERVAL_MINUTES", "15", "callback.min_interval_minutes", 15.0),
        ("OMNIPLAY_API_URL", "http://127.0.0.1:3000", "tickets.url", "http://127.0.0.1:3000"),
        ("VOICE_AI_SERVICE_TOKEN", SECRET, "tickets.token", SECRET),
        ("VOICE_AI_SERVICE_TOKEN", SECRET, "http.token", SECRET),
        ("DATABASE_URL", "postgresql://h/d", "database.url", "postgresql://h/d"),
    ],
)
def test_the_names_in_use_set_what_they_always_did(name: str, text: str, key: str, value: Any) -> None:
    section, field = key.split(".")
    found = getattr(getattr(load(None, {name: text}), section), field)
    assert getattr(found, "get_secret_value", lambda: found)() == value


def test_the_environment_wins_over_the_file_and_the_full_name_over_the_name_in_use(tmp_path: Path) -> None:
    path = write(tmp_path, '[pbx]\nhost = "file"\nport = 1\nname = "kept"\n')
    pbx = load(path, {"ESL_HOST": "in-use", "ESL_PORT": "2", "VOICED_PBX__PORT": "3"}).pbx
    assert (pbx.name, pbx.host, pbx.port) == ("kept", "in-use", 3)


def test_variables_of_others_are_let_alone() -> None:
    service_links = {"VOICED_PORT": "tcp://10.0.0.1:8085", "VOICED_SERVICE_HOST": "10.0.0.1", "HOST": "x"}
    assert load(None, service_links) == Settings()


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    assert load(write(tmp_path, b'\xef\xbb\xbf[pbx]\nhost = "x"'), {}).pbx.host == "x"


# -- one clear line ---------------------------------------------------------------------------------------

FILE_MISTAKES = [
    ("[pbx]\nhots = 'x'", "pbx.hots", "there is no such setting; known here: gateway, hold_music, host"),
    ("[pbxx]\nhost = 'x'", "pbxx", "there is no such setting; known here: callback, database, domain"),
    ("nonsense = 1", "nonsense", "there is no such setting"),
    (f"{DOMAIN}nickname = 'x'", "domain.0.nickname", "known here: company_id, context, gateway, locale"),
    ("[pbx]\nport = 'abc'", "pbx.port", "not 'abc'"),
    ("[pbx]\nport = 70000", "pbx.port", "not '70000'"),
    ("[pbx]\nport = 8021.5", "pbx.port", "not '8021.5'"),
    ("[pbx]\nhost = ''", "pbx.host", "'' is no host"),
    ("[pbx]\nhost = 'a b'", "pbx.host", "'a b' is no host"),
    ("[pbx]\nhost = 'a..b'", "pbx.host", "'a..b' is no host's name or address"),
    (f"[pbx]\nhost = '{'x' * 70}'", "pbx.host", "is no host's name or address"),
    ("[pbx]\nhost = '10.0.0.5:8021'", "pbx.host", "no host's name or address (without a port)"),
    ("[http]\nlisten = 'a..b:8085'", "http.listen", "'a..b' is no host's name or address"),
    ("[tickets]\nurl = 'http://a..b/'", "tickets.url", "http://127.0.0.1:3000"),
    ("[tickets]\nurl = 'http://xn--/'", "tickets.url", "http://127.0.0.1:3000"),
    ("[pbx]\nname = 'a b'", "pbx.name", "not 'a b'"),
    ("[pbx]\nhold_music = '${system(rm)}'", "pbx.hold_music", "which the PBX would expand"),
    ("[pbx]\ngateway = 'a/b'", "pbx.gateway", "'a/b' is no gateway"),
    ("pbx = 'x'", "pbx", "this is a section, [pbx]"),
    ("[http]\nlisten = '8085'", "http.listen", "HOST:PORT"),
    ("[http]\nlisten = '127.0.0.1:99999'", "http.listen", "HOST:PORT"),
    ("[pbx]\nhost = \"a\\r\\nb\"", "pbx.host", "is no host's name or address"),
    ("[pbx]\nhost = \"a\\n\"", "pbx.host", "is no host's name or address"),
    ("[pbx]\nhost = 'tcp://a'", "pbx.host", "(without a port)"),
    ("[http]\nlisten = ':8085'", "http.listen", "HOST:PORT"),
    ("[http]\nlisten = 'a b:8085'", "http.listen", "'a b' is no host"),
    ("[http]\nlisten = '::1:8085'", "http.listen", "[::1]:8085"),
    ("[http]\nlisten = \"127.0.0.1:80\\n\"", "http.listen", "HOST:PORT"),
    ("[http]\nlisten = '127.0.0.1:8²'", "http.listen", "HOST:PORT"),
    ("[outbound]\nlisten = '127.0.0.1'", "outbound.listen", "HOST:PORT"),
    ("[database]\nurl = \"postgresql://u:hidden@h/db\\n\"", "database.url", "a line break"),
    ("[database]\nretention_days = -1", "database.retention_days", "not '-1'"),
    ("[tickets]\nurl = 'ftp://h'", "tickets.url", "http://127.0.0.1:3000"),
    ("[tickets]\nurl = 'http://h:0'", "tickets.url", "http://127.0.0.1:3000"),
    ("[tickets]\nurl = 'http://h?a=b'", "tickets.url", "http://127.0.0.1:3000"),
    ("[transfer]\nenabled = 'perhaps'", "transfer.enabled", "not 'perhaps'"),
    ("[transfer]\nring_timeout_seconds = 0", "transfer.ring_timeout_seconds", "not '0'"),
    ("[transfer]\nring_timeout_seconds = nan", "transfer.ring_timeout_seconds", "not 'nan'"),
    ("[transfer]\nlongest_hold_seconds = -1", "transfer.longest_hold_seconds", "not '-1'"),
    ("[transfer]\nmax_retries = 99", "transfer.max_retries", "not '99'"),
    ("[transfer]\nleave_key = '12'", "transfer.leave_key", "one key of a phone"),
    ("[transfer]\npause_assistant = 'uuid_audio_fork pause'", "transfer.pause_assistant", "{uuid}"),
    ("[log]\nlevel = 'loud'", "log.level", "'debug', 'info', 'warning' or 'error'"),
    ("[tickets]\nurl = 'localhost:3000'", "tickets.url", "http://127.0.0.1:3000"),
    ("[tickets]\nurl = 'http://[bad'", "tickets.url", "http://127.0.0.1:3000"),
    ("[tickets]\nurl = 'http://'", "tickets.url", "http://127.0.0.1:3000"),
    ("[tickets]\ntoken = 'ção'", "tickets.token", "visible ASCII"),
    ("[http]\ntoken = 'two words'", "http.token", "visible ASCII"),
    ("[pbx]\npassword = \"line\\n\"", "pbx.password", "a line break"),
    ("[[domain]]\nname = 'x'", "domain.0.uuid", "Field required"),
    ("[[domain]]\nuuid = 'x'\nname = 'x'", "domain.0.uuid", "not 'x'"),
    (DOMAIN.replace("pbx.test", "a{b}"), "domain.0", "'a{b}' is no domain"),
    (f"{DOMAIN}timezone = 'Mars/Base'", "domain.0.timezone", "no time zone is called 'Mars/Base'"),
    (f"{DOMAIN}{DOMAIN}", "domain", "two have the uuid '11111111-1111-4111-8111-111111111111'"),
    ("[domain]\nname = 'x'", "domain", "each [[domain]]"),
    ("[pbx\nhost = 1", "line 1", "Expected ']'"),
    ("[pbx]\nhost = 1\nhost = 2\n", "line 3", "Cannot overwrite a value"),
    ('"two\\nlines" = 1', "two", "there is no such setting"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "key", "says"), FILE_MISTAKES, ids=lambda value: value[:40])
def test_a_mistake_in_the_file_is_one_line_that_names_file_and_key(
    tmp_path: Path, text: str, key: str, says: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(write(tmp_path, text), {})
    message = str(caught.value)
    assert "\n" not in message
    assert str(tmp_path / "voiced.toml") in message
    assert key in message
    assert says in message


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("ESL_PORT", "abc", "not 'abc'"),
        ("ESL_PORT", "", "not ''"),
        ("ESL_PASSWORD", "line\n", "a line break"),
        ("TRANSFER_ENABLED", "perhaps", "not 'perhaps'"),
        ("TRANSFER_DEFAULT_TIMEOUT", "-5", "not '-5'"),
        ("OMNIPLAY_API_URL", "localhost", "http://127.0.0.1:3000"),
        ("VOICE_AI_SERVICE_TOKEN", "a b", "visible ASCII"),
        ("VOICED_PBX__HOTS", "x", "there is no such setting"),
        ("VOICED_NONSENSE__KEY", "x", "there is no such setting"),
        ("VOICED_PBX__HOST__MORE", "x", "valid string"),
        ("VOICED_DOMAIN__0__NAME", "x", "can be set in the file only"),
    ],
)
def test_a_mistake_in_the_environment_is_one_line_that_names_the_variable(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(write(tmp_path, '[pbx]\nname = "file"'), {name: text})
    message = str(caught.value)
    assert message.startswith(f"{name} (environment): "), message
    assert "\n" not in message
    assert says in message


def test_a_variable_that_goes_through_a_value_names_itself(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^VOICED_PBX__HOST__MORE \(environment\)"):
        load(write(tmp_path, '[pbx]\nhost = "x"'), {"VOICED_PBX__HOST__MORE": "y"})


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: folder / "none.toml", "No such file or directory"),
        (lambda folder: folder, "Is a directory"),
        (lambda folder: write(folder, b'[pbx]\nhost = "\xe9"'), "can't decode byte 0xe9"),
    ],
    ids=["missing", "a directory", "Latin-1"],
)
def test_a_file_that_cannot_be_read_is_one_line_that_names_it(tmp_path: Path, make: Any, says: str) -> None:
    path = make(tmp_path)
    with pytest.raises(SettingsError) as caught:
        load(path, {})
    assert str(path) in str(caught.value)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


# -- secrets ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"[pbx]\npassword = ['{SECRET}']",
        f"[pbx]\npassword = '{SECRET}\\u000a'".replace("'", '"'),
        f"[http]\ntoken = '{SECRET} '",
        f"[tickets]\ntoken = '{SECRET}é'",
        f"[tickets]\nurl = 'ftp://user:{SECRET}@h'",
        f"database = 'postgresql://user:{SECRET}@h/d'",
        f"[database]\nurl = ['postgresql://user:{SECRET}@h/d']",
        f"{DOMAIN}token = ['{SECRET}']",
        f"{DOMAIN}token = '{SECRET}\\t'".replace("'", '"'),
    ],
)
def test_no_message_repeats_a_secret(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(write(tmp_path, text), {})
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None, "the cause would tell it in a traceback"


def test_a_secret_is_in_no_text_of_the_settings(tmp_path: Path) -> None:
    text = f"""
        [pbx]
        password = "{SECRET}"
        [http]
        token = "{SECRET}"
        [database]
        url = "postgresql://user:{SECRET}@h/d"
        [tickets]
        token = "{SECRET}"
        {DOMAIN}
        token = "{SECRET}"
    """
    found = load(write(tmp_path, text), {})
    for form in (repr(found), str(found), found.model_dump_json(), repr(found.warnings())):
        assert SECRET not in form
    assert found.pbx.password.get_secret_value() == SECRET


# -- warnings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["10.0.0.5", "::1", "fe80::1%eth0", "pbx", "pbx_1.example.com", "a-b.c."])
def test_names_and_addresses_of_machines_are_taken(host: str) -> None:
    where = f"[{host}]:1" if ":" in host else f"{host}:1"
    found = load(
        None, {"ESL_HOST": host, "VOICED_HTTP__LISTEN": where, "OMNIPLAY_API_URL": f"http://{where}"}
    )
    assert (found.pbx.host, found.http.listen) == (host, where)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_the_default_password_is_fine_on_loopback(host: str) -> None:
    assert not [text for text in load(None, {"ESL_HOST": host}).warnings() if "password" in text]


def test_the_default_password_on_another_machine_is_warned_about() -> None:
    assert any("ClueCon" in text for text in load(None, {"ESL_HOST": "10.0.0.5"}).warnings())


@pytest.mark.parametrize(
    ("listen", "token", "warned"),
    [
        ("127.0.0.1:8085", "", False),
        ("[::1]:8085", "", False),
        ("0.0.0.0:8085", "", True),
        ("0.0.0.0:8085", "secret", False),
    ],
)
def test_an_open_api_is_warned_about_where_others_reach_it(listen: str, token: str, warned: bool) -> None:
    found = load(None, {"VOICED_HTTP__LISTEN": listen, "VOICED_HTTP__TOKEN": token})
    assert any("http.token" in text for text in found.warnings()) is warned
