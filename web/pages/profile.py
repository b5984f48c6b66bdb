"""The profile: plan and what is used of it, API keys, password, and for the owner the users."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from errors import InvalidData
from records import now
from registry.accounts import Account
from registry.keys import NewKey
from web.faults import BadRequest
from web.pages.rendering import page
from web.work import PlanUsage
from web.workshop import Owner, Shop, Signed, Workshop

router = APIRouter(include_in_schema=False, prefix="/profile")
SHOWN_AUDIT = 30


@dataclass(frozen=True)
class Bar:
    """What is used of a limit; no limit has no bar."""

    label: str
    used: int
    limit: int | None
    note: str = ""

    @property
    def full(self) -> bool:
        return self.limit is not None and self.used >= self.limit


def bars_of(usage: PlanUsage) -> list[Bar]:
    plan, hours = usage.plan, usage.window.total_seconds() / 3600
    frees = ""
    if usage.window_frees_at and plan.requests is not None:
        minutes = max(1, round((usage.window_frees_at - now()).total_seconds() / 60))
        frees = f"the oldest requests leave the window in about {minutes} min"
    return [
        Bar("Models", usage.models, plan.models, "failed and deleted ones don't count"),
        Bar("Premium models", usage.premium_models, plan.premium_models),
        Bar(f"Requests in {hours:g} hours, chat and API together", usage.requests, plan.requests, frees),
    ]


@router.get("")
def show(request: Request, shop: Shop, account: Signed, changed: Literal["password", ""] = "") -> Response:
    """`changed` is what was changed just now, and is not seen otherwise."""
    return page(request, "profile.html", context_of(shop, account, changed=changed))


def context_of(shop: Workshop, account: Account, **more: Any) -> dict[str, Any]:
    usage = shop.work.usage(account)
    return {
        "account": account,
        "section": "profile",
        "plan": usage.plan,
        "plans": list(shop.plans.by_name.values()),
        "bars": bars_of(usage),
        "keys": [key for key in shop.registry.keys(account.id) if key.revoked_at is None],
        "users": shop.registry.accounts() if account.owner else [],
        "audit": shop.registry.audit_lines(None if account.owner else account.id, SHOWN_AUDIT),
        "new_key": None,
        "changed": "",
        "now": now(),
        **more,
    }


@router.post("/keys")
def create_key(
    request: Request,
    shop: Shop,
    account: Signed,
    name: Annotated[str, Form(max_length=200)],
    expires: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """The one answer that shows the key."""
    made: NewKey = shop.registry.create_key(account.id, name, end_of(expires))
    shop.registry.audit(account.id, "key.create", made.key.id, made.key.name)
    return page(request, "profile.html", context_of(shop, account, new_key=made))


def end_of(day: str) -> datetime | None:
    """The end of that day. Raises BadRequest."""
    if not day.strip():
        return None
    try:
        return datetime.combine(date.fromisoformat(day.strip()), time(23, 59, 59), UTC)
    except ValueError as error:
        raise BadRequest(f"'{day}' is not a day.", "Give it as year-month-day.") from error


@router.post("/keys/{key}/revoke")
def revoke(key: str, shop: Shop, account: Signed) -> Response:
    revoked = shop.registry.revoke_key(account.id, key)
    shop.registry.audit(account.id, "key.revoke", revoked.id, revoked.name)
    return RedirectResponse("/profile#keys", 303)


@router.post("/password")
def password(
    shop: Shop,
    account: Signed,
    new: Annotated[str, Form(max_length=2000)],
    current: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Change the own password; all other sessions end. Raises InvalidData for a wrong current one."""
    if account.has_password and shop.registry.account_by_password(account.name, current) is None:
        raise InvalidData("The current password is wrong.", "Type it again.")
    changed = shop.registry.set_password(account.id, new)
    shop.registry.audit(account.id, "password.change", account.id)
    response = RedirectResponse("/profile?changed=password#password", 303)
    shop.door.sign_in(response, changed)
    return response


@router.post("/users")
def add_user(
    shop: Shop,
    owner: Owner,
    name: Annotated[str, Form(max_length=400)],
    password: Annotated[str, Form(max_length=2000)],
    plan: Annotated[str, Form(max_length=64)] = "free",
    email: Annotated[str, Form(max_length=320)] = "",
) -> Response:
    made = shop.registry.add_account(name, checked_plan(shop, plan), password, email)
    shop.registry.audit(owner.id, "account.create", made.id, made.name)
    return RedirectResponse("/profile#users", 303)


@router.post("/users/{user}")
def change_user(
    user: str,
    shop: Shop,
    owner: Owner,
    plan: Annotated[str, Form(max_length=64)] = "",
    disabled: Annotated[bool | None, Form()] = None,
) -> Response:
    changes: dict[str, Any] = {"plan": checked_plan(shop, plan)} if plan else {}
    if disabled is not None:
        changes["disabled"] = disabled
    changed = shop.registry.change_account(user, **changes)
    shop.registry.audit(owner.id, "account.change", changed.id, ", ".join(map(str, changes.items())))
    return RedirectResponse("/profile#users", 303)


def checked_plan(shop: Workshop, plan: str) -> str:
    """Raises BadRequest for one that the plans file lacks."""
    if plan not in shop.plans.by_name:
        raise BadRequest(f"There is no plan '{plan}'.", f"The plans are {', '.join(shop.plans.by_name)}.")
    return plan
