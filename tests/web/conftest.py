"""The application over a registry of its own, a loopback OpenAI behind it, and models put straight in."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from records import Dataset, Job, Recipe, Report, TunedModel, content_id
from registry.accounts import Account
from registry.runs import Entry, Run
from settings import Settings
from tests.vendors.openai_vendor import OpenAIVendor
from tests.web.issuer import Issuer
from tests.web.on_loopback import on_loopback
from web.app import create_app
from web.workshop import Workshop

BASE = "gpt-4.1-mini-2025-04-14"
SYSTEM = "Name the shelf."


class Person(NamedTuple):
    account: Account
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


@pytest.fixture
def vendor() -> Iterator[OpenAIVendor]:
    with OpenAIVendor(checked=False) as made:
        yield made


@pytest.fixture
def plans_file(tmp_path: Path) -> Path:
    path = tmp_path / "plans.toml"
    path.write_text(
        'window_hours = 3\n[small]\ntitle = "Small"\nmodels = 1\npremium_models = 0\nrequests = 2\n'
        '[large]\ntitle = "Large"\n[owner]\ntitle = "Owner"\n'
    )
    return path


@pytest.fixture
def bases_file(tmp_path: Path) -> Path:
    """Bases that can be tuned whatever the date."""
    path = tmp_path / "bases.toml"
    path.write_text(
        f'["{BASE}"]\ntunable_until = 2099-01-01\ninference_until = 2099-01-08\n'
        '[grand]\nprovider = "openai"\npremium = true\ncontext = 4096\nexample_tokens = 4096\n'
        '[gone]\nprovider = "openai"\ncontext = 4096\nexample_tokens = 4096\ntunable_until = 2020-01-01\n'
    )
    return path


@pytest.fixture
def settings(
    tmp_path: Path, database_url: str, vendor: OpenAIVendor, plans_file: Path, bases_file: Path
) -> Settings:
    return Settings(
        home=tmp_path / "home",
        database_url=database_url,
        openai_api_key="sk-test",
        openai_base_url=f"{vendor.url}/v1",
        plans_file=plans_file,
        bases_file=bases_file,
        upload_bytes=100_000,
        _env_file=None,
    )


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings, runs=False)


@pytest.fixture
def shop(app: FastAPI) -> Workshop:
    found: Workshop = app.state.workshop
    found.registry.owner()
    return found


@pytest.fixture
def client(app: FastAPI, shop: Workshop) -> Iterator[TestClient]:
    """Nobody yet: give a person's headers."""
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as made:
        yield made


@pytest.fixture
def owner(shop: Workshop) -> Person:
    return Person(shop.registry.owner(), shop.registry.create_key("owner", "tests").secret)


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    """An OpenID provider; one without TLS is for tests alone."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    made = Issuer()
    yield made
    made.close()


@pytest.fixture
def person(shop: Workshop) -> Callable[..., Person]:
    def make(name: str = "Robin", plan: str = "large", **fields: str) -> Person:
        account = shop.registry.add_account(name, plan, **fields)
        return Person(account, shop.registry.create_key(account.id, "tests").secret)

    return make


@pytest.fixture
def finish(shop: Workshop, vendor: OpenAIVendor, tmp_path: Path) -> Callable[..., Entry]:
    """A trained model of that account, as its run would have left it."""

    def make(account: Account, name: str = "Shelves", premium: bool = False) -> Entry:
        registry = shop.registry
        part = tmp_path / "parts" / name
        part.mkdir(parents=True, exist_ok=True)
        for file in ("train", "holdout", "lineage", "drops"):
            (part / file).write_text("")
        dataset = registry.keep_dataset(
            Dataset(
                id=content_id("dataset", name),
                use_case="Name the shelf of a tool",
                system=SYSTEM,
                kind="chat",
                train_uri=str(part / "train"),
                holdout_uri=str(part / "holdout"),
                lineage_uri=str(part / "lineage"),
                drops_uri=str(part / "drops"),
                report=Report(train=30, holdout=3),
            )
        )
        recipe = Recipe(base_model=BASE)
        job = registry.add_job(
            Job(
                id=Job.id_for(dataset.id, recipe, 1),
                name=name,
                status="succeeded",
                provider="openai",
                dataset_id=dataset.id,
                recipe=recipe,
            )
        )
        reference = f"ft:{BASE}:test::{name}"
        vendor.shutdowns[reference] = None
        model = registry.add_model(
            TunedModel(
                id=content_id("model", job.id),
                display_name=name,
                description=dataset.use_case,
                provider="openai",
                base_model=BASE,
                reference=reference,
                job_id=job.id,
                dataset_id=dataset.id,
            )
        )
        run = registry.add_run(
            Run(
                account=account.id,
                flow="fine_tune",
                name=name,
                use_case=dataset.use_case,
                base_model=BASE,
                provider="openai",
                premium=premium,
                parameters={"recipe": recipe.model_dump(mode="json"), "name": name},
                status="succeeded",
                job_id=job.id,
                dataset_id=dataset.id,
            )
        )
        return Entry(run, job, model)

    return make


@pytest.fixture
def served(app: FastAPI, shop: Workshop) -> Iterator[str]:
    """The application behind a real server on loopback; its address."""
    with on_loopback(app) as address:
        yield address
