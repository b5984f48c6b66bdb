import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from errors import InvalidData, NotEnoughData
from records import FileReport, Finding, TokenCount
from validation.suites import Limits, rules
from validation.validate import histogram, raise_if_bad, validate

LIMITS = Limits(base_model="smollm2-135m", example_tokens=100)
LABELS = ["billing", "refund", "card"]


def rules_found(report) -> dict[str, str]:
    return {finding.rule: finding.severity for finding in report.findings}


def the(report, rule: str) -> Finding:
    return next(finding for finding in report.findings if finding.rule == rule)


def test_good_data_has_no_findings_and_token_statistics(make_dataset, dialogues, counts):
    dataset = make_dataset(dialogues(20), dialogues(3, first=50))
    given = counts(23, at0=TokenCount(total=9, trainable=2), at1=TokenCount(total=90, trainable=50))
    report = validate(dataset, given, LIMITS)
    assert report.ok
    assert report.findings == ()
    assert (report.train, report.holdout, report.examples) == (20, 3, 23)
    tokens = report.tokens
    assert (tokens.total, tokens.trainable) == (9 + 90 + 18 * 40, 2 + 50 + 18 * 5)
    assert (tokens.shortest, tokens.median, tokens.longest) == (9, 40, 90)
    raise_if_bad(report)


def test_good_classification_has_no_findings(make_dataset, dialogues, counts):
    dataset = make_dataset(dialogues(12, LABELS * 4), dialogues(3, LABELS, first=50), kind="classify")
    assert validate(dataset, counts(15), LIMITS).findings == ()


def test_nine_examples_are_not_enough_and_ten_are(make_dataset, dialogues, counts):
    few = validate(make_dataset(dialogues(9), dialogues(1, first=50)), counts(10), LIMITS)
    with pytest.raises(NotEnoughData) as caught:
        raise_if_bad(few)
    assert caught.value.message == "Not enough data: 9 training examples, at least 10 are needed."
    assert caught.value.hint
    assert caught.value.report == few
    enough = validate(make_dataset(dialogues(10), dialogues(1, first=50)), counts(11), LIMITS)
    raise_if_bad(enough)


def test_too_few_examples_say_which_rows_were_left_out_and_why(make_dataset, dialogues, counts):
    files = (
        FileReport(uri="/in/faq.jsonl", name="help/faq.jsonl"),
        FileReport(uri="/in/scan.pdf", name="scan.pdf", used=False, reason="no text in it."),
    )
    drops = ["empty answer"] * 7 + ["exact duplicate"]
    report = validate(make_dataset(dialogues(2), drops=drops, files=files), counts(2), LIMITS)
    with pytest.raises(NotEnoughData) as caught:
        raise_if_bad(report)
    assert caught.value.message == (
        "Not enough data: 2 training examples, at least 10 are needed. "
        "7 rows were left out (empty answer): help/faq.jsonl, lines 1, 2, 3, 4, 5 and 2 more. "
        "1 row was left out (exact duplicate): help/faq.jsonl, line 8. "
        "Files not used: scan.pdf (no text in it)."
    )


