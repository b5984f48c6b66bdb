import ast
import re

import pytest
import yaml
from markdown_it import MarkdownIt

from records import Answer, Dataset, Evaluation, FileReport, Job, Recipe, Report, TokenStatistics, TunedModel
from registry.card import model_card

HUB_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"
SAMPLE = Answer(
    prompt="Where is my | card?", expected="card_arrival", base="I think\nthat", tuned="card_arrival"
)


def dataset(**fields) -> Dataset:
    report = Report(
        files=(
            FileReport(uri="/in/tickets.csv", name="tickets.csv", sha256="ab" * 32, rows=260),
            FileReport(uri="/in/scan.pdf", name="scan.pdf", used=False, reason="no text"),
        ),
        rows_in=260,
        examples=250,
        train=225,
        holdout=25,
        dropped={"exact duplicate": 8, "empty answer": 2},
        labels={"billing": 120, "card_arrival": 130},
        tokens=TokenStatistics(total=12345, trainable=678, shortest=20, median=40, longest=90),
    )
    given = {"use_case": "Route <support> tickets", "system": 'Pick a "queue".', "kind": "classify", **fields}
    uris = dict.fromkeys(("train_uri", "holdout_uri", "lineage_uri", "drops_uri"), "/nowhere")
    return Dataset(id="dataset-1", report=report, **uris, **given)


def evaluation(**fields) -> Evaluation:
    given = {
        "metric": "accuracy",
        "base": 0.0,
        "tuned": 0.92,
        "holdout_examples": 25,
        "verdict": "better",
        "summary": "Accuracy rose from 0 % to 92 % on 25 held-out examples.",
        "base_detail": {"accuracy": 0.0, "macro_f1": 0.0, "loss": 4.2},
        "tuned_detail": {"accuracy": 0.92, "macro_f1": 0.9, "loss": 0.1},
        "samples": (SAMPLE,),
    }
    return Evaluation(**{**given, **fields})


def card(measured: Evaluation | None = None, made_from: Dataset | None = None, **fields) -> str:
    recipe = Recipe(epochs=3, learning_rate=1e-3, rank=16, options={"batch_tokens": 2048})
    job = Job(id="job-1", name="Router", provider="gpu", dataset_id="dataset-1", recipe=recipe)
    given = {"display_name": "Ticket router", "description": "…", "base_model": "smollm2-135m", **fields}
    model = TunedModel(
        id="model-1",
        provider="gpu",
        reference="x",
        job_id="job-1",
        dataset_id="dataset-1",
        evaluation=measured,
        **given,
    )
    return model_card(model, job, made_from or dataset(), "apache-2.0", HUB_ID)


def front_matter(text: str) -> dict:
    return yaml.safe_load(text.split("---\n")[1])


def test_the_front_matter_is_what_the_hub_reads():
    fields = front_matter(card(evaluation()))
    assert fields["base_model"] == HUB_ID
    assert fields["library_name"] == "peft"
    assert fields["license"] == "apache-2.0"
    assert fields["pipeline_tag"] == "text-generation"
    assert fields["metrics"] == ["accuracy", "f1"]
    assert fields["model-index"][0]["results"][0]["metrics"] == [{"type": "accuracy", "value": 0.92}]


def test_the_hubs_own_parser_takes_the_card():
    from huggingface_hub import ModelCard

    data = ModelCard(card(evaluation())).data
    assert data.base_model == HUB_ID
    assert data.eval_results[0].metric_value == 0.92


@pytest.mark.parametrize("name", ['Say "yes": no', "- dash", "Straße | ünï 😀", "a\nb: c", "#1 {x}"])
def test_no_name_breaks_the_front_matter(name):
    fields = front_matter(card(evaluation(), display_name=name))
    assert fields["base_model"] == HUB_ID


