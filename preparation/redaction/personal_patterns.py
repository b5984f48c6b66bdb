"""Formats of personal data, each with the check that tells it from an ordinary number.

Sources: IBAN lengths from the SWIFT registry; check digits by ISO 7064 (IBAN) and Luhn (cards). Telephone
numbers by libphonenumber. Numbers that states give to people are in `national_ids`.
"""

import ipaddress
import re
from functools import lru_cache

from preparation.redaction.national_ids import luhn

# of several people of one place also {ann, bo}@x.org, as in the heads of papers
EMAIL = re.compile(
    r"(?:(?<![\w.+\-/@])[\w][\w.+\-'%]{0,63}|\{[^{}@<>\"]{1,200}[,|][^{}@<>\"]{1,200}\}\s{0,2})@(?:[\w](?:[\w\-]{0,61}[\w])?\.){1,6}[^\W\d_]{2,24}(?![\w@]|-\w)"
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
