"""Run names that say what a run makes."""

from prefect.runtime import flow_run

from records import Recipe


def run_name() -> str:
    """For example `smollm2-135m: Route support tickets to a queue`."""
    given = flow_run.parameters
    if job := given.get("job_id"):
        return f"finish {job}"
    recipe = given.get("recipe") or Recipe()
    base = recipe.base_model if isinstance(recipe, Recipe) else recipe.get("base_model", "")
    # of a folder its last part says enough
    base = base.rstrip("/").rpartition("/")[2] if base.startswith(("/", "~", ".")) else base
    what = given.get("name") or given.get("use_case") or given.get("dataset_id") or "a model"
    return f"{base}: {shortened(what)}"


def shortened(text: str, length: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[:length].rsplit(' ', 1)[0]} …"


def batch_name() -> str:
    """For example `batch of s3://models/specs`."""
    given = flow_run.parameters
    what = ", ".join(given.get("only") or []) or given.get("folder") or "the job specs"
    return f"{'plan' if given.get('dry_run') else 'batch'} of {shortened(what)}"