def test_figures_of_base_and_tuned_stand_side_by_side():
    text = card(evaluation())
    assert "| Accuracy | 0.0% | 92.0% |" in text
    assert "| Macro F1 | 0.000 | 0.900 |" in text
    assert "Accuracy rose from 0 % to 92 % on 25 held-out examples." in text


@pytest.mark.parametrize(
    ("verdict", "words"),
    [("no better", "No better than its base model"), ("worse", "Worse than its base model")],
)
def test_a_model_that_is_no_better_says_so_before_anything_else(verdict, words):
    body = card(evaluation(verdict=verdict)).split("---\n", 2)[2].strip()
    title, first = body.split("\n\n")[:2]
    assert title == "# Ticket router"
    assert first.startswith("> ⚠️ **" + words)


def test_a_model_that_is_better_carries_no_warning():
    assert "⚠️" not in card(evaluation())


@pytest.mark.parametrize("measured", [None, evaluation(holdout_examples=0, summary="There is no holdout.")])
def test_an_unmeasured_model_says_so_and_shows_no_figures(measured):
    text = card(measured)
    assert "**Not measured.**" in text
    assert "## Evaluation" not in text
    assert "metrics" not in front_matter(text)


def test_the_snippet_is_python_and_gives_the_system_message_of_training():
    snippet = re.search(r"```python\n(.*?)```", card(evaluation()), re.DOTALL).group(1)
    tree = ast.parse(snippet)
    messages = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "messages"
    )
    assert messages == [
        {"role": "system", "content": 'Pick a "queue".'},
        {"role": "user", "content": "Where is my | card?"},
    ]


def test_without_a_shared_system_message_the_use_case_stands_in():
    text = card(evaluation(), dataset(system=""))
    assert '{"role": "system", "content": "Route <support> tickets"}' in text


def test_the_data_is_summed_up():
    text = card(evaluation())
    assert "| Examples | 225 for training, 25 held out |" in text
    assert "| Files | 1 of 2 used |" in text
    assert "| card\\_arrival | 130 |" in text
    assert "| exact duplicate | 8 |" in text
    assert "| tickets.csv | 260 | abababababab |" in text
    assert "12,345, of which 678 are learned from" in text


def test_the_recipe_shows_what_was_set_and_the_providers_options():
    text = card(evaluation())
    for row in ("| Epochs | 3 |", "| Learning rate | 0.001 |", "| Batch tokens | 2048 |", "| Seed | 17 |"):
        assert row in text
    assert "None" not in text


def test_text_of_users_cannot_break_tables_or_inject_html():
    html = (
        MarkdownIt("commonmark", {"html": True})
        .enable("table")
        .render(card(evaluation()).split("---\n", 2)[2])
    )
    assert "<support>" not in html
    assert "Where is my | card?" in html
    assert "I think that" in html


def test_many_labels_are_cut_with_a_count():
    many = dataset()
    many = many.but(report=many.report.but(labels={f"label{number:03}": 1 for number in range(120)}))
    text = card(evaluation(), many)
    assert "… and 70 more" in text
    assert "label099" not in text


def test_a_base_in_a_local_folder_is_not_linked_to_the_hub():
    model = TunedModel(
        id="model-1",
        display_name="Mine",
        description="",
        provider="gpu",
        base_model="/models/base",
        reference="x",
        job_id="job-1",
        dataset_id="dataset-1",
    )
    job = Job(id="job-1", name="Mine", provider="gpu", dataset_id="dataset-1", recipe=Recipe())
    text = model_card(model, job, dataset(), "", "/models/base")
    assert "huggingface.co" not in text
    assert front_matter(text)["license"] == "other"
    assert "base_model" not in front_matter(text)


def test_huge_perplexities_stay_readable():
    measured = evaluation(
        metric="perplexity", base_detail={"perplexity": 1e304}, tuned_detail={"perplexity": 3.5}
    )
    assert "| Perplexity (lower is better) | 1.00e+304 | 3.500 |" in card(measured)
