"""/login and /logout."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from errors import NotConfigured
from registry.accounts import Account
from web.faults import Forbidden
from web.pages.rendering import page
from web.workshop import Shop

router = APIRouter(include_in_schema=False)


@router.get("/login")
def login(request: Request, shop: Shop, next: str = "/") -> Response:
    if shop.door.is_signed_in(request):
        return RedirectResponse(_inside(next), 303)
    return _page(request, shop, next)


@router.get("/login/link")
def by_link(request: Request, token: str, shop: Shop) -> Response:
    """The link that `luthier serve` prints. It works once; who is signed in already may open it again."""
    account = shop.door.use_link(token)
    if account is None:
        if shop.door.is_signed_in(request):
            return RedirectResponse("/", 303)
        raise Forbidden(
            "This link was used already, or is from an earlier start.",
            "Open /login: a new link is printed where `luthier serve` runs.",
        )
    return _let_in(shop, account, "/", "link")


@router.post("/login")
def by_password(
    request: Request,
    shop: Shop,
    name: Annotated[str, Form()],
    password: Annotated[str, Form()],
    next: Annotated[str, Form()] = "/",
) -> Response:
    address = request.client.host if request.client else ""
    account = shop.door.by_password(name, password, address)
    if account is None:
        return _page(request, shop, next, "The name or the password is wrong.", 401)
    return _let_in(shop, account, next, "password")


@router.get("/login/oidc")
def to_issuer(request: Request, shop: Shop, next: str = "/") -> Response:
    """On to the sign-in provider, with a state that only this browser has."""
    _need_oidc(shop)
    from web import oidc

    where, state = oidc.way_there(shop.settings, _back(request, shop), _inside(next))
    response = RedirectResponse(where, 303)
    signed = shop.door.signer.dumps(state._asdict())
    response.set_cookie(
        oidc.COOKIE,
        signed,
        oidc.SECONDS,
        httponly=True,
        samesite="lax",
        secure=shop.door.secure,
        path="/login",
    )
    return response


@router.get("/login/oidc/back")
def from_issuer(request: Request, shop: Shop) -> Response:
    _need_oidc(shop)
    from web import oidc

    state = oidc.kept_state(shop.door.signer, request.cookies.get(oidc.COOKIE, ""))
    person = oidc.person(shop.settings, _back(request, shop), dict(request.query_params), state)
    account = oidc.account_of(shop.registry, person, shop.settings.oidc_plan)
    response = _let_in(shop, account, state.goal, "oidc")
    response.delete_cookie(oidc.COOKIE, path="/login")
    return response


@router.post("/logout")
def logout(shop: Shop) -> Response:
    response = RedirectResponse("/login", 303)
    shop.door.sign_out(response)
    return response


def _need_oidc(shop: Shop) -> None:
    """Whoever calls it imports `oidc` then: its libraries are an extra, and not everyone has them."""
    if not shop.door.oidc:
        raise NotConfigured("No sign-in provider is set up.", "Set LUTHIER_OIDC_ISSUER and its client id.")


def _let_in(shop: Shop, account: Account, next: str, way: str) -> Response:
    response = RedirectResponse(_inside(next), 303)
    shop.door.sign_in(response, account)
    shop.registry.audit(account.id, "sign-in", account.id, way)
    return response


def _page(request: Request, shop: Shop, next: str, error: str = "", status: int = 200) -> Response:
    methods = shop.door.methods()
    if "link" in methods:
        shop.door.offer_link()
    context = {"methods": methods, "error": error, "next": _inside(next)}
    return page(request, "login.html", context, status)


def _inside(next: str) -> str:
    """A path of ours, never another site's address."""
    parts = urlsplit(next)
    inside = (
        next.startswith("/") and not next.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    )
    return next if inside and next.isprintable() and "\\" not in next else "/"


def _back(request: Request, shop: Shop) -> str:
    start = shop.settings.public_url.rstrip("/") or str(request.base_url).rstrip("/")
    return f"{start}/login/oidc/back"
