"""Numbers that states give to people. Where the format alone is no proof, its check digit or the date in it
is; a number without either counts only behind a word that names it.

Sources: the published rules of the issuing states, as they stand in the articles on each number.
"""

import re
from collections.abc import Callable
from datetime import date

NATIONAL = re.compile(
    r"(?<![\w.,\-+/])(?:"
    r"(?P<us>\d{3}-\d{2}-\d{4})"
    r"|(?P<uk>[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D])"
    r"|(?P<es>[XYZ]?-?\d{7,8}-?[A-HJ-NP-TV-Z])"
    r"|(?P<br>\d{3}\.\d{3}\.\d{3}-\d\d)"
    r"|(?P<it>[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z])"
    r"|(?P<fr>[12] ?\d\d ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d)"
    r"|(?P<ch>756\.\d{4}\.\d{4}\.\d\d)"
    r"|(?P<be>\d\d\.\d\d\.\d\d-\d{3}\.\d\d)"
    r"|(?P<se>(?:19|20)?\d{6}[-+]\d{4})"
    r"|(?P<fi>\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y])"
    r"|(?P<cz>\d{6}/\d{4})"
    r"|(?P<kr>\d{6}-[1-8]\d{6})"
    r"|(?P<cn>[1-9]\d{16}[\dXx])"
    r"|(?P<mx>[A-Z][AEIOUX][A-Z]{2}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d)"
    r"|(?P<ar>(?:20|23|24|25|26|27|30|33|34)-\d{8}-\d)"
    r"|(?P<cl>\d{1,2}\.\d{3}\.\d{3}-[\dkK])"
    r"|(?P<india>[2-9]\d{3} \d{4} \d{4})"
    r"|(?P<sg>[STFG]\d{7}[A-Z])"
    r"|(?P<za>\d{10}[01]\d{2})"
    r"|(?P<named>[A-Z]{0,5}\d[\d \-.]{5,14}\d[A-Z]{0,2})"
    r"|(?P<papers>(?=(?:[A-Z]*\d){3})[A-Z0-9]{7,16})"
    r")(?![\w]|[.,\-]\d)"
)
NAMED = re.compile(
    r"\b(?:ssn|social (?:security|insurance)|sin|nino|national (?:insurance|id(?:entity|entification)?)"
    r"|personal id|tax(?:payer)? (?:id(?:entification)?|file)|tfn|itin|aadhaar|pan|ppsn?|bsn|burgerservice\w*"
    r"|sofi\w*|steuer-?\s?(?:id|ident\w*|nummer)|idnr|sozialversicherung\w*|svnr|rentenversicherung\w*|ahv"
    r"|pesel|cpr|personnummer|fødselsnummer|fodselsnummer|henkilötunnus|nif|nie|dni|cpf|curp|rut|cuil|cuit"
    r"|codice fiscale|cnp|oib|kimlik\w*|sécurité sociale|numéro fiscal|contribuinte|my number|nhs|medicare"
    r"|passport|reisepass\w*|personalausweis\w*|ausweis(?:nr|nummer)|passeport|pasaporte|passaporto|paspoort"
    r"|driver['’]?s? licen[cs]e|driving licen[cs]e"
    r"|führerschein\w*|マイナンバー|個人番号|身份证号?码?|护照号?码?)"
    r"(?:[\s\-_](?:card|no|nr|number|num|nummer|numéro|número|numero))?\.?\s*(?:is|ist|est|es|è|[:#=])*\s*$",
    re.IGNORECASE,
)
VERHOEFF = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
PERMUTED = (
    "0123456789", "1576283094", "5803796142", "8916043527",
    "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip


def is_national_id(match: re.Match[str]) -> bool:
    text = re.sub(r"[ .\-+/]", "", match[0])
    country = match.lastgroup or ""
    before = match.string[max(0, match.start() - 50) : match.start()]
    return bool(NAMED.search(before)) or (country in CHECKS and CHECKS[country](text))


def _american(text: str) -> bool:
    return text[:3] not in ("000", "666") and text[0] != "9" and text[3:5] != "00" and text[5:] != "0000"


def _british(text: str) -> bool:
    return text[:2] not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")


def _spanish(text: str) -> bool:
    number = {"X": "0", "Y": "1", "Z": "2"}.get(text[0], text[0]) + text[1:-1]
    return len(text) == 9 and "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == text[-1]


def _brazilian(text: str) -> bool:
    def digit(digits: str) -> int:
        return sum(int(one) * (len(digits) + 1 - at) for at, one in enumerate(digits)) * 10 % 11 % 10

    return len(set(text)) > 1 and all(digit(text[:n]) == int(text[n]) for n in (9, 10))


def _italian(text: str) -> bool:
    odd = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
    values = [int(sign) if sign.isdigit() else ord(sign) - 65 for sign in text[:15]]
    total = sum(odd[value] if at % 2 == 0 else value for at, value in enumerate(values))
    return chr(65 + total % 26) == text[15]


def _french(text: str) -> bool:
    number = int(text[:13].replace("2A", "19").replace("2B", "18"))
    return 97 - number % 97 == int(text[13:])


def _swiss(text: str) -> bool:
    weighted = sum(int(digit) * (1, 3)[at % 2] for at, digit in enumerate(text[:12]))
    return (10 - weighted % 10) % 10 == int(text[12])


def _belgian(text: str) -> bool:
    return int(text[9:]) in (97 - int(century + text[:9]) % 97 for century in ("", "2"))


def _swedish(text: str) -> bool:
    return _is_date(text[-10:-4]) and luhn(text[-10:])


def _finnish(text: str) -> bool:
    digits = re.sub(r"\D", "", text[:-1])
    if not _is_date(digits[4:6] + digits[2:4] + digits[:2]):
        return False
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(digits) % 31] == text[-1]


