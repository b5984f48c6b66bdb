import threading

import httpx2
import openai
import pytest
from fastapi.testclient import TestClient

from errors import Refused
from providers.catalogue import find
from providers.hosted import refuse_dying
from records import Failure
from web.app import create_app

JSONL = b'{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]}\n'
BASE = "gpt-4.1-mini-2025-04-14"


@pytest.fixture
def sdk(served, owner):
    return openai.OpenAI(base_url=f"{served}/v1", api_key=owner.key, max_retries=0)


@pytest.fixture
def upload(shop):
    from io import BytesIO

    def make(account: str = "owner", name: str = "tools.jsonl") -> str:
        return shop.registry.keep_upload(account, name, BytesIO(JSONL)).id

    return make


def test_a_job_is_there_from_the_click_on(sdk, upload, shop):
    job = sdk.fine_tuning.jobs.create(
        model=BASE,
        training_file=upload(),
        suffix="tools",
        seed=5,
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2, "batch_size": 4}}},
        metadata={"use_case": "Name the shelf of a tool", "team": "garage"},
    )
    assert job.status == "queued"
    assert job.method.supervised.hyperparameters.n_epochs == 2
    assert (job.seed, job.metadata["team"], job.fine_tuned_model) == (5, "garage", None)
    run = shop.registry.run(job.id)
    assert run.parameters["use_case"] == "Name the shelf of a tool"
    assert run.parameters["recipe"]["options"] == {"batch_size": 4}
    assert (run.parameters["name"], run.parameters["recipe"]["suffix"]) == ("tools", "tools")
    assert sdk.fine_tuning.jobs.retrieve(job.id) == job


def test_a_validation_file_is_held_out_and_stays_while_it_is_needed(sdk, upload, shop):
    training, validation = upload(), upload(name="measure.jsonl")
    job = sdk.fine_tuning.jobs.create(model=BASE, training_file=training, validation_file=validation)
    assert (job.training_file, job.validation_file) == (training, validation)
    run = shop.registry.run(job.id)
    assert run.parameters["preparation"]["held"] == [shop.registry.upload("owner", validation).path]
    assert len(run.parameters["sources"]) == 1
    with pytest.raises(openai.ConflictError):
        sdk.files.delete(validation)
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.fine_tuning.jobs.create(model=BASE, training_file=training, validation_file=training)
    assert caught.value.param == "validation_file"
    with pytest.raises(openai.NotFoundError):
        sdk.fine_tuning.jobs.create(model=BASE, training_file=training, validation_file="file-none")


def test_another_accounts_validation_file_is_not_found(sdk, upload, person):
    foreign = upload(person().account.id)
    with pytest.raises(openai.NotFoundError):
        sdk.fine_tuning.jobs.create(model=BASE, training_file=upload(), validation_file=foreign)


def test_pausing_is_refused_with_what_to_do_instead(sdk, upload):
    job = sdk.fine_tuning.jobs.create(model=BASE, training_file=upload())
    for ask in (sdk.fine_tuning.jobs.pause, sdk.fine_tuning.jobs.resume):
        with pytest.raises(openai.ConflictError, match="can't be paused") as caught:
            ask(job.id)
        assert "Cancel it" in str(caught.value)
    with pytest.raises(openai.NotFoundError):
        sdk.fine_tuning.jobs.pause("ftjob-none")


def test_the_multiplier_of_a_hosted_base_is_passed_on(sdk, upload, shop):
    job = sdk.fine_tuning.jobs.create(
        model=BASE, training_file=upload(), hyperparameters={"learning_rate_multiplier": 0.5}
    )
    assert shop.registry.run(job.id).parameters["recipe"]["learning_rate"] == 0.5
    assert job.hyperparameters.learning_rate_multiplier == 0.5


def test_jobs_are_listed_by_cursor_and_metadata(sdk, upload):
    file = upload()
    ids = [
        sdk.fine_tuning.jobs.create(model=BASE, training_file=file, seed=n, metadata={"round": str(n % 2)}).id
        for n in range(5)
    ]
    first = sdk.fine_tuning.jobs.list(limit=2)
    assert ([job.id for job in first.data], first.has_more) == (ids[:2:-1], True)
    assert [job.id for job in sdk.fine_tuning.jobs.list(limit=2)] == ids[::-1]
    assert [job.id for job in sdk.fine_tuning.jobs.list(metadata={"round": "1"})] == [ids[3], ids[1]]
    with pytest.raises(openai.BadRequestError):
        sdk.fine_tuning.jobs.list(after="ftjob-nothing")


