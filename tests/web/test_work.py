import io

import pytest

from errors import InvalidData, NotConfigured, NotFound, Refused, Unavailable
from providers.openai.provider import OpenAI
from providers.patience import Patience
from records import Failure, Preparation, Recipe
from settings import Settings
from web.faults import BadRequest, Forbidden
from web.plans import read_plans

RECIPE = Recipe(base_model="smollm2-135m")


@pytest.fixture
def robin(person):
    return person().account


@pytest.fixture
def work(shop):
    return shop.work


@pytest.mark.parametrize("source", ["/etc/passwd", "s3://bucket/data", "/", "~/.ssh/*", "file:///etc/hosts"])
def test_only_the_owner_may_train_on_places_of_the_server(source, work, robin, shop):
    for start in (
        work.start_preparation,
        lambda a, s, u, r: work.start_training(a, sources=s, use_case=u, recipe=r),
    ):
        with pytest.raises(Forbidden):
            start(robin, [source], "Name the shelf", RECIPE)
        assert start(shop.registry.owner(), [source], "Name the shelf", RECIPE).status == "queued"
    assert shop.registry.runs(robin.id) == []


def test_everyone_may_train_on_their_own_uploads_but_not_on_anothers(work, robin, shop):
    mine, foreign = (
        shop.registry.keep_upload(account, "a.csv", io.BytesIO(b"x")).path for account in (robin.id, "owner")
    )
    work.start_training(robin, sources=[mine], use_case="Name the shelf", recipe=RECIPE)
    for path in (foreign, f"{mine}/../../../luthier.db", mine.rpartition("/")[0]):
        with pytest.raises(Forbidden):
            work.start_training(robin, sources=[mine, path], use_case="Name the shelf", recipe=RECIPE)


def test_a_dataset_trains_for_those_whose_run_made_it(work, robin, person, shop, finish):
    entry = finish(robin)
    run = work.start_training(robin, dataset_id=entry.run.dataset_id, recipe=RECIPE)
    assert run.parameters["dataset_id"] == entry.run.dataset_id
    assert run.use_case == "Name the shelf of a tool"
    with pytest.raises(NotFound):
        work.start_training(person("Kim").account, dataset_id=entry.run.dataset_id, recipe=RECIPE)


@pytest.mark.parametrize(
    ("sources", "use_case"), [([], "Name the shelf"), (["/tmp"], "  "), (["/tmp"], "ab")]
)
def test_without_a_source_or_a_use_case_nothing_starts(sources, use_case, work, shop):
    with pytest.raises(BadRequest):
        work.start_training(shop.registry.owner(), sources=sources, use_case=use_case, recipe=RECIPE)


def test_a_preparation_counts_against_no_plan_and_is_no_card(work, person, shop):
    robin = person(plan="small").account
    path = shop.registry.keep_upload(robin.id, "a.csv", io.BytesIO(b"x")).path
    for _ in range(3):
        run = work.start_preparation(robin, [path], "Name the shelf", RECIPE, Preparation(kind="classify"))
    assert run.parameters["preparation"]["kind"] == "classify"
    assert work.run(robin, run.id) == run
    assert work.cards(robin) == []
    assert work.usage(robin).models == 0


def test_renaming_reaches_the_run_the_job_and_the_model(work, robin, finish, shop):
    entry = finish(robin)
    renamed = work.rename(robin, entry.model.id, "  Tool shelves v2 ")
    assert (renamed.model.display_name, renamed.job.name, renamed.run.name) == ("Tool shelves v2",) * 3
    for name in ("", "x" * 101, "a\x00b"):
        with pytest.raises(InvalidData):
            work.rename(robin, entry.model.id, name)


def test_a_failed_run_is_queued_again_and_only_that(work, robin, finish, shop):
    entry = finish(robin)
    with pytest.raises(Refused, match="has not failed"):
        work.retry(robin, entry.run.id)
    shop.registry.delete_model(entry.model.id)
    failure = Failure(code="provider_error", message="Overloaded.", hint="Retry.")
    run = shop.registry.add_run(entry.run.but(id="ftjob-again", status="failed", failure=failure))
    again = work.retry(robin, run.id)
    assert (again.status, again.failure, again.job_id) == ("queued", None, entry.job.id)


