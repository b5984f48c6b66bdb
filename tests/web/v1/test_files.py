from pathlib import Path

import openai
import pytest

JSONL = b'{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]}\n'


@pytest.fixture
def sdk(served, owner):
    return openai.OpenAI(base_url=f"{served}/v1", api_key=owner.key, max_retries=0)


def test_a_file_is_uploaded_listed_read_and_deleted_by_the_sdk(sdk):
    made = sdk.files.create(file=("tools.jsonl", JSONL), purpose="fine-tune")
    assert (made.filename, made.bytes, made.purpose, made.status) == (
        "tools.jsonl",
        len(JSONL),
        "fine-tune",
        "processed",
    )
    assert [file.id for file in sdk.files.list()] == [made.id]
    assert sdk.files.retrieve(made.id) == made
    assert sdk.files.content(made.id).read() == JSONL
    assert sdk.files.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        sdk.files.retrieve(made.id)


@pytest.mark.parametrize("asked", ["bytes=9999-", "bytes=5-2", "lines=1-2", "nonsense"])
def test_a_part_that_is_not_there_is_refused_in_the_api_s_shape(client, owner, sdk, asked):
    path = f"/v1/files/{sdk.files.create(file=('tools.jsonl', JSONL), purpose='fine-tune').id}/content"
    part = client.get(path, headers={**owner.headers, "Range": "bytes=0-10"})
    assert (part.status_code, part.content) == (206, JSONL[:11])
    refused = client.get(path, headers={**owner.headers, "Range": asked})
    assert refused.status_code == 416
    assert refused.headers["content-range"] == f"bytes */{len(JSONL)}"
    assert refused.json()["error"]["type"] == "invalid_request_error"
    assert str(len(JSONL)) in refused.json()["error"]["message"]


def test_lists_go_on_after_the_last_id(sdk):
    ids = [sdk.files.create(file=(f"{n}.jsonl", JSONL), purpose="fine-tune").id for n in range(5)]
    first = sdk.files.list(limit=2)
    assert first.has_more
    assert [file.id for file in sdk.files.list(limit=2)] == ids[::-1]
    assert [file.id for file in sdk.files.list(limit=2, order="asc")] == ids


@pytest.mark.parametrize(
    "name",
    ["../../escape.jsonl", "/etc/passwd", "..\\..\\up.txt", "....//x", ".hidden", "a\x00b.csv", "*.csv", "~"],
)
def test_a_name_never_leads_out_of_the_files_own_folder(name, client, owner, shop):
    answer = client.post(
        "/v1/files", headers=owner.headers, files={"file": (name, JSONL)}, data={"purpose": "fine-tune"}
    )
    assert answer.status_code == 200
    upload = shop.registry.upload("owner", answer.json()["id"])
    path = Path(upload.path)
    assert path.parent == shop.settings.root / "uploads" / upload.id
    assert path.read_bytes() == JSONL
    assert not path.name.startswith(".")
    assert not set(path.name) & set("/\\*?[\x00~")


def test_markup_in_a_name_is_data_and_the_content_is_never_shown_as_a_page(client, owner):
    made = client.post(
        "/v1/files",
        headers=owner.headers,
        files={"file": ("<script>alert(1)<.html", b"<script>alert(1)</script>")},
        data={"purpose": "fine-tune"},
    ).json()
    content = client.get(f"/v1/files/{made['id']}/content", headers=owner.headers)
    assert content.headers["content-type"] == "application/octet-stream"
    assert content.headers["content-disposition"].startswith("attachment")
    assert content.headers["x-content-type-options"] == "nosniff"


def test_an_empty_file_is_refused_and_leaves_nothing(client, owner, shop):
    answer = client.post(
        "/v1/files", headers=owner.headers, files={"file": ("a.jsonl", b"")}, data={"purpose": "fine-tune"}
    )
    assert answer.status_code == 422
    assert list((shop.settings.root / "uploads").iterdir()) == []


@pytest.mark.parametrize("sent", [b"x" * 200_000, b"x" * 100_001])
def test_a_file_over_the_limit_is_refused(sent, client, owner, shop):
    answer = client.post(
        "/v1/files", headers=owner.headers, files={"file": ("a.txt", sent)}, data={"purpose": "fine-tune"}
    )
    assert answer.status_code in (400, 413)
    assert "larger than 100000 bytes" in answer.json()["error"]["message"] or answer.status_code == 413
    assert shop.registry.uploads("owner") == []


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"purpose": "assistants"}, "purpose"),
        ({}, "purpose"),
        ({"purpose": "fine-tune", "expires_after[anchor]": "created_at"}, "expires_after[anchor]"),
    ],
)
def test_what_is_unknown_or_missing_is_named(fields, param, client, owner):
    answer = client.post("/v1/files", headers=owner.headers, files={"file": ("a.txt", b"x")}, data=fields)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


def test_a_field_in_the_place_of_the_file_is_told_what_it_lacks(client, owner):
    fields = {"purpose": "fine-tune", "file": "a,b"}
    answer = client.post("/v1/files", headers=owner.headers, files={"x": b""}, data=fields)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "file")
    assert "a file has a filename" in answer.json()["error"]["message"]


def test_two_files_in_one_request_are_refused_instead_of_one_being_lost(client, owner, shop):
    files = [("file", ("a.jsonl", JSONL)), ("file", ("b.jsonl", JSONL))]
    answer = client.post("/v1/files", headers=owner.headers, files=files, data={"purpose": "fine-tune"})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, "file")
    assert error["message"] == "'file' is given 2 times. Send one file a request."
    assert shop.registry.uploads("owner") == []


def test_another_accounts_file_is_not_there(client, owner, person):
    robin = person()
    made = client.post(
        "/v1/files", headers=owner.headers, files={"file": ("a.txt", b"x")}, data={"purpose": "fine-tune"}
    ).json()
    assert client.get("/v1/files", headers=robin.headers).json()["data"] == []
    for method, path in [("GET", ""), ("GET", "/content"), ("DELETE", "")]:
        answer = client.request(method, f"/v1/files/{made['id']}{path}", headers=robin.headers)
        assert answer.status_code == 404


def test_a_file_that_a_waiting_job_reads_stays(client, owner):
    made = client.post(
        "/v1/files", headers=owner.headers, files={"file": ("a.jsonl", JSONL)}, data={"purpose": "fine-tune"}
    ).json()
    job = {"model": "smollm2-135m", "training_file": made["id"]}
    assert client.post("/v1/fine_tuning/jobs", headers=owner.headers, json=job).status_code == 200
    assert client.delete(f"/v1/files/{made['id']}", headers=owner.headers).status_code == 409
