"""Check a dataset against a base model before anything is spent."""

import logging

from prefect import task

from providers.catalogue import bases
from providers.hosted import epochs_for, price, today
from providers.quotes import quotes
from records import Dataset, Finding, Job, Recipe
from settings import settings
from tasks.artifacts import show_markdown
from tasks.attempts import is_bought
from tasks.failures import kept_with
from tasks.markdown import report_markdown
from tasks.retries import PATIENT
from tasks.wiring import base_named, forget_workspaces, open_registry, provider_named
from validation.suites import Limits
from validation.validate import raise_if_bad
from validation.validate import validate as run_suite

log = logging.getLogger("luthier.validate")
PROVIDERS = "provider: "


@task(name="validate", **PATIENT)
def validate(dataset: Dataset, recipe: Recipe, job: Job | None = None) -> Dataset:
    """The dataset with its report completed. Raises NotEnoughData or InvalidData, the report with it."""
    registry = open_registry()
    if job and job.status == "succeeded":
        return dataset
    if job and is_bought(job, registry):
        # it was checked before, and the base may have closed since: nothing new is bought
        log.info("%s is at its vendor already.", job.id)
        return registry.dataset(dataset.id)
    if job:
        registry.update_job(job.id, status="validating_files")
    with kept_with(job):
        checked = measured(dataset, recipe)
        registry.keep_dataset(checked)
        if job:
            registry.update_job(job.id, estimate=checked.report.price)
        show_markdown("data-report", report_markdown(checked.report), f"Data report of {dataset.id}")
        raise_if_bad(checked.report)
    # the dataset is kept, and so is the result of the step that made it: nobody reads its rows again
    forget_workspaces()
    tokens = checked.report.tokens
    log.info("The data is valid for %s: %s tokens.", recipe.base_model, tokens.total if tokens else "no")
    return checked


def measured(dataset: Dataset, recipe: Recipe) -> Dataset:
    """Run the provider's own check, then the suite over every example's figures."""
    registry = open_registry()
    base = base_named(recipe.base_model)
    provider = provider_named(base.provider)
    dataset = with_findings(dataset, provider.check(dataset, recipe))
    limits = Limits(
        base_model=base.id, minimum_examples=base.minimum_examples, example_tokens=base.example_tokens
    )
    counts = provider.measure(recipe.base_model, registry.examples(dataset))
    return priced(dataset.but(report=run_suite(dataset, counts, limits)), recipe)


def priced(dataset: Dataset, recipe: Recipe) -> Dataset:
    """With what training would cost, on the base that was chosen and on others."""
    if not dataset.report.ok:
        return dataset
    known = bases(settings().bases_file)
    quoted = quotes(dataset, known.values(), today())
    own = next((quote.price for quote in quoted if quote.base_model == recipe.base_model), None)
    chosen = known.get(recipe.base_model)
    if own and chosen and recipe.epochs:
        own = price(own.tokens // epochs_for(dataset), recipe.epochs, chosen)
    return dataset.but(report=dataset.report.but(price=own, quotes=quoted))


def with_findings(dataset: Dataset, found: list[Finding]) -> Dataset:
    """The findings of the provider in place of those that a provider made before."""
    earlier = [one for one in dataset.report.findings if not one.rule.startswith(PROVIDERS)]
    named = [one.but(rule=f"{PROVIDERS}{one.rule}") for one in found]
    return dataset.but(report=dataset.report.but(findings=(*earlier, *named)))
