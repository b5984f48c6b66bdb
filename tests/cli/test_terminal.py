from cli.terminal import figures, sparkline
from records import Progress


def test_a_falling_loss_is_drawn_falling() -> None:
    assert sparkline([8.0, 4.0, 2.0, 1.0]) == "█▅▃▂"
    assert sparkline([1.0]) == sparkline([0.0, 0.0]) == ""


def test_a_long_course_fits_the_line() -> None:
    drawn = sparkline([1 / (1 + i) for i in range(400)])
    assert len(drawn) <= 12
    assert drawn[0] == "█"


def test_the_bar_tells_both_losses() -> None:
    progress = Progress(
        status="in_progress",
        step=2,
        steps=8,
        metrics={"loss": 0.5, "holdout_loss": 0.75, "tokens_per_second": 1234.0},
        losses=((1, 1.0), (2, 0.5)),
    )
    assert figures(progress) == "2/8  loss █▅ 0.500  held out 0.750  1,234 tokens/s"
