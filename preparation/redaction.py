"""Secrets and personal data replaced by numbered placeholders: one value, one placeholder in a document.

Every rule checks what it found (check digits, published formats, words around it), so that order numbers,
dates, prices and versions stay.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from preparation import personal_patterns as personal
from preparation import secret_patterns as secret
from records import Drop, Finding, Row, Source

PRIVATE_KEY, API_KEY, PASSWORD, EMAIL = "PRIVATE_KEY", "API_KEY", "PASSWORD", "EMAIL"
IBAN, CARD, NATIONAL_ID, PHONE, ADDRESS = "IBAN", "CARD", "NATIONAL_ID", "PHONE", "IP_ADDRESS"

TITLES = {
    PRIVATE_KEY: ("private key", "private keys"),
    API_KEY: ("key or token", "keys and tokens"),
    PASSWORD: ("password", "passwords"),
    EMAIL: ("e-mail address", "e-mail addresses"),
    IBAN: ("bank account number (IBAN)", "bank account numbers (IBAN)"),
    CARD: ("payment card number", "payment card numbers"),
    NATIONAL_ID: ("national identity number", "national identity numbers"),
    PHONE: ("telephone number", "telephone numbers"),
    ADDRESS: ("IP address", "IP addresses"),
}
# what a text must hold, in small letters, to be worth a pattern's time
KEY_MARKS = (
    "gh", "gl", "xox", "xapp-", "_live_", "_test_", "whsec", "sk", "ac", "aiza", "ya29", "gocspx", "hf_",
    "npm_", "pypi-", "sg.", "key-", "-us", ":aa", "shp", "dop_v", "doo_v", "dor_v", "dapi", "sq0", "lin_api",
    "ntn_", "hvs.", "tskey", "eyj", "akia", "asia", "abia",
)  # fmt: skip
NAME_MARKS = (
    "pass",
    "pwd",
    "secret",
    "token",
    "key",
    "kennwort",
    "contrase",
    "mot de",
    "wachtwoord",
    "senha",
)
LONG_WORD = re.compile(r"[A-Za-z0-9_.:/+\-]{16}")
NUMBER = re.compile(
    r"\d[\d\s().\-/]{5}|[A-Z]{2}\d\d|\d{1,3}\.\d{1,3}\.\d|[A-Fa-f0-9]{2}:[A-Fa-f0-9:]{3}|\d[A-Z]\b"
)
BEFORE = 40  # characters before a number that may say what it is
SAMPLES = 3
SOURCES = 20


@dataclass
class Redactor:
    """Redacts text after text, counting what it finds. `begin` starts a new document."""

    counts: Counter[str] = field(default_factory=Counter)
    samples: dict[str, list[str]] = field(default_factory=dict)
    sources: dict[str, list[Source]] = field(default_factory=dict)
    _names: dict[tuple[str, str], str] = field(default_factory=dict)
    _numbers: Counter[str] = field(default_factory=Counter)
    _source: Source | None = None
    _uri: str = ""

    def begin(self, source: Source | None = None) -> None:
        self._names.clear()
        self._numbers.clear()
        self._source = source

    def row(self, row: Row) -> Row:
        """The row without secrets. A record or a dialogue counts as a document of its own, so that its
        placeholders start at 1; the pages and sections of a text count together."""
        if not row.text or row.source.uri != self._uri:
            self.begin(row.source)
        self._uri = row.source.uri if row.text else ""
        self._source = row.source
        if row.text:
            heading = tuple(map(self.text, row.heading))
            return row.model_copy(update={"text": self.text(row.text), "heading": heading})
        if row.fields:
            fields = {name: self.named(name, value) for name, value in row.fields.items()}
            return row.model_copy(update={"fields": fields})
        messages = tuple(
            message.model_copy(update={"content": self.text(message.content)}) for message in row.messages
        )
        return row.model_copy(update={"messages": messages})

    def named(self, name: str, value: str) -> str:
        """A column's name tells what its value is, as words before a number do in a text."""
        if not value or len(name) > BEFORE:
            return value
        lead = f"{name.replace('_', ' ')}: "
        redacted = self.text(lead + value)
        return redacted.removeprefix(lead) if redacted.startswith(lead) else self.text(value)

    def text(self, text: str) -> str:
        """The text with placeholders; what was redacted before stays as it is."""
        while True:
            redacted = self._numbers_in(self._addresses_in(self._secrets_in(text)))
            if redacted == text:
                return text
            text = redacted

    def _secrets_in(self, text: str) -> str:
        folded = text.lower()
        if "private key" in folded:
            text = secret.PRIVATE_KEY.sub(lambda match: self._name(PRIVATE_KEY, match[0]), text)
        if "://" in folded:
            text = secret.IN_URL.sub(self._in_url, text)
            text = secret.IN_QUERY.sub(lambda match: f"{match[1]}={self._name(API_KEY, match[2])}", text)
            text = secret.HOOK.sub(lambda match: self._name(API_KEY, match[0]), text)
        if LONG_WORD.search(text) and any(mark in folded for mark in KEY_MARKS):
            text = secret.KEYS.sub(lambda match: self._name(API_KEY, match[0]), text)
            text = secret.ACCOUNT_KEY.sub(lambda match: self._name(API_KEY, match[0]), text)
        if "bearer " in folded or "basic " in folded:
            text = secret.BEARER.sub(lambda match: match[1] + self._name(API_KEY, match[2]), text)
        if any(mark in folded for mark in NAME_MARKS):
            text = secret.OPTION.sub(self._assigned, secret.ASSIGNED.sub(self._assigned, text))
        return text

    def _addresses_in(self, text: str) -> str:
        if "@" not in text:
            return text
        return self._checked(EMAIL, personal.EMAIL, text, lambda m: not personal.NOT_A_DOMAIN.search(m[0]))

    def _numbers_in(self, text: str) -> str:
        if not NUMBER.search(text):
            return text
        text = personal.IBAN.sub(self._iban, text)
        text = self._checked(NATIONAL_ID, personal.NATIONAL, text, personal.is_national_id)
        text = self._checked(CARD, personal.CARD, text, lambda m: personal.is_card(m[0]) and _means_it(m))
        text = self._checked(
            ADDRESS, personal.IPV4, text, lambda m: personal.is_address(m[0]) and _means_it(m)
        )
        text = self._checked(ADDRESS, personal.IPV6, text, lambda m: personal.is_address(m[0]))
        return self._checked(PHONE, personal.PHONE, text, lambda m: personal.is_phone(m[0], _before(m)))

    def _checked(
        self, kind: str, pattern: re.Pattern[str], text: str, check: Callable[[re.Match[str]], bool]
    ) -> str:
        return pattern.sub(lambda match: self._name(kind, match[0]) if check(match) else match[0], text)

    def _in_url(self, match: re.Match[str]) -> str:
        user, password = match.groups()
        return match[0] if secret.NO_SECRET.match(password) else f"{user}:{self._name(PASSWORD, password)}"

    def _assigned(self, match: re.Match[str]) -> str:
        name, sign, value = match.groups()
        if not secret.is_secret(name, sign, value):
            return match[0]
        kind = PASSWORD if re.search(r"pass|pwd|kennwort|contrase|wachtwoord|senha", name, re.I) else API_KEY
        tail = value[len(value.rstrip(".!?)")) :] if not sign.rstrip().endswith(("'", '"', "`")) else ""
        return f"{name}{sign}{self._name(kind, value.removesuffix(tail))}{tail}"

    def _iban(self, match: re.Match[str]) -> str:
        found = personal.iban_in(match[0])
        return self._name(IBAN, found) + match[0][len(found) :] if found else match[0]

    def _name(self, kind: str, value: str) -> str:
        key = (kind, value.casefold() if kind == EMAIL else re.sub(r"[\s().\-/]", "", value))
        if key not in self._names:
            self._numbers[kind] += 1
            self._names[key] = f"<{kind}_{self._numbers[kind]}>"
        self._note(kind, value)
        return self._names[key]

    def _note(self, kind: str, value: str) -> None:
        self.counts[kind] += 1
        samples = self.samples.setdefault(kind, [])
        if len(samples) < SAMPLES and (sample := masked(value)) not in samples:
            samples.append(sample)
        sources = self.sources.setdefault(kind, [])
        if self._source and len(sources) < SOURCES and self._source not in sources:
            sources.append(self._source)

    def findings(self) -> list[Finding]:
        """One finding for each class, with masked samples."""
        return [
            Finding(
                rule="redacted",
                severity="info",
                message=f"{count:,} {TITLES[kind][count != 1]} replaced by a placeholder such as <{kind}_1>: "
                f"{', '.join(self.samples[kind])}.",
                hint="Switch redaction off to keep them.",
                count=count,
                sources=tuple(self.sources.get(kind, ())),
            )
            for kind, count in sorted(self.counts.items())
        ]


def _before(match: re.Match[str]) -> str:
    return match.string[max(0, match.start() - BEFORE) : match.start()]


def _means_it(match: re.Match[str]) -> bool:
    return not personal.ORDINARY.search(_before(match))


def masked(value: str) -> str:
    """Enough to recognise a value that one knows, too little to use it."""
    value = " ".join(value.split())
    return f"{value[:2]}…{value[-1:]}" if len(value) > 6 else "…"


def redacted_drop(drop: Drop, redactor: Redactor) -> Drop:
    redactor.begin(drop.source)
    return drop.model_copy(update={"excerpt": redactor.text(drop.excerpt)})
