"""`/api/settings/{company_id}`: what a company wants of its callbacks."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter
from pydantic import ConfigDict

from voiced.callback.policy import Policy
from voiced.callback.refusals import NoSuchCompany
from voiced.web.access import Access, Granted
from voiced.web.described import Like
from voiced.web.errors import ApiError
from voiced.web.services import At, Services
from voiced.web.spelling import SNAKE_FIRST, Body

router = APIRouter(prefix="/api/settings", tags=["settings"])


class PolicyChange(Policy, Body):
    """Settings that shall change. What is not named stays as it is."""


class CompanyPolicy(Policy):
    """A company's settings."""

    model_config = ConfigDict(alias_generator=SNAKE_FIRST)

    id: str
    company_id: str


PolicyAnswer: TypeAlias = Annotated[dict[str, Any], Like(CompanyPolicy)]


@router.get("/{company_id}")
async def look(company_id: str, access: Granted, at: At) -> PolicyAnswer:
    """What a company wants of its callbacks."""
    _check(company_id, access, at)
    return _shown(company_id, await at.callbacks.keeper.policies.of(company_id))


@router.put("/{company_id}")
async def change(company_id: str, body: PolicyChange, access: Granted, at: At) -> PolicyAnswer:
    """Change some of them; what is not named stays as it is."""
    _check(company_id, access, at)
    changes = body.model_dump(mode="json", exclude_unset=True)
    policy = await at.callbacks.keeper.policies.change(company_id, changes)
    return _shown(company_id, policy)


def _check(company_id: str, access: Access, at: Services) -> None:
    """Raises NoSuchCompany for one that is not configured, ApiError 403 for one that is not this token's."""
    domains = [one for one in at.settings.domain if one.company == company_id]
    if access.domain is not None and access.domain not in {one.uuid for one in domains}:
        raise ApiError(403, "forbidden", "this token belongs to another company", "company_id")
    if not domains:
        raise NoSuchCompany


def _shown(company_id: str, policy: Policy) -> dict[str, Any]:
    return {"id": company_id, "company_id": company_id, **policy.model_dump(mode="json")}
