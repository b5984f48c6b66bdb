"""Secrets and personal data replaced by numbered placeholders: one value, one placeholder in a document.

Every rule checks what it found (check digits, published formats, words around it), so that order numbers,
dates, prices and versions stay.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TypeVar

from errors import InvalidData
from preparation.redaction import personal_patterns as personal
from preparation.redaction import secret_patterns as secret
from preparation.redaction.national_ids import NATIONAL, is_national_id
from records import Drop, Finding, Redaction, Row, Sensitive, Source

T = TypeVar("T")

PRIVATE_KEY: Sensitive = "private_key"
API_KEY: Sensitive = "api_key"
PASSWORD: Sensitive = "password"
EMAIL: Sensitive = "email"
IBAN: Sensitive = "iban"
CARD: Sensitive = "card"
NATIONAL_ID: Sensitive = "national_id"
PHONE: Sensitive = "phone"
ADDRESS: Sensitive = "ip_address"

TITLES: dict[Sensitive, tuple[str, str]] = {
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
NAME_MARKS = (
    "pass", "pwd", "secret", "token", "key", "kennwort", "contrase", "mot de", "wachtwoord", "senha",
)  # fmt: skip
LONG_WORD = re.compile(r"[A-Za-z0-9_.:/+=\-]{16,}")
DIGIT = re.compile(r"\d")
KEYED = re.compile(r"\d|hf_|glpat-")  # keys hold digits, but for those of some vendors
NUMBER = re.compile(
    r"\d[\d\s().\-/]{5}|[A-Z]{2}\d\d|\d{1,3}\.\d{1,3}\.\d|[A-Fa-f0-9]{2}:[A-Fa-f0-9:]{3}|\d[A-Z]\b"
    r"|\b[A-Z]\d\d|\d[A-Z]\d"
)
BEFORE = 40  # characters before a number that may say what it is
SAMPLES = 3
FIRST_MARK, MARKS = 0xF0000, 0xFFFD  # a plane for private use, in which no text is written
MARK = re.compile("[\U000f0000-\U000ffffd]")
SOURCES = 20


@dataclass
class Redactor:
    """Redacts text after text, counting what it finds. `begin` starts a new document; `met` are the classes
    found in the last row."""

    policy: Redaction = field(default_factory=Redaction)
    counts: Counter[Sensitive] = field(default_factory=Counter)
    samples: dict[Sensitive, list[str]] = field(default_factory=dict)
    sources: dict[Sensitive, list[Source]] = field(default_factory=dict)
    met: set[Sensitive] = field(default_factory=set)
    _names: dict[tuple[str, str], str] = field(default_factory=dict)
    _numbers: Counter[str] = field(default_factory=Counter)
    _spared: list[str] = field(default_factory=list)
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
        self.met = set()
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
        self._spared.clear()
        while True:
            redacted = self._numbers_in(self._addresses_in(self._secrets_in(text)))
            if redacted == text:
                return (
                    MARK.sub(lambda mark: self._spared[ord(mark[0]) - FIRST_MARK], text)
                    if self._spared
                    else text
                )
            text = redacted

    def _secrets_in(self, text: str) -> str:
        folded = text.lower()
        if "private key" in folded:
            text = secret.PRIVATE_KEY.sub(lambda match: self._name(PRIVATE_KEY, match[0]), text)
        if "://" in folded:
            text = secret.IN_URL.sub(self._in_url, text)
            text = secret.IN_QUERY.sub(lambda match: f"{match[1]}={self._name(API_KEY, match[2])}", text)
            text = secret.HOOK.sub(lambda match: self._name(API_KEY, match[0]), text)
        if KEYED.search(text):
            text = LONG_WORD.sub(self._keys_in, text)
        if "bearer " in folded or "basic " in folded:
            text = secret.BEARER.sub(lambda match: match[1] + self._name(API_KEY, match[2]), text)
        if any(mark in folded for mark in NAME_MARKS):
            text = secret.OPTION.sub(self._assigned, secret.ASSIGNED.sub(self._assigned, text))
        return text

    def _keys_in(self, word: re.Match[str]) -> str:
        if not KEYED.search(word[0]):
            return word[0]
        text = secret.KEYS.sub(lambda match: self._name(API_KEY, match[0]), word[0])
        return secret.ACCOUNT_KEY.sub(lambda match: self._name(API_KEY, match[0]), text)

    def _addresses_in(self, text: str) -> str:
        if "@" not in text:
            return text
        return self._checked(EMAIL, personal.EMAIL, text, lambda m: not personal.NOT_A_DOMAIN.search(m[0]))

    def _numbers_in(self, text: str) -> str:
        # an address of version 6 may do without a digit, but not without colons
        if not (DIGIT.search(text) or text.count(":") >= 3) or not NUMBER.search(text):
            return text
        text = personal.IBAN.sub(self._iban, text)
        text = self._checked(NATIONAL_ID, NATIONAL, text, is_national_id)
        text = self._checked(CARD, personal.CARD, text, lambda m: personal.is_card(m[0]) and _means_it(m))
        text = self._checked(
            ADDRESS, personal.IPV4, text, lambda m: personal.is_address(m[0]) and _means_it(m)
        )
        text = self._checked(ADDRESS, personal.IPV6, text, lambda m: personal.is_address(m[0]))
        return self._checked(PHONE, personal.PHONE, text, lambda m: personal.is_phone(m[0], _before(m)))

    def _checked(
        self, kind: Sensitive, pattern: re.Pattern[str], text: str, check: Callable[[re.Match[str]], bool]
    ) -> str:
        return pattern.sub(lambda match: self._name(kind, match[0]) if check(match) else match[0], text)

    def _in_url(self, match: re.Match[str]) -> str:
        user, password = match.groups()
        return match[0] if secret.NO_SECRET.match(password) else f"{user}:{self._name(PASSWORD, password)}"

    def _assigned(self, match: re.Match[str]) -> str:
        name, sign, value = match.groups()
        if not secret.is_secret(name, sign, value):
            return match[0]
        kind: Sensitive = (
            PASSWORD if re.search(r"pass|pwd|kennwort|contrase|wachtwoord|senha", name, re.I) else API_KEY
        )
        tail = value[len(value.rstrip(".!?)")) :] if not sign.rstrip().endswith(("'", '"', "`")) else ""
        return f"{name}{sign}{self._name(kind, value.removesuffix(tail))}{tail}"

    def _iban(self, match: re.Match[str]) -> str:
        found = personal.iban_in(match[0])
        return self._name(IBAN, found) + match[0][len(found) :] if found else match[0]

    def _name(self, kind: Sensitive, value: str) -> str:
        key = (kind, value.casefold() if kind == EMAIL else bare(value))
        if self._is_spared(kind, key[1]):
            return self._mark(value)
        if key not in self._names:
            self._numbers[kind] += 1
            self._names[key] = f"<{kind.upper()}_{self._numbers[kind]}>"
        self._note(kind, value)
        return self._names[key]

    def _is_spared(self, kind: Sensitive, value: str) -> bool:
        if self.policy.only and kind not in self.policy.only:
            return True
        return any(fnmatchcase(value.casefold(), allowed) for allowed in self._allowed)

    @cached_property
    def _allowed(self) -> list[str]:
        spelt = [value.strip().casefold() for value in self.policy.allow]
        return list(dict.fromkeys([*spelt, *map(bare, spelt)]))

    def _mark(self, value: str) -> str:
        """A sign that stands for a value that stays, so that no other rule takes a part of it."""
        if len(self._spared) >= MARKS:
            return value
        self._spared.append(value)
        return chr(FIRST_MARK + len(self._spared) - 1)

    def _note(self, kind: Sensitive, value: str) -> None:
        self.met.add(kind)
        self.counts[kind] += 1
        self._show(kind, [masked(value)], [self._source] if self._source else [])

    def _show(self, kind: Sensitive, samples: Iterable[str], sources: Iterable[Source]) -> None:
        """The first few of them that differ."""
        _extend(self.samples.setdefault(kind, []), samples, SAMPLES)
        _extend(self.sources.setdefault(kind, []), sources, SOURCES)

    def merge(self, other: "Redactor") -> None:
        """What another one met in the rows that come next."""
        self.counts.update(other.counts)
        for kind in other.counts:
            self._show(kind, other.samples[kind], other.sources[kind])

    def dropped(self) -> str:
        """Why the last row must be left out, or nothing."""
        found = sorted(self.met & set(self.policy.drop))
        return f"holds a {TITLES[found[0]][0]}" if found else ""

    def stop_if_told(self) -> None:
        """Raises InvalidData where something was found that the policy stops at."""
        found = sorted(self.counts.keys() & set(self.policy.stop))
        if found:
            places = "; ".join(str(source) for kind in found for source in self.sources[kind][:3])
            listed = ", ".join(f"{count_of(kind, self.counts[kind])} ({self._shown(kind)})" for kind in found)
            raise InvalidData(
                f"The data holds {listed}, at which the job was to stop: {places}.",
                "Take them out, allow them by --allow, or have them replaced.",
            )

    def findings(self) -> list[Finding]:
        """One finding for each class, with masked samples."""
        return [
            Finding(
                rule="redacted",
                severity="info",
                message=f"{count_of(kind, count)} {self._done(kind)}: {self._shown(kind)}.",
                hint="Allow what is no secret (--allow), or switch redaction off to keep all.",
                count=count,
                sources=tuple(self.sources.get(kind, ())),
            )
            for kind, count in sorted(self.counts.items())
        ]

    def _shown(self, kind: Sensitive) -> str:
        return ", ".join(self.samples[kind])

    def _done(self, kind: Sensitive) -> str:
        if kind in self.policy.drop:
            return "found and left out with the rows that hold them"
        return f"replaced by a placeholder such as <{kind.upper()}_1>"


def _extend(shown: list[T], more: Iterable[T], most: int) -> None:
    for one in more:
        if len(shown) < most and one not in shown:
            shown.append(one)


def count_of(kind: Sensitive, count: int) -> str:
    return f"{count:,} {TITLES[kind][count != 1]}"


def bare(value: str) -> str:
    return re.sub(r"[\s().\-/]", "", value)


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
