"""The ways it fails. A message says what happened in the person's terms, a hint the next thing to do."""

from collections.abc import Iterator
from typing import ClassVar

from records import Failure, Report


class LuthierError(Exception):
    """Base of all errors that are meant to be read by a person. Picklable."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, hint: str = "", report: Report | None = None):
        super().__init__(message, hint, report)
        self.message = message
        self.hint = hint
        self.report = report

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    @property
    def failure(self) -> Failure:
        return Failure(code=self.code, message=self.message, hint=self.hint)


class NotConfigured(LuthierError):
    """A key, project, library or binary is missing; the hint names it."""

    code, exit_code, http_status = "not_configured", 3, 503


class NotEnoughData(LuthierError):
    """Too little usable text, or too few examples, after cleaning."""

    code, exit_code, http_status = "not_enough_data", 4, 422


class InvalidData(LuthierError):
    """Data does not meet the provider's format; carries the report."""

    code, exit_code, http_status = "invalid_data_format", 4, 422


class Refused(LuthierError):
    """The vendor says no: closed, billing, unknown or retired model, policy, plan limit."""

    code, exit_code, http_status = "provider_refused", 5, 409


class TooLong(Refused):
    """A conversation is longer than the model reads; programs cut it by the code, which is OpenAI's."""

    code, http_status = "context_length_exceeded", 400


class BadOption(Refused):
    """A chat asks for what its model can't do; `param` is the parameter, as OpenAI names it."""

    code, http_status = "invalid_value", 400

    def __init__(self, message: str, hint: str = "", param: str = ""):
        super().__init__(message, hint)
        self.args = (message, hint, param)
        self.param = param


class Unavailable(LuthierError):
    """A passing fault: 429, 5xx, timeout, dropped connection. `retry_after` is in seconds."""

    code, exit_code, http_status = "provider_error", 6, 502

    def __init__(
        self, message: str, hint: str = "", report: Report | None = None, retry_after: float | None = None
    ):
        super().__init__(message, hint, report)
        self.args = (message, hint, report, retry_after)
        self.retry_after = retry_after


class TrainingFailed(LuthierError):
    """The job ended badly; the message carries the vendor's words or the last log lines."""

    code, exit_code, http_status = "training_failed", 7, 500

    def __init__(self, message: str, hint: str = "", report: Report | None = None, transient: bool = False):
        super().__init__(message, hint, report)
        self.args = (message, hint, report, transient)
        self.transient = transient

    @property
    def failure(self) -> Failure:
        return super().failure.but(transient=self.transient)


class NotFound(LuthierError):
    """No dataset, job, model or source of that name: wrong usage, exit code 2."""

    code, exit_code, http_status = "not_found", 2, 404


BY_CODE: dict[str, type[LuthierError]] = {
    kind.code: kind
    for kind in (
        NotConfigured,
        NotEnoughData,
        InvalidData,
        Refused,
        TooLong,
        BadOption,
        Unavailable,
        TrainingFailed,
        NotFound,
    )
}


def from_failure(failure: Failure) -> LuthierError:
    """The error that a stored failure came from."""
    if failure.transient:
        return TrainingFailed(failure.message, failure.hint, transient=True)
    return BY_CODE.get(failure.code, LuthierError)(failure.message, failure.hint)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from, however often."""
    met: set[int] = set()
    while error is not None and id(error) not in met:
        met.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
