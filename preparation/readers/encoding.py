"""Which characters the bytes of a text file mean. UTF-8 unless there is evidence against it.

Detectors guess western texts badly when these are short, so texts in Latin letters are decided here, by which
language's alphabet covers their letters; charset-normalizer decides the other scripts.
"""

import codecs
from pathlib import Path
from typing import TextIO, cast

SAMPLE = 1 << 16
BLOCK = 1 << 20
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WESTERN = (
    "äöüß",  # German
    "éèêëàâçîïôûùœæ",  # French
    "áéíóúüñ¿¡ªº",  # Spanish
    "áâãàçéêíóôõúüªº",  # Portuguese
    "àèéìíòóùú",  # Italian
    "áéíóúëïüöäèêû",  # Dutch
    "åäöé",  # Swedish, Finnish
    "æøåéóòô",  # Danish, Norwegian
    "áðéíóúýþæö",  # Icelandic
    "àçéèíïóòúü·",  # Catalan
)
CENTRAL = (
    "ąćęłńóśźż",  # Polish
    "áčďéěíňóřšťúůýž",  # Czech
    "áäčďéíĺľňóôŕšťúýž",  # Slovak
    "áéíóöőúüű",  # Hungarian
    "ăâîşţ",  # Romanian
    "čćđšž",  # Croatian, Slovene
)
TURKISH = ("çğıöşüiâî",)
# in order of preference: the first of the best wins
LATIN = (
    ("cp1252", WESTERN),
    ("cp1250", CENTRAL),
    ("iso8859_2", CENTRAL),
    ("cp1254", TURKISH),
    ("mac_roman", WESTERN),
    ("cp850", WESTERN),
    ("cp852", CENTRAL),
)
PUNCTUATION = frozenset("‘’‚“”„«»‹›–—…•·€£§°©®™¡¿\xa0\xad½¼¾²³×±µ´")
OTHER_SCRIPTS = [
    "cp1251", "koi8_r", "cp866", "cp1253", "cp1255", "cp1256", "cp874",
    "cp932", "euc_jp", "gb18030", "big5", "cp949",
]  # fmt: skip


def stray_bytes(error: UnicodeError) -> tuple[str, int]:
    """Bytes that are not UTF-8 in a text that is: pasted in from Windows, so read as cp1252."""
    if not isinstance(error, UnicodeDecodeError) or error.encoding != "utf-8":
        return "\ufffd", getattr(error, "end", 0)
    stray = error.object[error.start : error.end]
    return "".join(_windows(byte) for byte in stray), error.end


def _windows(byte: int) -> str:
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:
        return "\ufffd"


codecs.register_error("stray_bytes", stray_bytes)


def open_text(path: Path, encoding: str | None = None, newline: str | None = None) -> TextIO:
    """The file as text; never fails on a byte, whatever it is."""
    encoding = encoding or encoding_of(path)
    return cast(TextIO, open(path, encoding=encoding, errors="stray_bytes", newline=newline))


def read_text(path: Path) -> str:
    with open_text(path) as file:
        return file.read()


def encoding_of(path: Path) -> str:
    with open(path, "rb") as file:
        head = file.read(SAMPLE)
        if known := marked_encoding(head):
            return known
        sample = head
        while sample.isascii() and (block := file.read(BLOCK)):
            sample = block
    return guessed_encoding(sample)


def marked_encoding(head: bytes) -> str | None:
    """By a byte order mark, or by the zeros that UTF-16 puts between the letters of western text."""
    for bom, name in BOMS:
        if head.startswith(bom):
            return name
    units = len(head) // 2
    if units < 2 or 0 not in head:
        return None
    high, low = head[0 : 2 * units : 2].count(0), head[1 : 2 * units : 2].count(0)
    if low > 0.5 * units and high < 0.05 * units:
        return "utf-16-le"
    if high > 0.5 * units and low < 0.05 * units:
        return "utf-16-be"
    return None


def guessed_encoding(sample: bytes) -> str:
    start = next((place for place, byte in enumerate(sample) if byte > 127), 0)
    sample = sample[max(0, start - 200) : start + SAMPLE]
    if mostly_utf8(sample):
        return "utf-8"
    runs = [len(run) for run in _high_runs(sample)]
    if sum(runs) / len(runs) < 1.7:
        return _latin(sample)
    # imported late: most files are UTF-8
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=OTHER_SCRIPTS).best()
    return best.encoding if best else _latin(sample)


def mostly_utf8(sample: bytes) -> bool:
    """At most one and a half bytes that fit nowhere (a cut one at the end aside) for each character of
    several bytes: texts in older encodings, those of Asia among them, have three or more."""
    text, _ = codecs.utf_8_decode(sample, "surrogateescape", False)
    stray = sum("\udc80" <= letter <= "\udcff" for letter in text)
    return 2 * stray <= 3 * (sum(letter > "\x7f" for letter in text) - stray)


def _high_runs(sample: bytes) -> list[bytes]:
    ascii_to_space = bytes(32 if byte < 128 else byte for byte in range(256))
    return sample.translate(ascii_to_space).split()


def _latin(sample: bytes) -> str:
    scores = {name: _fit(sample.decode(name, "replace"), alphabets) for name, alphabets in LATIN}
    return max(scores, key=lambda name: scores[name])


def _fit(text: str, alphabets: tuple[str, ...]) -> float:
    """Share of the letters beyond ASCII that one language's alphabet, or usual punctuation, explains."""
    beyond = [
        letter.lower()
        for before, letter, after in zip(" " + text, text, text[1:] + " ", strict=False)
        if letter > "\x7f" and not _punctuates(before, letter, after)
    ]
    if not beyond:
        return 1.0
    return max(sum(letter in alphabet for letter in beyond) for alphabet in alphabets) / len(beyond)


def _punctuates(before: str, letter: str, after: str) -> bool:
    return letter in PUNCTUATION and (letter in "’·\xad–—\xa0" or not (before.isalpha() and after.isalpha()))
