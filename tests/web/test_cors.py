"""Programs that run in a browser, on pages of other sites."""

ORIGIN = {"Origin": "https://notebook.example"}
QUESTION = {
    **ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-stainless-lang",
}


def test_a_browser_may_ask_the_api_from_another_sites_page(client, owner):
    answer = client.options("/v1/chat/completions", headers=QUESTION)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "x-stainless-lang" in answer.headers["access-control-allow-headers"]
    assert "authorization" in answer.headers["access-control-allow-headers"]

    models = client.get("/v1/models", headers={**ORIGIN, **owner.headers})
    assert models.status_code == 200
    assert models.headers["access-control-allow-origin"] == "*"
    assert "x-request-id" in models.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in models.headers


def test_it_reads_why_it_was_refused(client):
    refused = client.get("/v1/models", headers=ORIGIN)
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "*"


def test_pages_stay_closed_to_other_sites(client, shop):
    client.get(shop.door.new_link())
    for path in ("/", "/profile", "/login"):
        assert "access-control-allow-origin" not in client.get(path, headers=ORIGIN).headers
        assert client.options(path, headers=QUESTION).status_code == 405
