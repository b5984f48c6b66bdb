"""Sixty secrets and personal items, made anew from a seed, and the twenty files that they are planted in."""
# ruff: noqa: E501 - sentences and numbers stand as they are

import csv
import io
import json
import random
import string
from email.message import EmailMessage
from typing import NamedTuple

from tests.preparation.samples import zipped

HEX, ALPHANUMERIC = "0123456789abcdef", string.ascii_letters + string.digits
FILLER = (
    "The delivery of {} boxes was late by {} days and cost {},{:03d}.50 in the end.",
    "Chapter {} of the manual, page {}, describes the valve with part number {}-{}.",
    "In 20{} the office had {} rooms, of which {} were let at {} a month.",
    "Version {}.{}.{} came out on a Monday; build {} followed it.",
)


class Item(NamedTuple):
    """`secret` must be gone from the rows; `context` is the sentence it stands in."""

    secret: str
    context: str


def items(seed: int) -> list[Item]:
    chance = random.Random(seed)

    def some(alphabet: str, length: int) -> str:
        # a digit among them, as in any key that is drawn at random
        return "".join(chance.choices(alphabet, k=length - 1)) + str(chance.randrange(10))

    def digits(length: int) -> str:
        return "".join(chance.choices("123456789", k=length))

    keys = [
        "AKIA" + some(string.ascii_uppercase + string.digits, 16), "ghp_" + some(ALPHANUMERIC, 36),
        "github_pat_" + some(ALPHANUMERIC, 60), "glpat-" + some(ALPHANUMERIC, 20),
        "xoxb-" + digits(12) + "-" + some(ALPHANUMERIC, 24), "sk_live_" + some(ALPHANUMERIC, 24),
        "sk-proj-" + some(ALPHANUMERIC, 48), "sk-ant-api03-" + some(ALPHANUMERIC, 80),
        "AIza" + some(ALPHANUMERIC, 35), "hf_" + some(ALPHANUMERIC, 34), "npm_" + some(ALPHANUMERIC, 36),
        "SG." + some(ALPHANUMERIC, 22) + "." + some(ALPHANUMERIC, 43), "gsk_" + some(ALPHANUMERIC, 52),
        digits(9) + ":AA" + some(ALPHANUMERIC, 33), "dop_v1_" + some(HEX, 64), "shpat_" + some(HEX, 32),
        "hvs." + some(ALPHANUMERIC, 32), "xkeysib-" + some(HEX, 64), "glsa_" + some(ALPHANUMERIC, 32),
        "eyJ" + some(ALPHANUMERIC, 20) + ".eyJ" + some(ALPHANUMERIC, 40) + "." + some(ALPHANUMERIC, 43),
    ]  # fmt: skip
    made = [Item(key, f"The job runs with {key} since spring.") for key in keys]
    pem = "\n".join(some(ALPHANUMERIC, 64) for _ in range(4))
    made.append(Item(pem, f"-----BEGIN PRIVATE KEY-----\n{pem}\n-----END PRIVATE KEY-----"))
    for name in ("db_password", "SMTP_PASSWORD", "admin.passwd"):
        word = some(ALPHANUMERIC, 12)
        made.append(Item(word, f"{name}={word}"))
    for scheme in ("postgresql", "https", "redis"):
        word = some(ALPHANUMERIC, 14)
        made.append(Item(word, f"It connects to {scheme}://service:{word}@db.lan:99/main every night."))
    token = some(ALPHANUMERIC, 40)
    made.append(Item(token, f"Authorization: Bearer {token}"))
    for domain in ("example.com", "mail.example.org", "uni-example.de", "example.co.uk", "beispiel.at"):
        address = f"{some(string.ascii_lowercase, 7)}.{some(string.ascii_lowercase, 6)}@{domain}"
        made.append(Item(address, f"Please write to {address} about it."))
    phones = [
        f"+1 415 555 {digits(4)}", f"+44 20 7946 0{digits(3)}", f"+49 30 90{digits(6)}", f"+33 6 12 34 5{digits(1)} 78",
        f"(212) 555-0{digits(3)}", f"+34 612 34 5{digits(1)} 67", f"+91 98765 4{digits(4)}",
    ]  # fmt: skip
    made += [Item(number, f"You can call {number} until six.") for number in phones]
    made += [Item(iban, f"Pay to {iban} this week.") for iban in (
        with_check("DE", digits(18)), with_check("NL", "BANK" + digits(10)), with_check("ES", digits(20)),
        " ".join(part for part in chunks(with_check("GB", "BANK" + digits(14)))),
    )]  # fmt: skip
    made += [Item(card, f"It was charged to {card} again.") for card in (
        luhn("4" + digits(14)), "-".join(chunks(luhn("51" + digits(13)))), " ".join(chunks(luhn("4" + digits(14)))),
        luhn("37" + digits(12)),
    )]  # fmt: skip
    made += [Item(number, f"His papers say {number} there.") for number in national(chance, digits)]
    word = some(ALPHANUMERIC, 16)
    made.append(Item(word, f"My password is {word}!"))
    made.append(Item(key := some(ALPHANUMERIC, 32), f'"api_key": "{key}"'))
    made.append(Item(name := f"{some(string.ascii_lowercase, 9)}@example.com", f"<{name}>"))
    made.append(Item(nl := digits(9), f"BSN: {nl}"))
    made += [Item(ip, f"Requests come from {ip} at night.") for ip in (
        f"{chance.randrange(60, 220)}.{chance.randrange(20, 220)}.{chance.randrange(20, 220)}.{chance.randrange(10, 220)}",
        f"2001:db8:{some(HEX, 4)}::{some(HEX, 4)}:{some(HEX, 4)}",
    )]  # fmt: skip
    return made


