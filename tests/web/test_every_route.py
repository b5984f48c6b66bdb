"""Whatever is asked of whichever page, by the owner too: none fails, and script stays text."""

import re
from string import Formatter

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from web import entrance
from web.app import PAGES
from web.workshop import Workshop

SCRIPT = "</textarea><script>alert(1)</script>'\"><img src=x onerror=alert(1)>"
ODD = (SCRIPT, "a\x00b", "../../etc/passwd")
# ends the session; answers 503 without a provider
ELSEWHERE = ("/logout", "/login/oidc", "/login/oidc/back")


def routes() -> list[APIRoute]:
    routers = [one.router for one in (*PAGES, entrance)]
    return [route for router in routers for route in router.routes if isinstance(route, APIRoute)]


def fields(route: APIRoute) -> list[str]:
    """Names of what the route reads of a form or a query."""
    body = route.body_field.field_info.annotation if route.body_field else None
    named = list(getattr(body, "model_fields", {}))
    return named + [field.alias for field in route.dependant.query_params]


@pytest.mark.parametrize("odd", ODD, ids=["script", "null", "path"])
def test_no_page_fails_and_script_in_any_field_is_text(odd: str, client: TestClient, shop: Workshop) -> None:
    client.get(shop.door.new_link())
    asked = 0
    for route in routes():
        if route.path in ELSEWHERE:
            continue
        names = [name for _, name, _, _ in Formatter().parse(route.path) if name]
        path = route.path
        for name in names:
            path = path.replace(f"{{{name}}}", "x" if "/" in odd else odd.replace("\x00", "%00"))
        given = dict.fromkeys(fields(route), odd)
        for method in sorted((route.methods or set()) - {"HEAD"}):
            for sent in ({}, given):
                answer = client.request(
                    method, path, **({"params": sent} if method == "GET" else {"data": sent})
                )
                assert answer.status_code < 500, (method, path, answer.text)
                assert "<script>alert" not in answer.text, path
                assert not re.search(r"<img[^>]*onerror", answer.text), path
                asked += 1
    assert asked > 60


def test_script_in_every_field_of_a_new_model_is_text_when_the_form_is_filled_again(
    client: TestClient, shop: Workshop
) -> None:
    client.get(shop.door.new_link())
    sent = dict.fromkeys(
        ("use_case", "uris", "held_uris", "label", "assistant", "allow", "teacher_model"), SCRIPT
    )
    sent |= {"teacher_url": f"http://x/{SCRIPT}", "teacher_key": SCRIPT, "base_model": "smollm2-135m"}
    there = client.post("/new", data=sent).headers["location"]
    for path in (there, f"/new?again={there.rpartition('/')[2]}"):
        text = client.get(path).text
        assert "alert(1)" in text
        assert "<script>alert" not in text
        assert not re.search(r"<img[^>]*onerror", re.sub(r'"[^"]*"', '""', text))
