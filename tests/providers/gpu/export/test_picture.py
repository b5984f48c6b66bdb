import re
from xml.etree import ElementTree

from providers.gpu.export.picture import loss_picture
from providers.gpu.progress import thinned
from providers.gpu.training.checkpoint import TrainingState

SVG = "{http://www.w3.org/2000/svg}"


def lines(picture: str) -> list[list[tuple[float, float]]]:
    drawn = ElementTree.fromstring(picture).iter(f"{SVG}polyline")
    return [
        [(float(x), float(y)) for x, y in re.findall(r"([\d.]+),([\d.]+)", line.attrib["points"])]
        for line in drawn
    ]


def test_the_picture_shows_training_and_what_was_held_out() -> None:
    state = TrainingState(step=4, losses=[2.0, 1.5, 1.0, 0.5], holdout=[(2, 1.8), (4, 1.2)], best=4)
    steps, smooth, held = lines(loss_picture(state))
    assert len(steps) == len(smooth) == 4
    assert [x for x, _ in held] == [steps[1][0], steps[3][0]]
    assert [y for _, y in steps] == sorted(y for _, y in steps), "a falling loss goes down the picture"
    assert steps[1][1] > held[0][1] > steps[0][1]
    assert "lowest 1.200 at step 4" in loss_picture(state)


def test_a_run_of_one_step_without_a_holdout_can_be_drawn() -> None:
    assert lines(loss_picture(TrainingState(step=1, losses=[2.0]))) == []
    assert "held out" not in loss_picture(TrainingState(step=1, losses=[2.0])).split("</title>")[1]


def test_a_long_curve_is_thinned_to_means() -> None:
    assert thinned([3.0, 1.0]) == [[1, 3.0], [2, 1.0]]
    points = thinned([float(i) for i in range(1000)])
    assert len(points) == 40
    assert points[0] == [25, 12.0]
    assert points[-1] == [1000, 987.0]
