"""Formats of personal data, each with the check that tells it from an ordinary number.

Sources: IBAN lengths from the SWIFT registry; check digits by ISO 7064 (IBAN), Luhn (cards) and the rules
of the issuing states (national ids). Telephone numbers by libphonenumber.
"""

import ipaddress
import re
from functools import lru_cache

EMAIL = re.compile(
    r"(?<![\w.+\-/@])[\w][\w.+\-'%]{0,63}@(?:[\w](?:[\w\-]{0,61}[\w])?\.){1,6}[^\W\d_]{2,24}(?![\w@]|-\w)"
)
NOT_A_DOMAIN = re.compile(r"\.(?:png|jpe?g|gif|svg|webp|css|js|py|ts|md|txt)$|^git@", re.IGNORECASE)

IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]){11,30}(?![a-z])")
IBAN_LENGTHS = {
    country: int(length)
    for country, length in re.findall(
        r"([A-Z]{2})(\d\d)",
        """
        AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20
        EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30
        KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24
        PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 SV28 TN24 TR26 UA29 VA22 VG24 XK20
        """,
    )
}

CARD = re.compile(r"(?<![\w.,\-+/])\d(?:[ -]?\d){13,18}(?![\w]|[.,]\d|-\d)")
CARD_BRANDS = re.compile(
    r"4(?:\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d)\d{12}|62\d{14,17}|35(?:2[89]|[3-8]\d)\d{12}"
)
# what stands before an ordinary number
ORDINARY = re.compile(
    r"(?:order|invoice|tracking|ticket|case|ref(?:erence)?|id|sku|part|serial|model|batch|article|item|isbn|ean|"
    r"bestell\w*|rechnung\w*|auftrag\w*|version|release|build|section|chapter|§|v)"
    r"\s*(?:no|nr|number|num|code|id|nummer)?\s*[.:#=]*\s*#?\s*$|#\s*$",
    re.IGNORECASE,
)

NATIONAL = re.compile(
    r"(?<![\w.,\-+/])(?:"
    r"(?P<us>\d{3}-\d{2}-\d{4})"
    r"|(?P<uk>[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D])"
    r"|(?P<es>[XYZ]?-?\d{7,8}-?[A-HJ-NP-TV-Z])"
    r"|(?P<br>\d{3}\.\d{3}\.\d{3}-\d\d)"
    r"|(?P<it>[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z])"
    r"|(?P<fr>[12] ?\d\d ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d)"
    r"|(?P<ch>756\.\d{4}\.\d{4}\.\d\d)"
    r")(?![\w]|[.,\-]\d)"
)

IPV4 = re.compile(r"(?<![\w.\-])(?:\d{1,3}\.){3}\d{1,3}(?![\w\-]|\.\d)")
IPV6 = re.compile(r"(?<![\w:.])(?:[0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{1,4}(?![\w:]|\.\d)")


def is_iban(text: str) -> bool:
    compact = text.replace(" ", "")
    if IBAN_LENGTHS.get(compact[:2]) != len(compact):
        return False
    digits = "".join(str(int(character, 36)) for character in compact[4:] + compact[:4])
    return int(digits) % 97 == 1


def iban_in(text: str) -> str:
    """The IBAN that the text starts with, or nothing: what follows it may look like more of it."""
    places = [at for at, character in enumerate(text) if character != " "]
    length = IBAN_LENGTHS.get(text[:2], 0)
    end = places[length - 1] + 1 if 0 < length <= len(places) else 0
    found = text[:end]
    return found if found and text[end : end + 1] in ("", " ") and is_iban(found) else ""


