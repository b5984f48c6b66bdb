"""The words that the pages use for states, failures, figures and times."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

from records import Drop, Evaluation, Failure, Kind, Sensitive, Source, Status, Verdict


@dataclass(frozen=True)
class Words:
    """Of a state or a failure: what it is called, what that means, and what to do."""

    name: str
    meaning: str
    advice: str


STATUSES: dict[Status, Words] = {
    "queued": Words("Queued", "Waiting to start.", "It starts shortly; nothing to do."),
    "validating_files": Words(
        "Validating files", "Your files are being read, cleaned and checked.", "Usually 1 to 5 minutes."
    ),
    "in_progress": Words(
        "In progress", "The model is training.", "5 to 45 minutes, by base model. You may close this page."
    ),
    "succeeded": Words("Succeeded", "Ready to use.", "Open it in chat or call it through the API."),
    "failed": Words("Failed", "It did not complete.", "See the cause, check the data, try again."),
    "cancelled": Words(
        "Cancelled", "Stopped before it was done.", "Retry goes on with the same data, or delete it."
    ),
}


FAILURES: dict[str, Words] = {
    "not_enough_data": Words(
        "Not enough data",
        "The files held too little usable text to train on.",
        "Add data, or give the same content in another file format.",
    ),
    "provider_error": Words(
        "Provider error",
        "A passing fault at the provider.",
        "Retry with the same data; it usually works.",
    ),
    "invalid_data_format": Words(
        "Invalid data format",
        "The cleaned data failed the provider's validation.",
        "Try another format (PDF to plain text, say) or a simpler structure.",
    ),
    "provider_refused": Words(
        "Refused by the provider", "The provider does not take this job.", "Choose another base model."
    ),
    "not_configured": Words(
        "Not configured", "A key or a library is missing on this server.", "Ask whoever runs this server."
    ),
    "training_failed": Words(
        "Training failed", "The training itself broke off.", "Retry; it goes on from the last checkpoint."
    ),
}
OTHER_FAILURE = Words("Failed", "Something went wrong on the way.", "Retry; if it stays, look at the log.")

KINDS: dict[Kind, str] = {
    "chat": "Dialogues",
    "classify": "Labels",
    "style": "Style",
    "reference": "Questions and answers",
}
VERDICTS: dict[Verdict, str] = {
    "better": "Better than its base",
    "no better": "No better than its base",
    "worse": "Worse than its base",
}
METRICS = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "perplexity": "perplexity",
    "overlap": "word overlap",
    "loss": "loss",
}
PRIVATE: dict[Sensitive, str] = {
    "private_key": "Private keys",
    "api_key": "API keys",
    "password": "Passwords",
    "email": "E-mail addresses",
    "phone": "Phone numbers",
    "iban": "IBANs",
    "card": "Card numbers",
    "national_id": "National ids",
    "ip_address": "IP addresses",
}
TREATMENTS = {"leave": "Keep as it is", "drop": "Drop the row", "stop": "Stop the job"}
# what an option of the commands is called in the form
FIELDS = {
    "label": "Label or answer column",
    "assistant": "Speaks as",
    "allow": "Never replaced",
    "held": "Measure with files of their own",
    "epochs": "Epochs",
    "learning-rate": "Learning rate",
    "rank": "LoRA rank",
    "max-cost": "Cost at most",
    "teacher-price": "Price of a million tokens",
    "teacher-max-calls": "Passages asked about, at most",
    "teacher-max-cost": "Cost at most",
    "teacher-key": "Variable that holds its key",
}
OPTION = re.compile(rf"(?<![\w-])--({'|'.join(FIELDS)})(?![\w-])(?: [\d.,]*\d)?")
ON_PAGE = {
    "`luthier bases` lists them": "The page for a new model lists them",
    "(`luthier bases`)": "(see the page for a new model)",
    "Pass --accept-retirement to train it all the same; in the options of a form or a spec that is "
    '"accept_retirement": true.': "To do so, tick “Train it all the same”.",
}
OTHER_ROW = re.compile(r"\(as (?:(?!\(as ).)*/([^/]*\))\Z")
SHARES = ("accuracy", "macro_f1", "overlap")


def failure_words(failure: Failure) -> Words:
    return FAILURES.get(failure.code, OTHER_FAILURE)


def failure_message(failure: Failure) -> str:
    """What happened, without the cause's name in front: that stands above it already."""
    words = failure_words(failure)
    told = failure.message.removeprefix(f"{words.name}: ") or words.meaning
    return told[:1].upper() + told[1:]


def on_page(hint: str) -> str:
    """A hint that names what to type in a terminal, as what to do on the pages."""
    for typed, shown in ON_PAGE.items():
        hint = hint.replace(typed, shown)
    return OPTION.sub(lambda found: f"“{FIELDS[found[1]]}”", hint)


def figure(metric: str, value: float) -> str:
    """Shares as per cent, the rest with two decimals."""
    return f"{value:.0%}" if metric in SHARES else f"{value:,.2f}"


def evaluation_line(evaluation: Evaluation) -> str:
    """For example `accuracy 3% → 91% on 30 held-out examples`."""
    metric = evaluation.metric
    base, tuned = figure(metric, evaluation.base), figure(metric, evaluation.tuned)
    return f"{METRICS[metric]} {base} → {tuned} on {counted(evaluation.holdout_examples, 'held-out example')}"


def counted(count: int, noun: str, plural: str = "") -> str:
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def ago(moment: datetime, today: datetime | None = None) -> str:
    """`just now`, `5 minutes ago`, `yesterday`, then the day."""
    today = today or datetime.now(UTC)
    seconds = (today - moment).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{counted(int(seconds // 60), 'minute')} ago"
    if seconds < 86400:
        return f"{counted(int(seconds // 3600), 'hour')} ago"
    if seconds < 2 * 86400:
        return "yesterday"
    return day(moment.date(), today.date())


def day(value: date, today: date | None = None) -> str:
    """`3 May`, with the year unless it is this one."""
    today = today or datetime.now(UTC).date()
    return f"{value.day} {value:%b}" if value.year == today.year else f"{value.day} {value:%b %Y}"


def full_day(value: date) -> str:
    return f"{value.day} {value:%B %Y}"


def moment(value: datetime) -> str:
    """For a title attribute: the exact time."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def time_left(finish: datetime, today: datetime | None = None) -> str:
    """`about 3 min left`; an estimate that has passed says `almost done`."""
    seconds = (finish - (today or datetime.now(UTC))).total_seconds()
    if seconds < 5:
        return "almost done"
    if seconds < 90:
        return f"about {round(seconds / 5) * 5} s left"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min left"
    return f"about {seconds / 3600:.1f} h left"


def bytes_of(size: int) -> str:
    amount = float(size)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def limit_of(size: int) -> str:
    """In the powers of two that limits are set in, `512 MiB`."""
    return f"{size >> 20:,} MiB" if size >= 1 << 20 else f"{size >> 10:,} KiB"


def dollars(amount: float) -> str:
    return "less than $0.01" if 0 < amount < 0.01 else f"${amount:,.2f}"


def beginning(drop: Drop) -> str:
    """The first words of what was left out; a row that it is the same as, without the folders of its file."""
    return OTHER_ROW.sub(r"(as \1", drop.excerpt)


def place(source: Source) -> str:
    """`tickets.csv, row 12`: the file's name without its folders."""
    name = source.uri.rstrip("/").rpartition("/")[2] or source.uri
    return str(source.but(uri=name))
