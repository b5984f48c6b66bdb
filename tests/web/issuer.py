"""A small OpenID provider on loopback: authorization code with PKCE, a page that asks, signed tokens.

It knows one person, and refuses what a provider must refuse: another client, an address to go back to that
was not asked for, a code that is unknown or was used, a verifier that does not fit, a wrong client secret.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "luthier", "not told to browsers"
Query = dict[str, str]


class Issuer:
    """`claims` and `key` can be changed to make its answers wrong."""

    def __init__(self) -> None:
        self.key = self.published = RSAKey.generate_key(2048, {"kid": "first"})
        self.claims: dict[str, Any] = {}
        self.asked: dict[str, Query] = {}
        self.codes: dict[str, Query] = {}
        self.refusals: list[str] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = plain(parts.query)
                if parts.path == "/authorization":
                    self.answer(200, issuer.ask(query), "text/html")
                elif parts.path == "/agreed":
                    self.answer(303, b"", "text/html", issuer.agreed(query["request"]))
                else:
                    self.answer(200, issuer.about(parts.path))

            def do_POST(self) -> None:
                body = plain(self.rfile.read(int(self.headers["content-length"])).decode())
                try:
                    self.answer(200, issuer.token(body, self.headers.get("authorization", "")))
                except Refused as why:
                    issuer.refusals.append(str(why))
                    self.answer(400, {"error": "invalid_grant", "error_description": str(why)})

            def answer(
                self, status: int, what: Any, kind: str = "application/json", location: str = ""
            ) -> None:
                data = what if isinstance(what, bytes) else json.dumps(what).encode()
                self.send_response(status)
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def about(self, path: str) -> dict[str, Any]:
        if path.endswith("/openid-configuration"):
            names = ("authorization", "token")
            return {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/keys",
                **{f"{name}_endpoint": f"{self.url}/{name}" for name in names},
            }
        return {"keys": [self.published.as_dict(private=False)]}

    def ask(self, query: Query) -> bytes:
        """The page on which the person agrees."""
        assert query["client_id"] == CLIENT
        assert query["response_type"] == "code"
        assert "openid" in query["scope"].split()
        assert query["code_challenge_method"] == "S256"
        assert query["state"]
        assert query["nonce"]
        number = secrets.token_hex(8)
        self.asked[number] = query
        page = f'<!doctype html><title>Issuer</title><a href="/agreed?request={number}">Continue as Robin</a>'
        return page.encode()

    def agreed(self, number: str) -> str:
        """Where the browser goes with its code."""
        query = self.asked.pop(number)
        code = secrets.token_hex(16)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def through(self, address: str) -> str:
        """As a browser with that address does whose person agrees: where it is sent back to."""
        page = httpx.get(address).raise_for_status().text
        agree = page.partition('href="')[2].partition('"')[0]
        return httpx.get(self.url + agree).headers["location"]

    def token(self, body: Query, authorization: str) -> dict[str, Any]:
        query = self.codes.pop(body["code"], None)
        if query is None:
            raise Refused("unknown code")
        if authorization != "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode():
            raise Refused("wrong client secret")
        if body["redirect_uri"] != query["redirect_uri"]:
            raise Refused("another address to go back to")
        fits = base64.urlsafe_b64encode(hashlib.sha256(body["code_verifier"].encode()).digest())
        if fits.rstrip(b"=").decode() != query["code_challenge"]:
            raise Refused("the verifier does not fit")
        moment = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": "person-7",
            "iat": moment,
            "exp": moment + 300,
            "nonce": query["nonce"],
            "email": "robin@example.org",
            "email_verified": True,
            "name": "Robin",
            **self.claims,
        }
        token = jwt.encode({"alg": "RS256", "kid": "first"}, claims, self.key)
        return {"access_token": secrets.token_hex(8), "token_type": "Bearer", "id_token": token}


class Refused(Exception):
    pass


def plain(query: str) -> Query:
    return {name: values[0] for name, values in parse_qs(query).items()}
