"""Why a request is refused, as types with a code that programs can rely on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Refusal(Exception):
    """Base of them all. `field` names what in the request is at fault, '' for nothing.

    `messages` is what an assistant may say of it, by language; `options` whom it may offer instead.
    """

    code = "refused"
    field = ""

    def __init__(
        self,
        message: str = "",
        *,
        field: str = "",
        messages: Mapping[str, str] | None = None,
        options: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(message or (self.__doc__ or "").strip())
        self.field = field or self.field
        self.messages, self.options = dict(messages or {}), list(options)


class PbxIsAway(Refusal):
    """There is no connection to the PBX."""

    code = "pbx_is_away"


class DatabaseIsAway(Refusal):
    """The database did not take the request in time; no call was touched."""

    code = "database_is_away"


def again(code: str, message: str) -> Refusal:
    """A refusal of another daemon, as it was there."""
    kinds = [Refusal]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return next((kind for kind in kinds if kind.code == code), Refusal)(message)
