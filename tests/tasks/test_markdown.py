"""What Prefect's pages show of a run."""

from records import FileReport, Finding, Report
from tasks.markdown import report_markdown


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
