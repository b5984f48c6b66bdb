"""Who is asking: a link printed in the terminal, a password, or a sign-in provider; then a signed cookie."""

import hashlib
import logging
import os
import secrets
import threading
import time
from collections import defaultdict, deque
from importlib import import_module
from pathlib import Path

from fastapi import Request, Response
from itsdangerous import BadData, URLSafeTimedSerializer

from errors import LuthierError, NotConfigured, NotFound
from registry import Registry
from registry.accounts import Account
from settings import Settings
from web.faults import BadKey, SignInNeeded, TooManyRequests

log = logging.getLogger("luthier.door")

COOKIE = "luthier_session"
SESSION_SECONDS = 30 * 24 * 3600
LINK_SECONDS = 24 * 3600
# /login can be opened by anyone, so that it prints no more often than this
LINK_PAUSE_SECONDS = 10.0
# failed sign-ins that one name or one address may have in so many seconds
FAILURES, FAILURE_SECONDS = 10, 300.0


class Door:
    """Lets people in and knows them again. One a server process; links live in its memory only."""

    def __init__(self, settings: Settings, registry: Registry, single_owner: bool = False):
        self.registry, self.single_owner = registry, single_owner
        self.secret = settings.secret or _kept_secret(settings.root)
        self.signer = URLSafeTimedSerializer(self.secret, salt="luthier-session")
        self.secure = settings.public_url.startswith("https://")
        self.address = settings.public_url.rstrip("/")
        self.oidc = _has_issuer(settings)
        self._links: dict[str, float] = {}
        self._failures: defaultdict[str, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()
        self._offered = -LINK_PAUSE_SECONDS

    def methods(self) -> list[str]:
        """The ways in: `link`, `password`, `oidc`."""
        found = ["oidc"] if self.oidc else []
        if any(account.has_password for account in self.registry.accounts()):
            found.insert(0, "password")
        return ["link", *found] if self.single_owner or not found else found

    def offer_link(self) -> None:
        """Print a fresh link where the server runs, for one who comes without."""
        with self._lock:
            if time.monotonic() < self._offered + LINK_PAUSE_SECONDS:
                return
            self._offered = time.monotonic()
        log.info("To sign in, open %s%s", self.address, self.new_link())

    def new_link(self) -> str:
        """The path of a link that signs the owner in, once."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._links = {old: end for old, end in self._links.items() if end > time.monotonic()}
            self._links[_digest(token)] = time.monotonic() + LINK_SECONDS
        return f"/login/link?token={token}"

    def use_link(self, token: str) -> Account | None:
        with self._lock:
            end = self._links.pop(_digest(token), 0.0)
        return self.registry.owner() if end > time.monotonic() else None

    def by_password(self, name: str, password: str, address: str) -> Account | None:
        """None for a wrong one. Raises TooManyRequests after too many of them."""
        marks = (f"name {name.strip().lower()}", f"address {address}")
        for mark in marks:
            self._check_failures(mark)
        account = self.registry.account_by_password(name, password)
        if account is None:
            with self._lock:
                for mark in marks:
                    self._failures[mark].append(time.monotonic())
        return account

    def _check_failures(self, mark: str) -> None:
        start = time.monotonic() - FAILURE_SECONDS
        with self._lock:
            for known in [key for key, times in self._failures.items() if times and times[-1] < start]:
                del self._failures[known]
            times = self._failures[mark] if mark in self._failures else deque[float]()
            while times and times[0] < start:
                times.popleft()
            if len(times) >= FAILURES:
                wait = times[0] - start
                raise TooManyRequests(
                    "Too many failed sign-ins.", f"Wait {wait / 60:.0f} minutes, then try again.", None, wait
                )

    def sign_in(self, response: Response, account: Account) -> None:
        value = self.signer.dumps({"account": account.id, "epoch": account.epoch})
        response.set_cookie(
            COOKIE, value, SESSION_SECONDS, httponly=True, samesite="lax", secure=self.secure, path="/"
        )

    def sign_out(self, response: Response) -> None:
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=self.secure)

    def signed_in(self, request: Request) -> Account:
        """Raises SignInNeeded without a valid session."""
        known: Account | None = getattr(request.state, "account", None)
        if known:
            return known
        account = self._of_cookie(request.cookies.get(COOKIE, ""))
        if account is None:
            raise SignInNeeded("You are not signed in.", "Sign in, then try again.")
        request.state.account = account
        return account

    def is_signed_in(self, request: Request) -> bool:
        return self._of_cookie(request.cookies.get(COOKIE, "")) is not None

    def _of_cookie(self, value: str) -> Account | None:
        try:
            session = self.signer.loads(value, max_age=SESSION_SECONDS)
            account = self.registry.account(str(session["account"]))
        except (BadData, NotFound, KeyError, TypeError):
            return None
        return account if account.epoch == session.get("epoch") and not account.disabled else None

    def key_holder(self, request: Request) -> Account:
        """Raises BadKey without a valid API key."""
        known: Account | None = getattr(request.state, "account", None)
        if known:
            return known
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise BadKey(
                "No API key was given.",
                "Send it as 'Authorization: Bearer KEY'; the profile page makes keys.",
            )
        account = self.registry.account_of_key(key.strip())
        if account is None:
            raise BadKey(
                "The API key is not valid: unknown, revoked or expired.",
                "Make a new one on the profile page.",
            )
        request.state.account = account
        return account


def _has_issuer(settings: Settings) -> bool:
    """Whether people may sign in by OpenID Connect. Raises NotConfigured if they should and can't."""
    if not (settings.oidc_issuer and settings.oidc_client_id):
        return False
    try:
        import_module("web.oidc")
    except ModuleNotFoundError as error:
        raise NotConfigured(
            f"Signing in by OpenID Connect needs the Python package '{error.name}'.",
            "Install it: pip install -e '.[oidc]'.",
        ) from error
    return True


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _kept_secret(root: Path) -> str:
    """The secret in HOME, made with the first call; only the account that runs Luthier can read it."""
    path = root / "session-secret"
    root.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        kept = path.read_text("ascii").strip()
        if len(kept) < 32:
            raise LuthierError(
                f"The secret in {path} is damaged.", "Delete the file; all sign in again."
            ) from None
        return kept
    with os.fdopen(descriptor, "w") as file:
        secret = secrets.token_urlsafe(48)
        file.write(secret)
    return secret
