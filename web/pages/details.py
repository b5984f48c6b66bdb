"""What a model's page shows beside its card: confusion table, examples and sources, recipe, snippets."""

from collections import Counter
from dataclasses import dataclass
from itertools import islice

from errors import LuthierError
from providers import is_hosted
from records import Dataset, Drop, Evaluation, Recipe
from registry import Registry
from registry.datasets import TracedExample
from registry.runs import Entry

SMALL_TABLE = 15  # labels, up to which the whole table is shown
WORST = 20
PAGE = 10
SHOWN_DROPS = 20
READ_DROPS = 5000  # a rare reason may stand behind many of another


@dataclass(frozen=True)
class Confusion:
    """The whole table of a few labels; of many, the pairs that were confused most."""

    labels: list[str]
    rows: list[tuple[str, list[tuple[str, int]]]]
    worst: list[tuple[str, str, int]]

    @property
    def small(self) -> bool:
        return len(self.labels) <= SMALL_TABLE


def confusion_of(evaluation: Evaluation | None) -> Confusion | None:
    if evaluation is None or not evaluation.confusion:
        return None
    table = evaluation.confusion
    answered = [label for row in table.values() for label in row]
    labels = list(dict.fromkeys([*table, *answered]))
    pairs = [
        (expected, label, count)
        for expected, row in table.items()
        for label, count in row.items()
        if count and label != expected
    ]
    return Confusion(
        labels=labels,
        rows=[
            (expected, [(label, row.get(label, 0)) for label in labels]) for expected, row in table.items()
        ],
        worst=sorted(pairs, key=lambda pair: -pair[2])[:WORST],
    )


@dataclass(frozen=True)
class Lineage:
    """A page of a dataset's examples."""

    examples: list[TracedExample]
    source: str = ""
    offset: int = 0
    more: bool = False
    fault: str = ""

    @property
    def next(self) -> int | None:
        return self.offset + PAGE if self.more else None

    @property
    def previous(self) -> int | None:
        return max(0, self.offset - PAGE) if self.offset else None


def lineage_of(registry: Registry, dataset: Dataset, source: str = "", offset: int = 0) -> Lineage:
    """A source that gave no example, or files that are gone, are told in `fault`."""
    try:
        all_of_it = registry.lineage(dataset.id, source or None, with_messages=True)
        found = list(islice(all_of_it, offset, offset + PAGE + 1))
    except LuthierError as error:
        return Lineage([], source, fault=error.message)
    return Lineage(found[:PAGE], source, offset, more=len(found) > PAGE)


def some_drops(registry: Registry, dataset: Dataset) -> list[Drop]:
    """The first few of what was left out for each reason; none if the file is gone."""
    each = max(1, SHOWN_DROPS // max(1, len(dataset.report.dropped)))
    seen: Counter[str] = Counter()
    found = []
    try:
        for drop in islice(registry.drops(dataset), READ_DROPS):
            seen[drop.reason] += 1
            if seen[drop.reason] <= each:
                found.append(drop)
    except LuthierError:
        return []
    return found


def recipe_rows(entry: Entry) -> list[tuple[str, str]]:
    """How it is trained; the provider's defaults are filled in once there is a job."""
    run, job, _ = entry
    recipe = job.recipe if job else Recipe.model_validate(run.parameters.get("recipe", {}))
    own = not is_hosted(run.provider)
    rows: list[tuple[str, object]] = [
        ("Base model", recipe.base_model),
        ("Epochs", recipe.epochs),
        ("Learning rate", f"{recipe.learning_rate:g}" if recipe.learning_rate else None),
        ("LoRA rank", recipe.rank if own else None),
        ("Seed", recipe.seed),
        ("Suffix", recipe.suffix),
        *[(name.replace("_", " ").capitalize(), value) for name, value in recipe.options.items()],
        ("Attempt", job.attempt if job and job.attempt > 1 else None),
        ("Job", job.id if job else None),
        ("At the provider", job.remote_id if job and not own else None),
        ("Dataset", job.dataset_id if job else run.dataset_id),
    ]
    return [(name, str(value)) for name, value in rows if value is not None]


PYTHON = """from openai import OpenAI

client = OpenAI(base_url="{url}", api_key="YOUR_KEY")
answer = client.chat.completions.create(
    model="{model}",
    messages=[{{"role": "user", "content": "Hello"}}],
)
print(answer.choices[0].message.content)"""

JAVASCRIPT = """import OpenAI from "openai";

const client = new OpenAI({{ baseURL: "{url}", apiKey: "YOUR_KEY" }});
const answer = await client.chat.completions.create({{
  model: "{model}",
  messages: [{{ role: "user", content: "Hello" }}],
}});
console.log(answer.choices[0].message.content);"""

CURL = """curl {url}/chat/completions \\
  -H "Authorization: Bearer YOUR_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello"}}]}}'"""


def snippets(model_id: str, url: str) -> list[tuple[str, str, str]]:
    """Id, title and code: how programs call the model; `url` ends in /v1."""
    languages = (
        ("python", "Python", PYTHON),
        ("javascript", "JavaScript", JAVASCRIPT),
        ("curl", "curl", CURL),
    )
    return [(key, title, code.format(url=url, model=model_id)) for key, title, code in languages]