def test_a_dataset_without_any_example_is_not_enough(make_dataset):
    report = validate(make_dataset([], drops=["empty answer"] * 3), [], LIMITS)
    assert report.tokens is None
    with pytest.raises(NotEnoughData, match=r"0 training examples.*faq\.jsonl, lines 1, 2, 3"):
        raise_if_bad(report)


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        ('{"text": "no messages"}', "format"),
        ([{"role": "assistant", "content": "Hi"}], "roles"),
        ([{"role": "user", "content": "Hello?"}], "last"),
        ([{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": ""}], "empty"),
    ],
)
def test_an_unsound_dialogue_stops_the_job_and_is_named_by_its_source(broken, rule, make_dataset, dialogues):
    dataset = make_dataset([*dialogues(11), broken], dialogues(1, first=50))

    def never():
        pytest.fail("token counts were asked for, though an example can't be counted")
        yield

    report = validate(dataset, never(), LIMITS)
    assert rules_found(report) == {rule: "error"}
    assert report.tokens is None
    with pytest.raises(InvalidData, match=r"tickets\.csv, row 12\.") as caught:
        raise_if_bad(report)
    assert caught.value.report.findings[0].sources[0].row == 12


def test_many_bad_rows_are_counted_and_the_first_twenty_named(make_dataset, dialogues):
    unanswered = [[{"role": "user", "content": f"Hello {at}?"}] for at in range(70)]
    report = validate(make_dataset([*dialogues(10), *unanswered], dialogues(1, first=500)), [], LIMITS)
    finding = the(report, "last")
    assert (finding.count, len(finding.sources)) == (70, 20)
    assert finding.message == "No answer of the assistant at the end of 70 of 81 examples."
    with pytest.raises(InvalidData, match=r"rows 11, 12, 13, 14, 15 and 65 more"):
        raise_if_bad(report)


def test_several_faults_are_all_told(make_dataset, dialogues):
    broken = ["not json", [{"role": "user", "content": "Hello?"}]]
    with pytest.raises(InvalidData, match=r"row 11\..*row 12\."):
        raise_if_bad(validate(make_dataset([*dialogues(10), *broken], dialogues(1, first=50)), [], LIMITS))


def test_an_example_without_trainable_tokens_is_named_and_the_rest_goes_on(make_dataset, dialogues, counts):
    dataset = make_dataset(dialogues(20), dialogues(1, first=50))
    report = validate(dataset, counts(21, at4=TokenCount(total=100, trainable=0, cut=30)), LIMITS)
    assert rules_found(report) == {"trainable": "warning", "cut": "warning"}
    assert the(report, "trainable").sources[0].row == 5
    assert report.ok


def test_many_examples_without_trainable_tokens_stop_the_job(make_dataset, dialogues, counts):
    dataset = make_dataset(dialogues(20), dialogues(1, first=50))
    nothing = TokenCount(total=40, trainable=0)
    report = validate(dataset, counts(21, at4=nothing, at5=nothing, at6=nothing), LIMITS)
    assert rules_found(report) == {"trainable_share": "error"}
    assert [source.row for source in the(report, "trainable_share").sources] == [5, 6, 7]


def test_a_held_out_example_without_trainable_tokens_does_not(make_dataset, dialogues, counts):
    dataset = make_dataset(dialogues(20), dialogues(1, first=50))
    assert validate(dataset, counts(21, at20=TokenCount(total=40, trainable=0)), LIMITS).ok


def test_a_few_overlong_examples_are_a_warning_with_names(make_dataset, dialogues, counts):
    dataset = make_dataset(dialogues(20), dialogues(1, first=50))
    cut = TokenCount(total=100, trainable=5, cut=7)
    report = validate(dataset, counts(21, at2=cut, at9=cut), LIMITS)
    assert report.ok
    finding = the(report, "cut")
    assert finding.message == "Longer than 100 tokens and cut at the end: 2 of 21 examples."
    assert [source.row for source in finding.sources] == [3, 10]


def test_too_many_overlong_examples_stop_the_job_and_are_told_once(make_dataset, dialogues, counts):
    dataset = make_dataset(dialogues(20), dialogues(1, first=50))
    cut = TokenCount(total=100, trainable=5, cut=7)
    report = validate(dataset, counts(21, at2=cut, at5=cut, at9=cut), LIMITS)
    assert rules_found(report) == {"too_long": "error"}
    patient = Limits(example_tokens=100, cut_share=0.2)
    assert rules_found(validate(dataset, counts(21, at2=cut, at5=cut, at9=cut), patient)) == {
        "cut": "warning"
    }


def test_a_dominant_label_is_a_warning_that_names_it(make_dataset, dialogues, counts):
    answers = ["billing"] * 17 + ["refund"] * 3
    dataset = make_dataset(dialogues(20, answers), dialogues(1, "refund", first=50), kind="classify")
    report = validate(dataset, counts(21), LIMITS)
    assert rules_found(report) == {"label_share": "warning"}
    assert the(report, "label_share").message == (
        "One label has more than 80% of the training examples: billing."
    )


def test_rare_labels_are_a_warning_that_names_them(make_dataset, dialogues, counts):
    answers = ["billing"] * 10 + ["refund"] * 8 + ["card"] * 2
    dataset = make_dataset(dialogues(20, answers), dialogues(1, "refund", first=50), kind="classify")
    report = validate(dataset, counts(21), LIMITS)
    assert the(report, "label_rows").message == "Fewer than 3 training examples for 1 of 3 labels: card."
    assert report.ok


def test_a_held_out_label_that_is_not_trained_is_a_warning(make_dataset, dialogues, counts):
    dataset = make_dataset(
        dialogues(12, LABELS * 4), dialogues(2, ["card", "new"], first=50), kind="classify"
    )
    report = validate(dataset, counts(14), LIMITS)
    assert rules_found(report) == {"label_unseen": "warning"}
    assert the(report, "label_unseen").sources[0].row == 14


def test_a_single_label_stops_a_classification(make_dataset, dialogues, counts):
    dataset = make_dataset(dialogues(20, "billing"), dialogues(1, "billing", first=50), kind="classify")
    report = validate(dataset, counts(21), LIMITS)
    assert rules_found(report)["two_labels"] == "error"
    with pytest.raises(InvalidData, match="same label"):
        raise_if_bad(report)


def test_labels_are_not_looked_at_in_other_kinds(make_dataset, dialogues, counts):
    dataset = make_dataset(dialogues(20, "Yes."), dialogues(1, "Yes.", first=50), kind="chat")
    assert validate(dataset, counts(21), LIMITS).findings == ()


def test_a_missing_holdout_is_a_warning(make_dataset, dialogues, counts):
    report = validate(make_dataset(dialogues(20)), counts(20), LIMITS)
    assert rules_found(report) == {"holdout": "warning"}
    assert report.ok


def test_leaks_and_overlap_are_warnings(make_dataset, dialogues, counts):
    dataset = make_dataset(dialogues(20), [*dialogues(1), *dialogues(1, first=50)], overlap=0.4)
    report = validate(dataset, counts(22), LIMITS)
    assert rules_found(report) == {"leak": "warning", "overlap": "warning"}
    assert the(report, "leak").sources[0].row == 21


def test_a_file_over_the_providers_size_stops_the_job(make_dataset, dialogues, counts):
    dataset = make_dataset(dialogues(20), dialogues(1, first=50))
    small = Limits(example_tokens=100, file_bytes=1000)
    report = validate(dataset, counts(21), small)
    assert rules_found(report) == {"file_size": "error"}
    assert "train.jsonl" in the(report, "file_size").message
    assert validate(dataset, counts(21), Limits(example_tokens=100, file_bytes=10**6)).ok


def test_findings_of_other_steps_stay_and_those_of_an_earlier_validation_go(make_dataset, dialogues, counts):
    redacted = Finding(rule="redacted", severity="info", message="3 addresses were replaced.")
    dataset = make_dataset(dialogues(5), drops=["empty answer"], findings=(redacted,))
    first = validate(dataset, counts(5), LIMITS)
    assert set(rules_found(first)) == {"redacted", "minimum_examples", "holdout", "left_out"}
    again = validate(dataset.but(report=first), counts(5), LIMITS)
    assert again == first
    relaxed = validate(dataset.but(report=first), counts(5), Limits(example_tokens=100, minimum_examples=5))
    assert set(rules_found(relaxed)) == {"redacted", "holdout"}
    assert relaxed.ok


def test_an_error_of_an_earlier_step_keeps_the_report_bad(make_dataset, dialogues, counts):
    earlier = Finding(rule="retired", severity="error", message="The base model is retired.", hint="Take X.")
    dataset = make_dataset(dialogues(20), dialogues(1, first=50), findings=(earlier,))
    report = validate(dataset, counts(21), LIMITS)
    assert not report.ok
    with pytest.raises(InvalidData, match="retired") as caught:
        raise_if_bad(report)
    assert caught.value.hint == "Take X."


def test_the_report_is_written_next_to_the_dataset_as_json_and_page(make_dataset, dialogues, counts):
    dataset = make_dataset(dialogues(12), dialogues(1, first=50))
    report = validate(dataset, counts(13, at3=TokenCount(total=100, trainable=5, cut=1)), LIMITS)
    folder = Path(dataset.train_uri).parent
    document = json.loads((folder / "validation.json").read_text("utf-8"))
    assert document["ok"] is True
    assert document["limits"]["example_tokens"] == 100
    assert document["report"] == report.model_dump(mode="json")
    by_rule = {row["rule"]: row for row in document["expectations"]}
    assert list(by_rule) == [rule.name for rule in rules("chat", LIMITS)]
    assert by_rule["cut"]["places"] == ["tickets.csv, row 4"]
    assert by_rule["cut"]["expectation"]["type"] == "ExpectColumnValuesToBeBetween"
    assert (folder / "validation.html").read_text("utf-8").startswith("<!doctype html>")
    assert list(folder.glob(".*")) == []


def test_the_report_goes_to_another_folder_on_request(make_dataset, dialogues, counts, tmp_path):
    target = tmp_path / "reports" / "one"
    validate(make_dataset(dialogues(12)), counts(12), LIMITS, target)
    assert sorted(path.name for path in target.iterdir()) == ["validation.html", "validation.json"]


def test_a_dataset_in_an_object_store_is_validated_there(make_dataset, dialogues, counts):
    import fsspec

    dataset = make_dataset(dialogues(12), dialogues(1, first=50))
    store = fsspec.filesystem("memory")
    moved = {}
    for field in ("train_uri", "holdout_uri", "lineage_uri", "drops_uri"):
        path = Path(getattr(dataset, field))
        store.pipe(f"/data/{path.name}", path.read_bytes())
        moved[field] = f"memory://data/{path.name}"
    assert validate(dataset.but(**moved), counts(13), LIMITS).ok
    assert json.loads(store.cat("/data/validation.json"))["ok"] is True


def test_the_same_data_gives_the_same_files(make_dataset, dialogues, counts, tmp_path):
    dataset = make_dataset(dialogues(12))
    for name in ("a", "b"):
        validate(dataset, counts(12), LIMITS, tmp_path / name)
    for name in ("validation.json", "validation.html"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_validations_in_threads_do_not_disturb_one_another(make_dataset, dialogues, counts, tmp_path):
    dataset = make_dataset(dialogues(12), dialogues(1, first=50))
    reports = {}

    def run(minimum: int) -> None:
        limits = Limits(example_tokens=100, minimum_examples=minimum)
        reports[minimum] = validate(dataset, counts(13), limits, tmp_path / str(minimum))

    threads = [threading.Thread(target=run, args=(minimum,)) for minimum in (5, 12, 13, 40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {minimum: report.ok for minimum, report in reports.items()} == {
        5: True, 12: True, 13: False, 40: False,
    }  # fmt: skip


def test_validation_is_silent_and_asks_no_network(make_dataset, dialogues):
    # in a process of its own: what other tests did to logging must not matter
    code = """
import socket, sys
from records import Dataset, TokenCount
from validation.suites import Limits
from validation.validate import histogram, validate

def refuse(*_):
    sys.exit("a network look-up")

socket.getaddrinfo = socket.socket.connect = refuse
dataset = Dataset.model_validate_json(sys.argv[1])
counts = [TokenCount(total=20, trainable=4)] * dataset.report.examples
validate(dataset, counts, Limits(example_tokens=100))
"""
    dataset = make_dataset(dialogues(12))
    examples = sum(
        len(Path(uri).read_text().splitlines()) for uri in (dataset.train_uri, dataset.holdout_uri)
    )
    dataset = dataset.but(report=dataset.report.but(examples=examples))
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", code, dataset.model_dump_json()], cwd=root, capture_output=True, text=True
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_importing_validation_does_not_load_great_expectations():
    code = (
        "import sys; import validation.validate; print({'great_expectations', 'pandas'} & set(sys.modules))"
    )
    root = Path(__file__).parents[2]
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "set()"


# The page.


@pytest.fixture
def page(make_dataset, dialogues, counts):
    """The page of a dataset with something to see everywhere, and names that try to break it."""

    def make(limits: Limits = LIMITS, **changes) -> str:
        hostile = "<script>alert(1)</script>"
        given = {
            "dropped": {"empty answer": 3, hostile: 1},
            "labels": {"billing": 17, hostile: 3},
            "files": (
                FileReport(uri="/in/tickets.csv", name=f"tickets {hostile}.csv", rows=21),
                FileReport(uri="/in/scan.pdf", name="scan.pdf", used=False, reason="no text"),
            ),
            **changes,
        }
        answers = ["billing"] * 17 + [hostile] * 3
        rows = dialogues(20, answers)
        dataset = make_dataset(rows, dialogues(1, "billing", first=50), kind="classify", **given)
        nothing = TokenCount(total=70, trainable=0)
        cut = TokenCount(total=100, trainable=5, cut=40)
        many = counts(21, at2=cut, at3=nothing, at4=nothing, at5=nothing)
        validate(dataset, many, limits)
        return (Path(dataset.train_uri).parent / "validation.html").read_text("utf-8")

    return make


def test_the_page_gives_the_verdict_first_and_names_the_rows(page):
    text = page()
    assert text.index("Not ready to train") < text.index("Expectations") < text.index("Tokens of a training")
    assert "&lt;script&gt;" in text
    assert re.search(r"tickets .*\.csv, rows 4, 5, 6", text)
    assert "scan.pdf" in text and "no text" in text


def test_no_name_from_the_data_becomes_markup(page):
    assert "<script" not in page()


def test_the_page_asks_for_nothing_outside(page):
    text = page()
    assert "default-src 'none'" in text
    assert not re.search(r"""(src|href|action)\s*=|url\(|@import|https?://""", text)


def test_the_histogram_shows_all_examples_and_the_limit(page):
    text = page()
    shown = [int(count) for count in re.findall(r"tokens: (\d+) examples</title>", text)]
    assert sum(shown) == 20
    assert "limit 100" in text
    assert "limit 9,000" not in page(Limits(example_tokens=9000))


@pytest.mark.parametrize("lengths", [[1], [0], [5, 5, 5], [1, 100_000], list(range(1, 400))])
def test_a_histogram_fits_any_lengths(lengths, make_dataset, dialogues):
    dataset = make_dataset(dialogues(len(lengths)))
    validate(dataset, [TokenCount(total=length, trainable=1) for length in lengths], LIMITS)
    text = (Path(dataset.train_uri).parent / "validation.html").read_text("utf-8")
    shown = [int(count) for count in re.findall(r"tokens: ([\d,]+) examples</title>", text)]
    assert sum(shown) == len(lengths)
    assert len(shown) <= 40


def test_a_page_of_an_empty_dataset_is_still_a_page(make_dataset):
    dataset = make_dataset([])
    validate(dataset, [], LIMITS)
    text = (Path(dataset.train_uri).parent / "validation.html").read_text("utf-8")
    assert "Not enough data: 0 training examples" in text
    assert "<svg" not in text


def test_ready_data_is_called_ready(make_dataset, dialogues, counts):
    dataset = make_dataset(dialogues(12), dialogues(1, first=50))
    validate(dataset, counts(13), LIMITS)
    text = (Path(dataset.train_uri).parent / "validation.html").read_text("utf-8")
    assert "<h2>Ready to train</h2>" in text


def test_the_histogram_counts_by_powers_of_two() -> None:
    assert histogram([10, 63, 64, 300]) == ((64, 2), (128, 1), (256, 0), (512, 1))