def test_a_waiting_job_is_cancelled_once(sdk, upload):
    job = sdk.fine_tuning.jobs.create(model=BASE, training_file=upload())
    assert sdk.fine_tuning.jobs.cancel(job.id).status == "cancelled"
    with pytest.raises(openai.ConflictError):
        sdk.fine_tuning.jobs.cancel(job.id)
    messages = [event.message for event in sdk.fine_tuning.jobs.list_events(job.id)]
    assert messages == ["The job was cancelled.", "The job was created."]


def test_a_failed_job_says_why_and_what_to_do(sdk, upload, shop):
    job = sdk.fine_tuning.jobs.create(model=BASE, training_file=upload())
    failure = Failure(code="not_enough_data", message="1 example, at least 10 are needed.", hint="Add data.")
    shop.registry.update_run(job.id, status="failed", failure=failure)
    failed = sdk.fine_tuning.jobs.retrieve(job.id)
    assert (failed.status, failed.error.code) == ("failed", "not_enough_data")
    assert failed.error.message == "1 example, at least 10 are needed. Add data."
    event = next(iter(sdk.fine_tuning.jobs.list_events(job.id, limit=1)))
    assert (event.level, event.message) == ("error", failed.error.message)


def test_a_refusal_names_what_to_send_and_not_what_to_type(sdk, upload, shop):
    job = sdk.fine_tuning.jobs.create(model=BASE, training_file=upload())
    base = find(BASE)
    with pytest.raises(Refused) as refused:
        refuse_dying(base, base.inference_until, accepted=False)
    shop.registry.update_run(job.id, status="failed", failure=refused.value.failure)
    said = sdk.fine_tuning.jobs.retrieve(job.id).error.message
    assert '`metadata.accept_retirement` = "true"' in said
    assert "--accept-retirement" not in said
    assert next(iter(sdk.fine_tuning.jobs.list_events(job.id, limit=1))).message == said


def test_a_finished_job_names_its_model_and_checkpoint(sdk, owner, finish):
    entry = finish(owner.account)
    job = sdk.fine_tuning.jobs.retrieve(entry.run.id)
    assert (job.status, job.fine_tuned_model) == ("succeeded", entry.model.id)
    checkpoints = sdk.fine_tuning.jobs.checkpoints.list(entry.run.id)
    assert [one.fine_tuned_model_checkpoint for one in checkpoints] == [entry.model.id]


def test_what_the_command_line_started_is_listed_for_the_owner(sdk, shop, finish, owner, person):
    entry = finish(owner.account)
    shop.registry.update_run(entry.run.id, job_id=None, status="failed", deleted_at=entry.run.created_at)
    listed = sdk.fine_tuning.jobs.list().data
    assert [job.fine_tuned_model for job in listed] == [entry.model.id]
    assert [job.id for job in sdk.fine_tuning.jobs.list()] == [listed[0].id], "adopted once"
    assert shop.work.cards(person().account) == []


REFUSED = [
    ({"integrations": [{"type": "wandb", "wandb": {"project": "x"}}]}, "integrations"),
    ({"method": {"type": "dpo"}}, "method.type"),
    ({"flavour": "sweet"}, "flavour"),
    ({"hyperparameters": {"n_epoch": 3}}, "hyperparameters.n_epoch"),
    ({"hyperparameters": {"n_epochs": 0}}, "hyperparameters.n_epochs"),
    ({"metadata": {"kind": "poem"}}, "metadata.kind"),
    ({"seed": -1}, "seed"),
    ({"model": None}, "model"),
    ({"metadata": {"k" * 65: "x"}}, f"metadata.{'k' * 65}"),
    ({"metadata": {"str": 1}}, "metadata.str"),
]


def test_what_cannot_be_honoured_is_refused_by_name(client, owner, upload):
    file = upload()
    for fields, param in REFUSED:
        body = {"model": BASE, "training_file": file, **fields}
        error = client.post("/v1/fine_tuning/jobs", headers=owner.headers, json=body).json()["error"]
        assert (error["type"], error["param"]) == ("invalid_request_error", param)


def test_null_is_what_was_not_given(client, owner, upload):
    file = upload()
    for fields in (
        {"hyperparameters": {"n_epochs": None}},
        {"hyperparameters": None, "method": {"type": "supervised", "supervised": None}},
        {"method": {"type": "supervised", "supervised": {"hyperparameters": None}}},
    ):
        body = {"model": BASE, "training_file": file, **fields}
        answer = client.post("/v1/fine_tuning/jobs", headers=owner.headers, json=body)
        assert answer.json()["hyperparameters"]["n_epochs"] == "auto"