def national(chance: random.Random, digits: "object") -> list[str]:
    body = str(chance.randrange(10_000_000, 99_999_999))
    spain = body + "TRWAGMYFPDXBNJZSQVHLCKE"[int(body) % 23]
    nine = [int(digit) for digit in str(chance.randrange(100_000_000, 999_999_999))]
    for _ in range(2):
        total = sum(digit * (len(nine) + 1 - at) for at, digit in enumerate(nine))
        nine.append(total * 10 % 11 % 10)
    brazil = "".join(map(str, nine))
    sweden = luhn(
        f"8{chance.randrange(1, 9)}0{chance.randrange(1, 9)}1{chance.randrange(1, 9)}{chance.randrange(100, 999)}"
    )
    france = f"2{chance.randrange(50, 99)}0{chance.randrange(1, 9)}75{chance.randrange(100_000, 999_999)}"
    return [
        f"536-{chance.randrange(10, 99)}-{chance.randrange(1000, 9999)}",
        spain,
        f"{brazil[:3]}.{brazil[3:6]}.{brazil[6:9]}-{brazil[9:]}",
        f"{sweden[:6]}-{sweden[6:]}",
        f"{france}{97 - int(france) % 97:02d}",
        f"AB {chance.randrange(10, 99)} {chance.randrange(10, 99)} {chance.randrange(10, 99)} C",
    ]


def with_check(country: str, rest: str) -> str:
    """An IBAN: ISO 7064, mod 97-10."""
    number = "".join(str(int(sign, 36)) for sign in f"{rest}{country}00")
    return f"{country}{98 - int(number) % 97:02d}{rest}"


def luhn(digits: str) -> str:
    total = sum(
        sum(divmod(int(digit) * (2 if at % 2 == 0 else 1), 10)) for at, digit in enumerate(reversed(digits))
    )
    return f"{digits}{-total % 10}"


def chunks(text: str) -> list[str]:
    return [text[at : at + 4] for at in range(0, len(text), 4)]


def ordinary(chance: random.Random) -> str:
    return chance.choice(FILLER).format(*(chance.randrange(10, 60) for _ in range(4)))


def files(planted: list[Item], seed: int) -> dict[str, bytes]:
    """Three items a file, in ten formats by turns."""
    chance = random.Random(seed)
    mixed = chance.sample(planted, len(planted))
    return dict(
        WRITERS[number % len(WRITERS)](
            number, [f"{ordinary(chance)} {item.context}" for item in mixed[3 * number : 3 * number + 3]]
        )
        for number in range(len(planted) // 3)
    )


def _text(number: int, said: list[str]) -> tuple[str, bytes]:
    return f"note-{number}.txt", "\n\n".join(said).encode()


def _markdown(number: int, said: list[str]) -> tuple[str, bytes]:
    return f"guide-{number}.md", "\n\n".join(
        f"## Part {at}\n\n{text}" for at, text in enumerate(said)
    ).encode()


def _table(number: int, said: list[str]) -> tuple[str, bytes]:
    file = io.StringIO()
    csv.writer(file).writerows(
        [["id", "remark", "team"], *([str(at), text, "north"] for at, text in enumerate(said))]
    )
    return f"table-{number}.csv", file.getvalue().encode()


def _lines(number: int, said: list[str]) -> tuple[str, bytes]:
    rows = [{"question": f"What about case {at}?", "answer": text} for at, text in enumerate(said)]
    return f"pairs-{number}.jsonl", "\n".join(map(json.dumps, rows)).encode()


def _page(number: int, said: list[str]) -> tuple[str, bytes]:
    body = "".join(f"<p>{text}</p>" for text in said)
    return (
        f"page-{number}.html",
        f"<html><body><article><h1>Notes</h1>{body}</article></body></html>".encode(),
    )


def _mail(number: int, said: list[str]) -> tuple[str, bytes]:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "Notes", "Ann", "Ben"
    message.set_content("\n\n".join(said))
    return f"mail-{number}.eml", bytes(message)


def _chat(number: int, said: list[str]) -> tuple[str, bytes]:
    turns = [
        {"role": ("user", "assistant")[at % 2], "content": text}
        for at, text in enumerate([*said, "Thank you."])
    ]
    return f"chat-{number}.jsonl", json.dumps({"messages": turns}).encode()


def _archive(number: int, said: list[str]) -> tuple[str, bytes]:
    return f"all-{number}.zip", zipped({"inside.txt": "\n\n".join(said)})


def _code(number: int, said: list[str]) -> tuple[str, bytes]:
    lines = "\n".join(
        f"# {line}" if not line.startswith("---") else line for text in said for line in text.split("\n")
    )
    return f"script-{number}.py", f"def run():\n    return 1\n\n\n{lines}\n".encode()


def _notebook(number: int, said: list[str]) -> tuple[str, bytes]:
    cells = [{"cell_type": "markdown", "metadata": {}, "source": text} for text in said]
    return f"book-{number}.ipynb", json.dumps(
        {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    ).encode()


WRITERS = (_text, _markdown, _table, _lines, _page, _mail, _chat, _archive, _code, _notebook)
