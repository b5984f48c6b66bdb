"""Datasets, jobs, runs and models written into a registry as a finished pipeline would."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from records import (
    Answer,
    Dataset,
    Evaluation,
    Failure,
    FileReport,
    Finding,
    Job,
    Progress,
    Recipe,
    Report,
    Source,
    TokenStatistics,
    TunedModel,
    content_id,
    now,
)
from registry import Registry
from registry.accounts import OWNER
from registry.runs import Run

LABELS = ("billing", "delivery", "returns", "account")
USE_CASE = "Route support tickets of an online shop to the right queue; answer with one label"


class Shelf:
    """Puts datasets, jobs, runs and models into the registry as a finished pipeline would."""

    def __init__(self, registry: Registry, folder: Path):
        self.registry, self.folder = registry, folder
        self.made = 0

    def dataset(
        self, use_case: str = USE_CASE, examples: int = 24, text: str = "Where is my parcel"
    ) -> Dataset:
        name = content_id("made", use_case, examples, text)
        folder = self.folder / "datasets" / name
        folder.mkdir(parents=True, exist_ok=True)
        source = folder / "tickets.csv"
        rows = [(f"{text} number {at}?", LABELS[at % len(LABELS)]) for at in range(examples)]
        source.write_text("".join(f"{question},{label}\n" for question, label in rows), "utf-8")
        held = examples // 6
        train, holdout = rows[held:], rows[:held]
        lineage = [
            {
                "split": split,
                "line": at,
                "kind": "classify",
                "label": label,
                "sources": [{"uri": str(source), "row": rows.index((question, label)) + 1}],
            }
            for split, part in (("train", train), ("holdout", holdout))
            for at, (question, label) in enumerate(part, 1)
        ]
        drops = [{"source": {"uri": str(source), "row": 99}, "reason": "exact duplicate", "excerpt": text}]
        return self.registry.keep_dataset(
            Dataset(
                id=content_id("dataset", use_case, rows),
                use_case=use_case,
                system=f"{use_case}. Labels: {', '.join(LABELS)}.",
                kind="classify",
                train_uri=_lines(folder / "train.jsonl", [_example(*row) for row in train]),
                holdout_uri=_lines(folder / "holdout.jsonl", [_example(*row) for row in holdout]),
                lineage_uri=_lines(folder / "lineage.jsonl", lineage),
                drops_uri=_lines(folder / "drops.jsonl", drops),
                report=_report(source, len(train), held),
            )
        )

    def run(self, name: str = "Ticket router", **fields: Any) -> Run:
        self.made += 1
        given: dict[str, Any] = {
            "account": OWNER,
            "flow": "fine_tune",
            "name": name,
            "use_case": USE_CASE,
            "base_model": "smollm2-135m",
            "provider": "gpu",
            "parameters": {"name": name, "recipe": Recipe().model_dump(mode="json")},
            "created_at": now() - timedelta(minutes=90 - self.made),
            **fields,
        }
        return self.registry.add_run(Run(**given))

    def job(self, dataset: Dataset, name: str = "Ticket router", **fields: Any) -> Job:
        recipe = Recipe(
            base_model=fields.pop("base_model", "smollm2-135m"), epochs=3, learning_rate=2e-4, rank=16
        )
        self.made += 1
        return self.registry.add_job(
            Job(
                id=Job.id_for(dataset.id, recipe, self.made),
                name=name,
                provider=fields.pop("provider", "gpu"),
                dataset_id=dataset.id,
                recipe=recipe,
                **fields,
            )
        )

    def model(self, name: str = "Ticket router", dataset: Dataset | None = None, **fields: Any) -> TunedModel:
        """A finished model with its run and job; `artifact` bytes become the adapter's zip."""
        dataset = dataset or self.dataset()
        provider = fields.pop("provider", "gpu")
        base_model = fields.pop("base_model", "smollm2-135m")
        account = fields.pop("account", OWNER)
        job = self.job(
            dataset, name, status="succeeded", provider=provider, base_model=base_model, finished_at=now()
        )
        model = self.registry.add_model(
            TunedModel(
                id=content_id("model", job.id),
                display_name=name,
                description=fields.pop("description", dataset.use_case),
                provider=provider,
                base_model=base_model,
                reference=fields.pop("reference", "/nowhere"),
                job_id=job.id,
                dataset_id=dataset.id,
                evaluation=fields.pop("evaluation", evaluation()),
                **fields,
            )
        )
        self.run(
            name,
            account=account,
            status="succeeded",
            provider=provider,
            base_model=base_model,
            job_id=job.id,
            dataset_id=dataset.id,
            finished_at=now() - timedelta(minutes=40),
        )
        return model

    def running(self, name: str = "Returns helper", step: int = 40, steps: int = 120) -> Run:
        dataset = self.dataset()
        progress = Progress(
            status="in_progress",
            message="Training",
            step=step,
            steps=steps,
            metrics={"loss": 0.83},
            estimated_finish=now() + timedelta(minutes=3),
        )
        job = self.job(dataset, name, status="in_progress", progress=progress)
        return self.run(name, status="in_progress", job_id=job.id, dataset_id=dataset.id)

    def failed(self, name: str = "Tiny test", code: str = "not_enough_data", message: str = "") -> Run:
        failure = Failure(
            code=code,
            message=message or "The files gave 5 examples; at least 10 are needed.",
            hint="Add more rows, or another file.",
        )
        return self.run(name, status="failed", failure=failure, finished_at=now() - timedelta(minutes=12))


def evaluation(verdict: str = "better") -> Evaluation:
    table = {label: {label: 7} for label in LABELS}
    table["billing"] = {"billing": 6, "account": 1}
    return Evaluation(
        metric="accuracy",
        base=0.04,
        tuned=0.96,
        holdout_examples=28,
        verdict=verdict,
        summary="The tuned model finds the right label for 27 of 28 held-out examples, its base for 1.",
        base_detail={"accuracy": 0.04, "macro_f1": 0.02, "loss": 3.41},
        tuned_detail={"accuracy": 0.96, "macro_f1": 0.96, "loss": 0.12},
        confusion=table,
        samples=(
            Answer(expected="delivery", prompt="Where is my parcel?", base="I am sorry to", tuned="delivery"),
        ),
    )


def _report(source: Path, train: int, holdout: int) -> Report:
    return Report(
        files=(
            FileReport(
                uri=str(source), name=source.name, sha256="0" * 64, bytes=4200, rows=train + holdout + 1
            ),
            FileReport(
                uri="scan.pdf", name="scan.pdf", bytes=90_000, used=False, reason="only images, no text layer"
            ),
        ),
        rows_in=train + holdout + 1,
        examples=train + holdout,
        train=train,
        holdout=holdout,
        dropped={"exact duplicate": 1},
        labels=dict.fromkeys(LABELS, (train + holdout) // len(LABELS)),
        kind_reason="The column 'label' repeats a few short values.",
        findings=(
            Finding(
                rule="redacted",
                severity="info",
                message="2 e-mail addresses replaced by a placeholder such as <EMAIL_1>.",
                count=2,
                sources=(Source(uri=str(source), row=3),),
            ),
        ),
        tokens=TokenStatistics(total=5200, trainable=180, shortest=31, median=44, longest=80),
    )


def _example(question: str, label: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": label}]}


def _lines(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)
