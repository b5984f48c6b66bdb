"""How long a vendor is asked again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from errors import Refused, Unavailable
from providers.patience import Patience, retry_after


def failing(times: int, error: Exception) -> Callable[[], str]:
    left = [error] * times

    def ask() -> str:
        if left:
            raise left.pop()
        return "an answer"

    return ask


def test_passing_faults_are_waited_out_ever_longer(patience: Patience, waits: list[float]) -> None:
    assert patience(failing(4, Unavailable("Busy."))) == "an answer"
    assert [0.5 <= wait <= 1 for wait in waits[:1]] == [True]
    assert waits == sorted(waits)
    assert 4 <= waits[3] <= 8


def test_the_last_fault_is_handed_on(patience: Patience, waits: list[float]) -> None:
    with pytest.raises(Unavailable, match="Busy"):
        patience(failing(5, Unavailable("Busy.")))
    assert len(waits) == 4


def test_final_refusals_are_not_repeated(patience: Patience, waits: list[float]) -> None:
    with pytest.raises(Refused):
        patience(failing(1, Refused("No.")))
    assert waits == []


def test_what_the_vendor_asks_for_is_kept_within_the_deadline(waits: list[float]) -> None:
    patience = Patience(deadline=50, sleep=waits.append)
    with pytest.raises(Unavailable):
        patience(failing(3, Unavailable("Busy.", retry_after=20)))
    assert waits == [20, 20]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "121"}, 121),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_a_date_is_read_as_the_seconds_until_then() -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    assert 3500 < (retry_after({"retry-after": format_datetime(later)}) or 0) <= 3600
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