def test_a_vendor_that_cannot_be_reached_leaves_the_job_running(work, robin, finish, shop, vendor):
    entry = finish(robin)
    open_there = {"id": "job-0000000000000001", "status": "in_progress", "remote_id": "ftjob-remote"}
    job = shop.registry.add_job(entry.job.but(**open_there))
    run = shop.registry.add_run(entry.run.but(id="ftjob-running", status="in_progress", job_id=job.id))
    vendor.fault("POST", "/cancel", times=-1, cut=True)
    vendor.fault("GET", "/fine_tuning", times=-1, cut=True)
    work.runner.polling.provider = lambda name: OpenAI(
        "sk-x", f"{vendor.url}/v1", patience=Patience(sleep=lambda seconds: None)
    )
    with pytest.raises(Unavailable):
        work.cancel(robin, run.id)
    assert work.run(robin, run.id).status == "queued"


def test_every_change_leaves_an_audit_line(work, robin, finish, shop):
    entry = finish(robin)
    work.rename(robin, entry.run.id, "New")
    work.delete(robin, entry.run.id)
    work.restore(robin, entry.run.id)
    actions = [line.action for line in shop.registry.audit_lines(robin.id)]
    assert actions == ["model.restore", "model.delete", "model.rename"]


def test_a_deleted_run_that_waits_is_cancelled(work, robin, shop):
    path = shop.registry.keep_upload(robin.id, "a.csv", io.BytesIO(b"x")).path
    run = work.start_training(robin, sources=[path], use_case="Name the shelf", recipe=RECIPE)
    assert work.delete(robin, run.id).run.status == "cancelled"
    assert work.cards(robin) == []


def test_a_model_that_was_asked_for_twice_is_deleted_once(work, robin, finish, shop):
    entry = finish(robin)
    shop.registry.add_run(entry.run.but(id="ftjob-again"))
    work.delete(robin, entry.model.id)
    assert work.cards(robin) == []
    work.restore(robin, entry.model.id)
    assert [card.model.id for card in work.cards(robin)] == [entry.model.id]


def test_the_shipped_plans_are_those_of_the_documentation():
    plans = read_plans().by_name
    limits = {name: (plan.models, plan.premium_models, plan.requests) for name, plan in plans.items()}
    assert limits == {
        "free": (3, 0, 100),
        "pro": (15, 5, 1000),
        "enterprise": (100, None, None),
        "owner": (None, None, None),
    }
    assert plans["pro"].requests == 10 * plans["free"].requests


def test_a_plan_that_the_file_lost_becomes_the_strictest(shop, person):
    assert shop.plans.plan(person(plan="vanished").account).name == "small"


@pytest.mark.parametrize(
    "text", ["[free", "window_hours = 3", "[free]\nmodels = 3", "[free]\ntitle='x'\nmodels=-1"]
)
def test_a_plans_file_that_cannot_be_used_is_named(text, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(NotConfigured, match=r"mine\.toml"):
        read_plans(path)


def test_the_web_process_loads_nothing_heavy(tmp_path):
    import subprocess
    import sys
    from pathlib import Path

    code = (
        "import sys; from pathlib import Path; from settings import Settings; "
        "from web.app import create_app; "
        f"create_app(Settings(home=Path({str(tmp_path)!r}), _env_file=None)); "
        "print(sorted({'torch', 'transformers', 'great_expectations', 'prefect'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_settings_of_the_server_are_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("LUTHIER_VLLM_URL", "http://127.0.0.1:8000")
    monkeypatch.setenv("LUTHIER_OIDC_ISSUER", "https://issuer.example")
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    found = Settings(_env_file=None)
    assert found.vllm_url.endswith(":8000")
    assert found.oidc_issuer == "https://issuer.example"
    assert found.prefect_api_url.endswith("/api")
