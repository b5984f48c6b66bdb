"""Publish the model: the artefact with its card, all of it or none, and the entry in the registry."""

import logging
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from prefect import task

from records import Dataset, Evaluation, Job, Outcome, TunedModel, content_id
from registry.card import model_card
from registry.store import Registry
from tasks.artifacts import show_markdown
from tasks.failures import kept_with
from tasks.retries import PATIENT
from tasks.telling import tell_of_run
from tasks.wiring import base_named, open_registry, provider_named

log = logging.getLogger("luthier.publish")


@task(name="publish", **PATIENT)
def publish(job: Job, evaluation: Evaluation) -> TunedModel:
    """The registered model. Publishing the same job again gives the same model."""
    registry = open_registry()
    dataset = registry.dataset(job.dataset_id)
    with kept_with(job):
        outcome = provider_named(job.provider).outcome(job.remote_id or "")
        model = TunedModel(
            id=content_id("model", job.id),
            display_name=job.name,
            description=dataset.use_case,
            provider=job.provider,
            base_model=job.recipe.base_model,
            reference=outcome.reference,
            job_id=job.id,
            dataset_id=dataset.id,
            evaluation=evaluation,
        )
        if outcome.folder:
            model = model.but(artifact=published(registry, model, job, dataset, outcome))
        model = registry.add_model(model)
        registry.update_job(job.id, status="succeeded", failure=None)
    show_markdown("result", how_to_use(model), model.display_name)
    log.info("Published %s (%s).", model.display_name, model.id)
    ways = f"Try it: luthier chat {model.id}"
    said = model.evaluation.summary if model.evaluation else "It was not measured."
    title = f"Ready: {model.display_name}"
    tell_of_run("luthier.model.ready", f"model.{model.id}", model.display_name, title, said, ways)
    return model


def published(registry: Registry, model: TunedModel, job: Job, dataset: Dataset, outcome: Outcome) -> str:
    """Put what the provider handed over, the card and the manifest into the store; returns its URI."""
    with tempfile.TemporaryDirectory(prefix="luthier-publish-") as made:
        folder = Path(made) / "artefact"
        shutil.copytree(outcome.folder or "", folder)
        card = model_card(model, job, dataset, base_named(job.recipe.base_model).licence, outcome.base_name)
        (folder / "README.md").write_text(card, encoding="utf-8")
        return registry.publish(folder, model.id, manifest(model, job, dataset, outcome)).uri


def manifest(model: TunedModel, job: Job, dataset: Dataset, outcome: Outcome) -> dict[str, Any]:
    """What `luthier.json` says, digests aside."""
    return {
        "model": model.id,
        "job": job.id,
        "dataset": dataset.id,
        "use_case": dataset.use_case,
        "base_model": job.recipe.base_model,
        "base_name": outcome.base_name,
        "base_revision": outcome.base_revision,
        "recipe": job.recipe.model_dump(mode="json"),
        "evaluation": model.evaluation.model_dump(mode="json") if model.evaluation else None,
        "sources": [
            {"name": file.name, "sha256": file.sha256, "rows": file.rows}
            for file in dataset.report.files
            if file.used
        ],
        "versions": {name: version(name) for name in ("luthier", "torch", "transformers", "peft")},
    }


def how_to_use(model: TunedModel) -> str:
    summary = model.evaluation.summary if model.evaluation else ""
    lines = [f"## {model.display_name}", "", summary, "", "```", f"luthier chat {model.id}"]
    if model.artifact:
        lines += [f"luthier models download {model.id}", "```", "", f"Artefact: `{model.artifact}`"]
    else:
        lines += ["```"]
    return "\n".join(lines)
