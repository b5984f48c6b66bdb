"""Hosted jobs that are ready to be submitted, without the preparation before them."""

import json
from pathlib import Path

from records import Dataset, Job, Recipe, Report, content_id
from registry import Registry

BASE = "gpt-4.1-mini-2025-04-14"
THINGS = [
    "lamp", "rope", "paint", "nail", "brush", "glue", "saw", "drill", "tape", "hinge", "screw", "chisel"
]  # fmt: skip


def add_dataset(registry: Registry, folder: Path, name: str = "shelves") -> Dataset:
    """Ten examples to train on, two held out."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [_example(f"Where do the {thing}s go?", f"shelf {at}") for at, thing in enumerate(THINGS)]
    parts = {"train": rows[:10], "holdout": rows[10:], "lineage": [], "drops": []}
    for part, lines in parts.items():
        (folder / f"{part}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return registry.keep_dataset(
        Dataset(
            id=content_id("dataset", name),
            use_case="Name the shelf of a tool",
            kind="chat",
            report=Report(train=10, holdout=2),
            **{f"{part}_uri": str(folder / f"{part}.jsonl") for part in parts},
        )
    )


def add_job(registry: Registry, dataset: Dataset, seed: int) -> Job:
    """Another seed makes another job on the same data."""
    options = {"accept_retirement": True, "evaluate_on": 2}
    recipe = Recipe(base_model=BASE, epochs=1, seed=seed, options=options)
    job = Job(
        id=Job.id_for(dataset.id, recipe, 1),
        name=f"Shelves {seed}",
        provider="openai",
        dataset_id=dataset.id,
        recipe=recipe,
    )
    return registry.add_job(job)


def _example(question: str, answer: str) -> dict[str, object]:
    said = [{"role": "system", "content": "Name the shelf."}, {"role": "user", "content": question}]
    return {"messages": [*said, {"role": "assistant", "content": answer}]}