def is_card(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    return bool(CARD_BRANDS.fullmatch(digits)) and len(set(digits)) > 1 and luhn(digits)


def luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def is_national_id(match: re.Match[str]) -> bool:
    text = re.sub(r"[ .\-]", "", match[0])
    match match.lastgroup:
        case "us":
            return (
                text[:3] not in ("000", "666") and text[0] != "9" and text[3:5] != "00" and text[5:] != "0000"
            )
        case "uk":
            return text[:2] not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")
        case "es":
            spanish = {"X": "0", "Y": "1", "Z": "2"}.get(text[0], text[0]) + text[1:-1]
            return len(text) == 9 and "TRWAGMYFPDXBNJZSQVHLCKE"[int(spanish) % 23] == text[-1]
        case "br":
            return len(set(text)) > 1 and all(_brazilian_digit(text[:n]) == int(text[n]) for n in (9, 10))
        case "it":
            return _italian_letter(text[:15]) == text[15]
        case "fr":
            number = int(text[:13].replace("2A", "19").replace("2B", "18"))
            return 97 - number % 97 == int(text[13:])
        case _:
            weighted = sum(int(digit) * (1, 3)[at % 2] for at, digit in enumerate(text[:12]))
            return (10 - weighted % 10) % 10 == int(text[12])


def _brazilian_digit(digits: str) -> int:
    return sum(int(digit) * (len(digits) + 1 - at) for at, digit in enumerate(digits)) * 10 % 11 % 10


def _italian_letter(code: str) -> str:
    odd = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
    values = [int(character) if character.isdigit() else ord(character) - 65 for character in code]
    return chr(65 + sum(odd[value] if at % 2 == 0 else value for at, value in enumerate(values)) % 26)


def is_address(text: str) -> bool:
    """An IP address that can tell of somebody, and no section or version number (3.2.1.4)."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if address.is_loopback or address.is_unspecified:
        return False
    if address.version == 6:
        return sum(map(bool, text.split(":"))) >= 3
    octets = text.split(".")
    return octets[0] != "255" and sum(len(octet) > 1 for octet in octets) >= 2


PHONE_WORD = re.compile(
    r"(?:phone|tele(?:phone)?|tel|mobile|cell|fax|whatsapp|hotline|call(?: me| us)?(?: back)?(?: at| on)?|"
    r"(?:text|reach)(?: me| us)(?: at| on)|telefon|handy|rufnummer|téléphone|teléfono|telefono|móvil|celular|"
    r"cellulare|telefoon|dial)(?:\s?(?:no|nr|number|nummer|is|ist))?\s*[.:#=]*\s*$",
    re.IGNORECASE,
)
PHONE = re.compile(r"(?<![\w.,+\-/#:])(?:\+|00)?\(?\d[\d ().\-/]{5,22}\d(?![\w]|[.,:\-/]\d)")
NORTH_AMERICAN = re.compile(
    r"(?:1[ .\-])?(?:\([2-9]\d{2}\) ?[2-9]\d{2}[.\-]\d{4}|[2-9]\d{2}([.\-])[2-9]\d{2}\1\d{4})"
)
DATE = re.compile(r"\d{4}[ .\-/]\d{1,2}[ .\-/]\d{1,2}|\d{1,2}[ .\-/]\d{1,2}[ .\-/](?:\d{4}|\d{2})")
DECIMAL = re.compile(r"\d{1,3}(?:[., ]\d{3})*[.,]\d{1,2}|\d{1,3}(?:\.\d{3})+|\d+(?:\.\d+)+")
# a date or a version among the digits, a series of numbers, an American postcode
NO_PHONE = re.compile(
    r"(?<!\d)(?:19|20)\d\d[-./](?:0?[1-9]|1[0-2])[-./]\d{1,2}(?!\d)|(?<!\d)\d{1,2}([-./])\d{1,2}\1(?:19|20)\d\d(?!\d)"
    r"|^\d{1,2}\.\d{1,2}\.\d{1,3}(?:\s|$)|[.\-/]{2}|\s{3}|^\d{5}-\d{4}$|^(?:\d[ .\-]){4}"
)
# countries whose national numbers begin with 0 and are written with blanks, strokes or dashes
REGIONS = (
    "GB",
    "DE",
    "FR",
    "IT",
    "ES",
    "NL",
    "BE",
    "AT",
    "CH",
    "PL",
    "SE",
    "AU",
    "IN",
    "JP",
    "ZA",
    "IE",
    "NZ",
)


def is_phone(text: str, before: str) -> bool:
    """Whether a run of digits and separators is a telephone number, given what stands before it."""
    digits = re.sub(r"\D", "", text)
    if not 7 <= len(digits) <= 15 or DATE.fullmatch(text) or NO_PHONE.search(text) or ORDINARY.search(before):
        return False
    if text.startswith("+") or (text.startswith("00") and len(digits) >= 11):
        return _is_possible("+" + (digits if text[0] == "+" else digits[2:]))
    if PHONE_WORD.search(before) or NORTH_AMERICAN.fullmatch(text):
        return True
    national = digits.startswith("0") and 9 <= len(digits) <= 12 and not DECIMAL.fullmatch(text)
    return national and re.search(r"\d[ /\-()]+\d", text) is not None and _is_valid_somewhere(digits)


@lru_cache(4096)
def _is_possible(number: str) -> bool:
    import phonenumbers

    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number, None))
    except phonenumbers.NumberParseException:
        return False


@lru_cache(4096)
def _is_valid_somewhere(number: str) -> bool:
    import phonenumbers

    for region in REGIONS:
        try:
            if phonenumbers.is_valid_number_for_region(phonenumbers.parse(number, region), region):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False
