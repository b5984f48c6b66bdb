"""Sign-in by OpenID Connect: authorization code with PKCE, state and nonce.

The token is verified by the issuer's keys.
"""

import secrets
from functools import lru_cache
from typing import Any, NamedTuple

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from itsdangerous import BadData, URLSafeTimedSerializer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from requests import RequestException

from errors import Unavailable
from registry import Registry
from registry.accounts import Account
from settings import Settings
from web.faults import Forbidden

COOKIE = "luthier_oidc"
SECONDS = 600
TIMEOUT = 15.0
ALGORITHMS = ["RS256", "ES256", "PS256", "EdDSA", "RS384", "RS512", "ES384"]


class State(NamedTuple):
    state: str
    nonce: str
    verifier: str
    goal: str


class Person(NamedTuple):
    """`subject` is the issuer and its own id of the person; `email` only if the issuer vouches for it."""

    subject: str
    name: str
    email: str | None


def way_there(settings: Settings, back: str, goal: str) -> tuple[str, State]:
    drawn = (secrets.token_urlsafe(32) for _ in range(3))
    state = State(next(drawn), next(drawn), next(drawn), goal)
    with _session(settings, back) as session:
        where, _ = session.create_authorization_url(
            _discovered(settings.oidc_issuer)["authorization_endpoint"],
            state=state.state,
            nonce=state.nonce,
            code_verifier=state.verifier,
        )
    return where, state


def kept_state(signer: URLSafeTimedSerializer, value: str) -> State:
    """Raises Forbidden where the browser didn't start here, or too long ago."""
    try:
        return State(**signer.loads(value, max_age=SECONDS))
    except (BadData, TypeError) as error:
        raise Forbidden("The sign-in took too long, or began elsewhere.", "Start again at /login.") from error


def person(settings: Settings, back: str, query: dict[str, str], state: State) -> Person:
    """Who came back from the issuer. Raises Forbidden for an answer that doesn't hold."""
    if not secrets.compare_digest(query.get("state", ""), state.state) or "code" not in query:
        raise Forbidden("The sign-in provider did not let you in.", query.get("error_description", "")[:200])
    about = _discovered(settings.oidc_issuer)
    try:
        with _session(settings, back) as session:
            token = session.fetch_token(
                about["token_endpoint"], code=query["code"], code_verifier=state.verifier, timeout=TIMEOUT
            )
            keys = KeySet.import_key_set(
                session.get(about["jwks_uri"], timeout=TIMEOUT, withhold_token=True).json()
            )
        claims = jwt.decode(token["id_token"], keys, algorithms=ALGORITHMS).claims
        jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": about["issuer"]},
            aud={"essential": True, "value": settings.oidc_client_id},
            exp={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": state.nonce},
        ).validate(claims)
    except RequestException as error:
        raise _unreachable(settings.oidc_issuer, error) from error
    except (AuthlibBaseError, JoseError, KeyError, ValueError) as error:
        raise Forbidden(
            f"The sign-in provider's answer does not hold: {error}.", "Start again at /login."
        ) from error
    email = claims.get("email") if claims.get("email_verified") is True else None
    name = claims.get("name") or claims.get("preferred_username") or email or claims["sub"]
    return Person(f"{about['issuer']} {claims['sub']}", str(name), email)


def account_of(registry: Registry, who: Person, plan: str) -> Account:
    """The account of that person, made now if `plan` says so. Raises Forbidden."""
    account = registry.account_by_subject(who.subject)
    if account is None and who.email and (known := registry.account_by_email(who.email)):
        account = registry.change_account(known.id, subject=who.subject)
    if account is None and plan:
        name = who.email or f"{who.name} ({secrets.token_hex(3)})"
        account = registry.add_account(name, plan, email=who.email, subject=who.subject)
    if account is None or account.disabled:
        raise Forbidden("You have no account here.", "Ask the owner to add you by your e-mail address.")
    return account


def _session(settings: Settings, back: str) -> OAuth2Session:
    return OAuth2Session(
        settings.oidc_client_id,
        settings.oidc_client_secret or None,
        scope="openid email profile",
        redirect_uri=back,
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_basic" if settings.oidc_client_secret else "none",
    )


@lru_cache(4)
def _discovered(issuer: str) -> dict[str, Any]:
    """What the issuer says about itself."""
    with OAuth2Session() as session:
        try:
            answer = session.get(
                f"{issuer.rstrip('/')}/.well-known/openid-configuration", timeout=TIMEOUT, withhold_token=True
            )
            answer.raise_for_status()
            about: dict[str, Any] = answer.json()
        except RequestException as error:
            raise _unreachable(issuer, error) from error
    if about.get("issuer", "").rstrip("/") != issuer.rstrip("/"):
        raise Forbidden(f"{issuer} calls itself {about.get('issuer')}.", "Mend LUTHIER_OIDC_ISSUER.")
    return about


def _unreachable(issuer: str, error: RequestException) -> Unavailable:
    return Unavailable(f"The sign-in provider {issuer} can't be reached: {error}.", "Try again in a moment.")
