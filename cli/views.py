"""Records as people read them in a terminal."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING

from rich.markup import escape

from cli import preview
from cli.terminal import FAILURE_NAMES, STATUS_NAMES, err, out, table
from providers import TITLES, is_hosted
from providers.catalogue import Base
from providers.hosted import Billed
from records import ENDED, Answer, Dataset, Evaluation, Job, Price, TunedModel

if TYPE_CHECKING:
    from cli.cleaning import Search
    from cli.spending import Bill
    from registry.datasets import TracedExample


def list_jobs(jobs: Sequence[Job], bill: "Bill") -> None:
    if not jobs:
        out.print("No jobs yet. `luthier train SOURCE… --use-case TEXT` starts one.")
        return
    columns = ["job", "name", "base model", "status", "created"]
    rows = [
        [
            job.id,
            job.name,
            job.recipe.base_model,
            STATUS_NAMES[job.status],
            f"{job.created_at:%Y-%m-%d %H:%M}",
        ]
        for job in jobs
    ]
    if bill.billed:
        columns.append("billed")
        rows = [[*row, paid(bill.billed.get(job.id))] for row, job in zip(rows, jobs, strict=True)]
    table("Jobs", *columns, rows=rows, dense=True)
    for job in jobs:
        if job.remote_id and job.status not in ENDED and not job.waits:
            # where a command was killed, its trainer went on to the end, but nobody is left to publish
            out.print(f"{job.id} has ended its training. {go_on(job)}")
    if total := bill.total if bill.billed else None:
        unpriced = total["unpriced_jobs"]
        out.print(
            f"Vendors billed {total['billed_tokens']:,} tokens of {counted(total['billed_jobs'])}, about "
            f"${total['billed_usd']:.2f}; estimated were ${total['estimated_usd']:.2f}."
            + (f" The price of {unpriced} of them is not known." if unpriced else "")
        )


def counted(jobs: int) -> str:
    return "one job" if jobs == 1 else f"{jobs} jobs"


def paid(billed: Billed | None) -> str:
    if billed is None:
        return "–"
    return f"{billed.tokens:,} tokens" + ("" if billed.usd is None else f" ${billed.usd:.2f}")


def show_job(job: Job, model: TunedModel | None, billed: Billed | None) -> None:
    recipe = job.recipe
    rows = [
        ("job", job.id),
        ("status", STATUS_NAMES[job.status]),
        ("base model", recipe.base_model),
        ("recipe", recipe_line(job)),
        ("dataset", job.dataset_id),
        ("model", model.id if model else "–"),
    ]
    if job.estimate:
        rows.append(("estimated", cost(job.estimate)))
    if billed:
        rows.append(("billed", cost(billed)))
    if job.progress and job.progress.message:
        rows.append(("progress", job.progress.message))
    if job.failure:
        rows.append((FAILURE_NAMES.get(job.failure.code, "failure"), job.failure.message))
        rows.append(("next", job.failure.hint))
    elif job.status not in ENDED:
        rows.append(("next", go_on(job)))
    table(job.name, "", "", rows=rows)


def go_on(job: Job) -> str:
    return f"If nothing works on it any more: luthier jobs retry {job.id}"


def cost(price: Price | Billed) -> str:
    if price.usd is None or price.per_million is None:
        return f"{price.tokens:,} tokens, at a price that is not known"
    rate = f"${price.per_million:g} per million ({price.as_of})"
    return f"about ${price.usd:.2f}: {price.tokens:,} tokens at {rate}"


def list_leftovers(searched: "Search") -> None:
    for name, why in searched.unasked.items():
        err.print(f"{name} was not asked: {why}", markup=False)
    if not searched.found:
        out.print("Nothing was left behind.")
        return
    rows = [(one.provider, one.kind, one.id, one.job or "–", one.keep or one.note) for one in searched.found]
    table("Left behind", "vendor", "what", "id", "job", "", rows=rows)


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
    table("Models", "model", "name", "base model", "evaluation", "made", rows=rows, dense=True)


def show_made(model: TunedModel, dataset: Dataset) -> None:
    """The end of `train`: report, evaluation, two answers, what to do next."""
    preview.show_report(dataset)
    if model.evaluation:
        show_evaluation(model.evaluation)
    out.print(f"\n[bold]{escape(model.display_name)}[/] is published as {model.id}:")
    where = model.artifact or f"{model.reference}, which stays with the provider"
    out.print(f"  {where}", markup=False, soft_wrap=True)
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
        f"{recipe.epochs} epoch{'s' * (recipe.epochs != 1)}" if recipe.epochs else "",
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
    """All that the catalogue holds, a table a provider, narrow enough for 80 columns."""
    today = date.today()
    order = list(dict.fromkeys(base.provider for base in bases))
    in_order = sorted(bases, key=lambda base: order.index(base.provider))
    for provider, of_provider in groupby(in_order, lambda base: base.provider):
        rows = [
            (
                base.id
                + ("\npremium" if base.premium else "")
                + (f"\n→ {base.successor}" if base.successor else ""),
                f"{short(base.example_tokens)}/{short(base.context)}",
                base.minimum_examples,
                price_of(base),
                until(base.tunable_until, base, today),
                base.inference_until or "–",
            )
            for base in of_provider
        ]
        columns = ("base model", "tokens", "min", "price", "tunable", "answers")
        table(TITLES.get(provider, provider), *columns, rows=rows, dense=True)
    out.print(
        "tokens: of a training example/read at once · min: training examples\n"
        "price: US dollars per million training tokens, and of when · tunable, answers: until\n"
        "→: what the vendor names as successor"
    )


def short(tokens: int) -> str:
    """As vendors write it: 1048576 as 1M, 65536 as 64K, 128000 as 128K."""
    if tokens >= 1_000_000:
        return f"{tokens / 1e6:.0f}M"
    return f"{tokens // (1024 if tokens % 1000 else 1000)}K"


def price_of(base: Base) -> str:
    if base.training_price is None:
        return "unknown" if is_hosted(base.provider) else "free"
    return f"${base.training_price:g}\n{base.price_as_of or ''}".rstrip()


def until(day: date | None, base: Base, today: date) -> str:
    if base.tunable_on(today):
        return str(day or "–")
    return f"ended\n{day}" if day else "never" if not base.methods else "ended"
