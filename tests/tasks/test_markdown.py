"""What Prefect's pages show of a run."""

from records import Answer, Evaluation, FileReport, Finding, Report
from tasks.markdown import evaluation_markdown, report_markdown


def test_the_data_report_is_a_table_whatever_the_texts_hold() -> None:
    files = (
        FileReport(uri="/d/a|b.csv", name="a|b.csv", rows=1200),
        FileReport(uri="/d/c", name="c", used=False, reason="no text"),
    )
    found = Finding(rule="too_long", severity="warning", message="Two lines:\nthis | that.", count=3)
    lines = report_markdown(Report(files=files, train=9, dropped={"doubled": 4}, findings=(found,))).split(
        "\n"
    )
    assert lines[2:4] == ["| a\\|b.csv | 1,200 | used |", "| c | 0 | no text |"]
    assert lines[-2:] == ["| dropped | 4 | doubled |", "| too long | 3 | Two lines: this \\| that. |"]
    assert all(line.replace("\\|", "").count("|") == 4 for line in lines)


def test_an_evaluation_shows_what_was_said_as_it_was_said() -> None:
    answer = Answer(prompt="Where\n\n# is it", expected="north", base="<b>*so*</b>", tuned="")
    found = Evaluation(
        metric="accuracy",
        base=0,
        tuned=0.5,
        holdout_examples=2,
        verdict="better",
        summary="Better.",
        base_detail={"accuracy": 0.0, "macro_f1": 0.25, "loss": 6.736},
        tuned_detail={"accuracy": 0.5, "macro_f1": 0.5},
        samples=(answer,),
    )
    lines = evaluation_markdown(found).split("\n")
    assert lines[4:7] == ["| accuracy | 0% | 50% |", "| macro f1 | 25% | 50% |", "| loss | 6.74 | – |"]
    assert lines[8:] == [
        "> Where \\# is it",
        "",
        "- expected: north",
        "- base: \\<b\\>\\*so\\*\\</b\\>",
        "- tuned: (empty)",
    ]
