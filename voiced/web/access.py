"""Who may do what: a token belongs to one domain, or to all."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from voiced.settings import DomainSettings, Settings
from voiced.transfer.refusals import NoSuchDomain
from voiced.web.errors import ApiError

_bearer = HTTPBearer(auto_error=False, description="A token of `[http]`, or of one `[[domain]]`.")


@dataclass(frozen=True, slots=True)
class Access:
    """What a request may see: one domain, or all (None)."""

    domain: UUID | None

    @property
    def is_limited(self) -> bool:
        """Whether it is one domain's only."""
        return self.domain is not None

    def check(self, domain: UUID) -> None:
        """Raises ApiError 403 for a domain that is not this token's."""
        if self.domain is not None and self.domain != domain:
            raise ApiError(403, "forbidden", "this token belongs to another domain", "domain_uuid")

    def domain_in(self, settings: Settings, uuid: UUID) -> DomainSettings:
        """A domain that is configured. Raises ApiError 403 as `check` does, NoSuchDomain."""
        self.check(uuid)
        domain = settings.domain_of(uuid)
        if domain is None:
            raise NoSuchDomain
        return domain

    def first_domain(self, settings: Settings) -> DomainSettings | None:
        """This token's domain, or the first of all: its language and region are the best guess at theirs."""
        return next((one for one in settings.domain if self.domain in (None, one.uuid)), None)

    def check_all(self) -> None:
        """Raises ApiError 403 unless the token is for all domains."""
        if self.domain is not None:
            raise ApiError(403, "forbidden", "this needs a token for all domains ([http] token)")


class Gate:
    """Tokens to access. With no token configured at all everything is open (settings warn of it)."""

    def __init__(self, settings: Settings) -> None:
        master = settings.http.token.get_secret_value()
        self._tokens: list[tuple[bytes, UUID | None]] = [(master.encode(), None)] if master else []
        for domain in settings.domain:
            if token := domain.token.get_secret_value():
                self._tokens.append((token.encode(), domain.uuid))

    def access(self, token: str | None) -> Access:
        """Raises ApiError 401."""
        if not self._tokens:
            return Access(None)
        given = (token or "").encode("utf-8", "replace")
        found = [domain for known, domain in self._tokens if hmac.compare_digest(known, given)]
        if not found:
            raise ApiError(401, "unauthorized", "a valid `Authorization: Bearer TOKEN` is needed")
        return Access(found[0])


async def _access(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Access:
    gate: Gate = request.app.state.gate
    return gate.access(credentials.credentials if credentials else None)


Granted = Annotated[Access, Depends(_access)]