def test_an_unknown_file_is_named_by_its_parameter(client, owner, upload):
    for body in ({"training_file": "file-x"}, {"training_file": upload(), "validation_file": "file-x"}):
        answer = client.post("/v1/fine_tuning/jobs", headers=owner.headers, json={"model": BASE, **body})
        assert (answer.status_code, answer.json()["error"]["param"]) == (404, list(body)[-1])


def test_a_refusal_is_not_repeated_by_the_sdk(served, owner, upload):
    """The SDK repeats a 409, which passes elsewhere and never here."""
    answers = []
    watching = httpx2.Client(event_hooks={"response": [answers.append]})
    sdk = openai.OpenAI(base_url=f"{served}/v1", api_key=owner.key, max_retries=2, http_client=watching)
    with pytest.raises(openai.ConflictError):
        sdk.fine_tuning.jobs.create(model="gone", training_file=upload())
    assert len(answers) == 1


@pytest.mark.parametrize("model", ["gone", "gpt-nothing"])
def test_a_base_that_cannot_be_tuned_is_refused(model, client, owner, upload):
    body = {"model": model, "training_file": upload()}
    answer = client.post("/v1/fine_tuning/jobs", headers=owner.headers, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "provider_refused")


@pytest.mark.parametrize("model", ["/etc", "../..", ".", "someone/weights"])
def test_only_the_owner_may_name_a_folder_or_a_hub_model(model, client, person, upload):
    robin = person()
    body = {"model": model, "training_file": upload(robin.account.id)}
    answer = client.post("/v1/fine_tuning/jobs", headers=robin.headers, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "provider_refused")


def test_foreign_files_and_jobs_are_not_there(client, owner, person, upload, finish):
    robin, entry = person(), finish(owner.account)
    body = {"model": BASE, "training_file": upload("owner")}
    assert client.post("/v1/fine_tuning/jobs", headers=robin.headers, json=body).status_code == 404
    for key in (entry.run.id, entry.job.id, entry.model.id):
        for method, path in [("GET", ""), ("POST", "/cancel"), ("GET", "/events"), ("GET", "/checkpoints")]:
            answer = client.request(method, f"/v1/fine_tuning/jobs/{key}{path}", headers=robin.headers)
            assert answer.status_code == 404


def test_at_the_plans_limit_a_sentence_says_what_to_do(client, person, finish, upload):
    robin = person(plan="small")
    finish(robin.account)
    body = {"model": BASE, "training_file": upload(robin.account.id)}
    answer = client.post("/v1/fine_tuning/jobs", headers=robin.headers, json=body)
    assert answer.status_code == 409
    assert "Your plan holds 1 models, and you have 1." in answer.json()["error"]["message"]
    body["model"] = "grand"
    refused = client.post("/v1/fine_tuning/jobs", headers=robin.headers, json=body).json()["error"]["message"]
    assert "Your plan holds no premium models. Upgrade" in refused


def test_two_at_once_do_not_pass_the_limit(client, person, upload):
    robin = person(plan="small")
    body = {"model": BASE, "training_file": upload(robin.account.id)}
    statuses: list[int] = []

    def create() -> None:
        statuses.append(client.post("/v1/fine_tuning/jobs", headers=robin.headers, json=body).status_code)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [409] * 7


def test_two_servers_over_one_database_do_not_pass_the_limit(app, settings, person, upload):
    robin = person(plan="small")
    body = {"model": BASE, "training_file": upload(robin.account.id)}
    statuses: list[int] = []
    together = threading.Barrier(8)

    def create(client: TestClient) -> None:
        together.wait()
        statuses.append(client.post("/v1/fine_tuning/jobs", headers=robin.headers, json=body).status_code)

    with (
        TestClient(app, base_url="http://127.0.0.1") as one,
        TestClient(create_app(settings, runs=False), base_url="http://127.0.0.1") as other,
    ):
        threads = [threading.Thread(target=create, args=(client,)) for client in (one, other) * 4]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(statuses) == [200] + [409] * 7


def test_failed_cancelled_and_deleted_ones_do_not_count(client, person, upload, shop, finish):
    robin = person(plan="small")
    body = {"model": BASE, "training_file": upload(robin.account.id)}

    def create() -> str:
        answer = client.post("/v1/fine_tuning/jobs", headers=robin.headers, json=body)
        assert answer.status_code == 200
        return answer.json()["id"]

    failure = Failure(code="provider_error", message="No.", hint="")
    shop.registry.update_run(create(), status="failed", failure=failure)
    client.post(f"/v1/fine_tuning/jobs/{create()}/cancel", headers=robin.headers)
    shop.work.delete(robin.account, create())
    client.delete(f"/v1/models/{finish(robin.account).model.id}", headers=robin.headers)
    create()