def _czech(text: str) -> bool:
    month = int(text[2:4]) % 50
    born = f"{text[:2]}{month - 20 if month > 20 else month:02}{text[4:6]}"
    return _is_date(born) and int(text) % 11 == 0


def _korean(text: str) -> bool:
    return _is_date(text[:6])


def _chinese(text: str) -> bool:
    weighted = sum(int(digit) * pow(2, 17 - at, 11) for at, digit in enumerate(text[:17]))
    return _is_date(text[8:14]) and "10X98765432"[weighted % 11] == text[17].upper()


def _mexican(text: str) -> bool:
    return _is_date(text[4:10])


def _argentine(text: str) -> bool:
    weighted = sum(
        int(digit) * weight for digit, weight in zip(text, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2), strict=False)
    )
    return (11 - weighted % 11) % 11 == int(text[10])


def _chilean(text: str) -> bool:
    weighted = sum(int(digit) * (2 + at % 6) for at, digit in enumerate(reversed(text[:-1])))
    return "0K987654321"[weighted % 11] == text[-1].upper()


def _indian(text: str) -> bool:
    check = 0
    for at, digit in enumerate(reversed(text)):
        check = int(VERHOEFF[check][int(PERMUTED[at % 8][int(digit)])])
    return check == 0


def _singaporean(text: str) -> bool:
    total = sum(int(digit) * weight for digit, weight in zip(text[1:8], (2, 7, 6, 5, 4, 3, 2), strict=True))
    total += 4 if text[0] in "TG" else 0
    return ("JZIHGFEDCBA" if text[0] in "ST" else "XWUTRQPNMLK")[total % 11] == text[8]


def _south_african(text: str) -> bool:
    return _is_date(text[:6]) and luhn(text)


def _is_date(text: str) -> bool:
    """YYMMDD of one of the two centuries that people alive were born in."""
    try:
        return bool(date(2000 + int(text[:2]), int(text[2:4]), int(text[4:6])))
    except ValueError:
        return False


def luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


CHECKS: dict[str, Callable[[str], bool]] = {
    "us": _american, "uk": _british, "es": _spanish, "br": _brazilian, "it": _italian, "fr": _french,
    "ch": _swiss, "be": _belgian, "se": _swedish, "fi": _finnish, "cz": _czech, "kr": _korean, "cn": _chinese,
    "mx": _mexican, "ar": _argentine, "cl": _chilean, "india": _indian, "sg": _singaporean,
    "za": _south_african,
}  # fmt: skip
