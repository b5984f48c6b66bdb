"""The model card: README.md of a published artefact, Markdown with Hugging Face's front matter.

Its fields are those of https://huggingface.co/docs/hub/model-cards: base_model, library_name, license, tags,
metrics and model-index.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from records import Dataset, Evaluation, Job, Recipe, TunedModel

KINDS = {
    "chat": "dialogues, continued",
    "classify": "texts, each answered with one of a fixed set of labels",
    "style": "passages written on request, in the voice of the documents",
    "reference": "questions answered from the documents",
}
VERDICTS = {
    "better": "**Better than its base model.**",
    "no better": "⚠️ **No better than its base model.** It was not shown to improve on the model it was made "
    "from: use the base model instead, or train again on more or other data.",
    "worse": "⚠️ **Worse than its base model.** It did worse than the model it was made from: do not use it.",
}
METRICS = {
    "accuracy": "Accuracy",
    "perplexity": "Perplexity (lower is better)",
    "overlap": "Word overlap (F1)",
}
DETAILS = {
    "accuracy": "Accuracy",
    "macro_f1": "Macro F1",
    "overlap": "Word overlap (F1)",
    "loss": "Loss (nats per token, lower is better)",
    "perplexity": "Perplexity (lower is better)",
}
SHARES = ("accuracy",)
MOST_LABELS, MOST_FILES, MOST_SAMPLES = 50, 30, 3


def model_card(model: TunedModel, job: Job, dataset: Dataset, base_licence: str, base_hub_id: str) -> str:
    """A model that is no better than its base says so before anything else.

    `base_hub_id` is the name or folder that peft loads the base from.
    """
    evaluation = model.evaluation
    parts = [
        _front_matter(model, dataset, base_licence, base_hub_id),
        f"# {_line(model.display_name)}",
        _verdict(evaluation),
        f"**Use case.** {_line(dataset.use_case)}",
        f"A LoRA adapter for {_base(base_hub_id)}, made by Luthier on {model.created_at:%d %B %Y}. "
        f"Model `{model.id}`, job `{job.id}`, dataset `{dataset.id}`.",
        _usage(model, dataset.system or dataset.use_case),
        _evaluation(evaluation),
        _data(dataset),
        _recipe(job.recipe, job.provider),
        _limits(dataset, evaluation),
        _licence(base_licence, base_hub_id),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(model: TunedModel, dataset: Dataset, licence: str, base_hub_id: str) -> str:
    fields: dict[str, Any] = {
        **({"base_model": base_hub_id, "base_model_relation": "adapter"} if _on_hub(base_hub_id) else {}),
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        "license": licence or "other",
        "tags": ["lora", "luthier", dataset.kind],
    }
    evaluation = model.evaluation
    if evaluation and evaluation.holdout_examples:
        fields["metrics"] = ["accuracy", "f1"] if evaluation.metric == "accuracy" else ["perplexity"]
        fields["model-index"] = [_index(model, evaluation)]
    # JSON is YAML: quoting is then never in doubt, whatever a name holds.
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items()]
    return "\n".join(["---", *lines, "---"])


def _index(model: TunedModel, evaluation: Evaluation) -> dict[str, Any]:
    return {
        "name": _line(model.display_name),
        "results": [
            {
                "task": {"type": "text-generation"},
                "dataset": {"name": "holdout", "type": model.dataset_id},
                "metrics": [{"type": evaluation.metric, "value": evaluation.tuned}],
            }
        ],
    }


def _verdict(evaluation: Evaluation | None) -> str:
    if evaluation is None:
        return "> ⚠️ **Not measured.** Nobody has compared this adapter with its base model yet."
    if not evaluation.holdout_examples:
        return f"> ⚠️ **Not measured.** {_line(evaluation.summary)}"
    return f"> {VERDICTS[evaluation.verdict]} {_line(evaluation.summary)}"


def _usage(model: TunedModel, system: str) -> str:
    samples = model.evaluation.samples if model.evaluation else ()
    question = samples[0].prompt if samples else "…"
    messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
    spelled = ",\n".join(f"    {json.dumps(message, ensure_ascii=False)}" for message in messages)
    return f"""## How to use it

```bash
luthier chat {model.id} --message {_shell(question)}
```

or, with the unpacked files in `./adapter`:

```python
from peft import AutoPeftModelForCausalLM
from transformers import AutoTokenizer

model = AutoPeftModelForCausalLM.from_pretrained("adapter")
tokenizer = AutoTokenizer.from_pretrained("adapter")
messages = [
{spelled},
]
prompt = tokenizer.apply_chat_template(
    messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
)
output = model.generate(**prompt, max_new_tokens=256, do_sample=False)
answer = output[0, prompt["input_ids"].shape[1]:]
print(tokenizer.decode(answer, skip_special_tokens=True))
```

