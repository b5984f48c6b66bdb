"""Records as people read them in a terminal."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from rich.markup import escape

from cli import preview
from cli.terminal import FAILURE_NAMES, STATUS_NAMES, out, table
from providers.catalogue import Base
from records import Answer, Dataset, Evaluation, Job, TunedModel

if TYPE_CHECKING:
    from registry.datasets import TracedExample


def list_jobs(jobs: Sequence[Job]) -> None:
    if not jobs:
        out.print("No jobs yet. `luthier train SOURCE… --use-case TEXT` starts one.")
        return
    rows = [
        (
            job.id,
            job.name,
            job.recipe.base_model,
            STATUS_NAMES[job.status],
            f"{job.created_at:%Y-%m-%d %H:%M}",
        )
        for job in jobs
    ]
    table("Jobs", "job", "name", "base model", "status", "created", rows=rows)


def show_job(job: Job, model: TunedModel | None) -> None:
    recipe = job.recipe
    rows = [
        ("job", job.id),
        ("status", STATUS_NAMES[job.status]),
        ("base model", recipe.base_model),
        ("recipe", recipe_line(job)),
        ("dataset", job.dataset_id),
        ("model", model.id if model else "–"),
    ]
    if job.progress and job.progress.message:
        rows.append(("progress", job.progress.message))
    if job.failure:
        rows.append((FAILURE_NAMES.get(job.failure.code, "failure"), job.failure.message))
        rows.append(("next", job.failure.hint))
    table(job.name, "", "", rows=rows)


def show_started(job: Job) -> None:
    out.print(f"Started job [bold]{job.id}[/]. It goes on without this terminal:")
    out.print(f"  luthier jobs show {job.id}\n  luthier jobs events {job.id}\n  luthier jobs cancel {job.id}")


def list_models(models: Sequence[TunedModel]) -> None:
    if not models:
        out.print("No models yet. `luthier demo` makes the first one in a few minutes.")
        return
    rows = [
        (
            model.id,
            model.display_name,
            model.base_model,
            verdict_line(model),
            f"{model.created_at:%Y-%m-%d %H:%M}",
        )
        for model in models
    ]
    table("Models", "model", "name", "base model", "evaluation", "made", rows=rows)


def show_made(model: TunedModel, dataset: Dataset) -> None:
    """The end of `train`: report, evaluation, two answers, what to do next."""
    preview.show_report(dataset)
    if model.evaluation:
        show_evaluation(model.evaluation)
    out.print(f"\n[bold]{escape(model.display_name)}[/] is published as {model.id}:")
    if model.artifact:
        out.print(f"  {model.artifact}", markup=False, soft_wrap=True)
    out.print(f"\nNext:\n  luthier chat {model.id}\n  luthier models show {model.id}")
    if model.artifact:
        out.print(f"  luthier models download {model.id}")


def show_model(model: TunedModel, job: Job, dataset: Dataset, lineage: Sequence["TracedExample"]) -> None:
    rows = [
        ("model", model.id),
        ("description", model.description),
        ("base model", model.base_model),
        ("recipe", recipe_line(job)),
        (
            "dataset",
            f"{dataset.id}: {dataset.report.train} training, {dataset.report.holdout} holdout examples",
        ),
        ("artefact", model.artifact or "stays with the provider"),
        ("made", f"{model.created_at:%Y-%m-%d %H:%M} UTC by {job.id}"),
    ]
    table(model.display_name, "", "", rows=rows)
    if model.evaluation:
        show_evaluation(model.evaluation)
    for entry in lineage:
        places = "; ".join(map(str, entry.sources))
        out.print(f"{entry.split} {entry.line}: {places}", markup=False, soft_wrap=True)


def compare_models(models: Sequence[TunedModel]) -> None:
    for model in models:
        out.print(f"[bold]{escape(model.display_name)}[/] ({model.id})")
        if model.evaluation:
            show_evaluation(model.evaluation)


def recipe_line(job: Job) -> str:
    recipe = job.recipe
    parts = [
        f"{recipe.epochs} epochs" if recipe.epochs else "",
        f"learning rate {recipe.learning_rate:g}" if recipe.learning_rate else "",
        f"rank {recipe.rank}" if recipe.rank else "",
        f"seed {recipe.seed}",
    ]
    return ", ".join(part for part in parts if part)


def verdict_line(model: TunedModel) -> str:
    found = model.evaluation
    if not found:
        return "not measured"
    base, tuned = figure(found.metric, found.base), figure(found.metric, found.tuned)
    return f"{found.verdict}: {found.metric} {base} → {tuned}"


def figure(metric: str, value: float) -> str:
    return f"{value:.2f}" if metric in ("perplexity", "loss") else f"{value:.0%}"


def show_evaluation(evaluation: Evaluation) -> None:
    rows = [
        (name, figure(name, base), figure(name, evaluation.tuned_detail.get(name, 0.0)))
        for name, base in evaluation.base_detail.items()
    ]
    title = f"Base against tuned on {evaluation.holdout_examples} held-out examples"
    table(title, "measure", "base", "tuned", rows=rows)
    style = {"better": "green", "worse": "red"}.get(evaluation.verdict, "yellow")
    out.print(f"[{style}]{escape(evaluation.summary)}[/]")
    for answer in evaluation.samples[:2]:
        show_answer(answer)


def show_answer(answer: Answer) -> None:
    out.print(f"\n[bold]>[/] {escape(excerpt(answer.prompt, 300))}")
    out.print(f"  [dim]expected[/] {escape(excerpt(answer.expected))}")
    out.print(f"  [dim]base    [/] {escape(excerpt(answer.base))}")
    out.print(f"  [dim]tuned   [/] {escape(excerpt(answer.tuned))}")


def excerpt(text: str, length: int = 160) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[:length] + " …"


def list_datasets(datasets: Sequence[Dataset]) -> None:
    if not datasets:
        out.print("No datasets yet. `luthier prepare SOURCE… --use-case TEXT` makes one.")
        return
    rows = [
        (one.id, one.kind, one.report.train, one.report.holdout, excerpt(one.use_case, 60))
        for one in datasets
    ]
    table("Datasets", "dataset", "kind", "training", "holdout", "use case", rows=rows)


def show_source(source: str, datasets: Sequence[Dataset], models: Sequence[TunedModel]) -> None:
    out.print(f"Datasets that contain {source}:", markup=False)
    for one in datasets:
        out.print(f"  {one.id}  {excerpt(one.use_case, 80)}", markup=False)
    out.print("Models that learned from it:")
    for model in models:
        out.print(f"  {model.id}  {model.display_name}", markup=False)
    if not models:
        out.print("  none")


def list_bases(bases: Sequence[Base]) -> None:
    rows = []
    for base in bases:
        price = f"${base.training_price:g}" if base.training_price is not None else "–"
        rows.append((base.id, base.provider, "yes" if base.premium else "", lifetime(base), price))
    table(
        "Base models (price: US dollars per million training tokens)",
        "base model", "provider", "premium", "tunable until", "price",
        rows=rows,
    )  # fmt: skip


def lifetime(base: Base) -> str:
    if base.tunable_until is None:
        return "–"
    if base.tunable_until < date.today():
        return f"ended {base.tunable_until}" + (f" → {base.successor}" if base.successor else "")
    return str(base.tunable_until)