Give the system message as it stands here: the model was trained with it. `luthier.json` lists the digest of
every file and the revision of the base model."""


def _evaluation(evaluation: Evaluation | None) -> str:
    if evaluation is None or not evaluation.holdout_examples:
        return ""
    rows = [
        (
            title,
            _number(name, evaluation.base_detail.get(name)),
            _number(name, evaluation.tuned_detail.get(name)),
        )
        for name, title in DETAILS.items()
        if name in evaluation.tuned_detail
    ]
    if not rows:
        name = evaluation.metric
        rows = [(METRICS[name], _number(name, evaluation.base), _number(name, evaluation.tuned))]
    parts = [
        "## Evaluation",
        f"Base and tuned model answered the same {evaluation.holdout_examples} held-out prompts, which took "
        "no part in training.",
        _table(("", "Base", "Tuned"), rows, align="lrr"),
    ]
    shown = [sample for sample in evaluation.samples if sample.tuned or sample.base][:MOST_SAMPLES]
    if shown:
        answers = [
            (_short(one.prompt), _short(one.expected), _short(one.base), _short(one.tuned)) for one in shown
        ]
        parts += ["Some of the answers:", _table(("Prompt", "Expected", "Base", "Tuned"), answers)]
    return "\n\n".join(parts)


def _data(dataset: Dataset) -> str:
    report = dataset.report
    used = [file for file in report.files if file.used]
    facts = [
        ("Examples", f"{report.train:,} for training, {report.holdout:,} held out"),
        ("Kind", f"{dataset.kind}: {KINDS[dataset.kind]}"),
        ("Files", f"{len(used):,} of {len(report.files):,} used"),
        ("Rows read", f"{report.rows_in:,}"),
    ]
    if report.tokens:
        facts.append(
            ("Tokens", f"{report.tokens.total:,}, of which {report.tokens.trainable:,} are learned from")
        )
    parts = ["## Training data", _table(("Data", ""), facts)]
    if report.labels:
        counts = sorted(report.labels.items(), key=lambda item: (-item[1], item[0]))
        parts.append(_table(("Label", "Examples"), _most(counts, MOST_LABELS), align="lr"))
    if used:
        listed = [(file.name, f"{file.rows:,}", file.sha256[:12]) for file in used]
        parts.append(_table(("File", "Rows", "SHA-256"), _most(listed, MOST_FILES), align="lrl"))
    if report.dropped:
        dropped = sorted(report.dropped.items(), key=lambda item: (-item[1], item[0]))
        parts.append("Left out before training:")
        parts.append(_table(("Reason", "Rows"), dropped, align="lr"))
    return "\n\n".join(parts)


def _recipe(recipe: Recipe, provider: str) -> str:
    rows = [
        ("Provider", provider),
        ("Base model", recipe.base_model),
        ("Epochs", recipe.epochs),
        ("Learning rate", recipe.learning_rate),
        ("LoRA rank", recipe.rank),
        ("Seed", recipe.seed),
        *((name.replace("_", " ").capitalize(), value) for name, value in sorted(recipe.options.items())),
    ]
    given = [(name, str(value)) for name, value in rows if value is not None]
    return "## Recipe\n\n" + _table(("Setting", "Value"), given)


def _limits(dataset: Dataset, evaluation: Evaluation | None) -> str:
    limits = [
        "It learned a narrow task from the files above. Outside it expect the base model's answers or worse.",
        "It inherits the base model's biases and mistakes, and those of the files.",
    ]
    if dataset.kind == "classify":
        limits.append("It knows only the labels above and picks one of them also for a text that fits none.")
    if dataset.kind in ("style", "reference"):
        limits.append(
            "Fine-tuning teaches manner more than facts: check what it states before relying on it."
        )
    if evaluation and 0 < evaluation.holdout_examples < 50:
        limits.append(
            f"It was measured on {evaluation.holdout_examples} examples only; the figures are rough."
        )
    return "## Limits\n\n" + "\n".join(f"- {limit}" for limit in limits)


def _licence(licence: str, base_hub_id: str) -> str:
    name = f"`{licence}`" if licence else "a licence that the catalogue does not know"
    return (
        f"## Licence\n\nThe base model {_line(base_hub_id)} is under {name}; the adapter is of use only with "
        "it, so its terms apply. The training data stays under the terms of its owner."
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[object]], align: str = "") -> str:
    rules = [("---:" if side == "r" else "---") for side in (align or "l" * len(head))]
    cells = [[_cell(value) for value in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [list(head), rules, *cells])


def _most(rows: Sequence[tuple[object, ...]], limit: int) -> list[tuple[object, ...]]:
    shown = list(rows[:limit])
    if len(rows) > limit:
        shown.append((f"… and {len(rows) - limit:,} more", *[""] * (len(rows[0]) - 1)))
    return shown


def _number(name: str, value: float | None) -> str:
    if value is None:
        return "not measured"
    if name in SHARES:
        return f"{value:.1%}"
    return f"{value:,.3f}" if abs(value) < 1e6 else f"{value:.2e}"


def _short(text: str, longest: int = 160) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _cell(value: object) -> str:
    return _line(str(value)).replace("|", "\\|")


def _line(text: str) -> str:
    """Plain text as one line of Markdown that renders as it reads."""
    return re.sub(r"([\\`*_\[\]<>#~])", r"\\\1", " ".join(text.split()))


def _on_hub(base: str) -> bool:
    return bool(re.fullmatch(r"[\w.-]+/[\w.-]+", base))


def _base(base: str) -> str:
    return f"[{base}](https://huggingface.co/{base})" if _on_hub(base) else f"`{base}`"


def _shell(text: str) -> str:
    """A short example for the command line, safe inside single quotes."""
    return "'" + _short(text, 80).replace("'", "'\\''") + "'"
