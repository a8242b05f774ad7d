"""Is this the same value as that one? Answered without keeping either.

Law: a fingerprint is keyed, so that nobody without the key can find a value by trying all of
them (there are only 10^9 social security numbers), and canonical, so that `4111-1111…` and
`4111 1111…` are one value. A preview shows at most four characters, and none of what is short,
secret or a name.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from enum import Enum, auto

FINGERPRINT_BYTES = 12
"""96 bits: no accidental equality among any number of values that a company sends."""


class Shape(Enum):
    """How spellings of one value differ; decides what a fingerprint passes over."""

    NUMBER = auto()  # spacing, punctuation and case
    PHONE = auto()  # the same, and how the country code is introduced
    TEXT = auto()  # case and runs of white space
    EXACT = auto()  # nothing but white space around it: secrets


_TEXT = frozenset(
    {
        "AGE",
        "BLOOD_TYPE",
        "COORDINATES",
        "DATE_OF_BIRTH",
        "DATE_TIME",
        "EMAIL_ADDRESS",
        "IP_ADDRESS",
        "LOCATION",
        "MEDICAL_CONDITION",
        "NRP",
        "ORGANIZATION",
        "PERSON",
        "SALARY",
        "SEED_PHRASE",
        "STREET_ADDRESS",
        "URL",
        "USERNAME",
    }
)
_NUMBER = frozenset(
    {
        "ABA_ROUTING_NUMBER",
        "BANK_ACCOUNT",
        "CARD_CVV",
        "CARD_EXPIRY",
        "CREDIT_CARD",
        "CUSTOMER_ID",
        "DRIVER_LICENSE",
        "EMPLOYEE_ID",
        "HEALTH_INSURANCE_NUMBER",
        "IBAN_CODE",
        "ICCID",
        "ICD10_CODE",
        "IMEI",
        "IMSI",
        "ISIN",
        "LICENSE_PLATE",
        "MAC_ADDRESS",
        "MEDICAL_LICENSE",
        "MEDICAL_RECORD_NUMBER",
        "MRZ",
        "PASSPORT",
        "PASSPORT_NUMBER",
        "SERIAL_NUMBER",
        "STUDENT_ID",
        "SWIFT_BIC",
        "UUID",
        "VIN",
    }
)
# Countries whose identifiers Presidio names with a prefix, e.g. `US_SSN`, `UK_NHS`.
_COUNTRIES = (
    "AE|AR|AT|AU|BD|BE|BG|BR|CA|CH|CL|CN|CO|CY|CZ|DE|DK|EC|EE|EG|ES|EU|FI|FR|GB|GR|HK|HR|HU|ID|IE|IL|IN|"
    "IS|IT|JP|KR|KZ|LT|LU|LV|MT|MX|MY|NG|NL|NO|NZ|PE|PH|PK|PL|PT|RO|RS|RU|SA|SE|SG|SI|SK|TH|TR|TW|UA|"
    "UK|US|UY|VN|ZA"
)
_NATIONAL = re.compile(rf"(?:{_COUNTRIES})_[A-Z0-9_]+")
_SECRET = re.compile(r"(?:^|_)(?:KEY|SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIALS?|PAT|COOKIE)(?:_|$)")


def shape(entity: str) -> Shape:
    """How values of `entity` may differ in spelling. What nobody knows is taken as exact."""
    if entity.endswith(("PHONE_NUMBER", "_MOBILE_NUMBER", "_TELEPHONE_NUMBER")):
        return Shape.PHONE
    if entity in _TEXT:
        return Shape.TEXT
    if entity in _NUMBER or entity == "MX_VOTER_KEY":  # a key of no door
        return Shape.NUMBER
    if _NATIONAL.fullmatch(entity) and not _SECRET.search(entity):
        return Shape.NUMBER
    return Shape.EXACT


def canonical(value: str, entity: str) -> str:
    """The spelling that all spellings of one value share."""
    if not value.isascii():
        value = unicodedata.normalize("NFKC", value)
        value = "".join(char for char in value if unicodedata.category(char) != "Cf")
    match shape(entity):
        case Shape.NUMBER:
            # A value of punctuation alone keeps it: else all such values would be one.
            return "".join(filter(str.isalnum, value)).upper() or value
        case Shape.PHONE:
            digits = "".join(filter(str.isdigit, value))
            return digits.lstrip("0") or value
        case Shape.TEXT:
            return " ".join(value.split()).casefold()
        case Shape.EXACT:
            return value.strip()


def fingerprint(value: str, entity: str, *, key: bytes) -> str:
    """Keyed digest of `value`: 24 hex digits, equal for all spellings of one value.

    The entity decides which spellings are one value, but is not part of the digest: a number
    that is found as two entities has one fingerprint.
    """
    return keyed(canonical(value, entity), key, purpose=b"fingerprint", size=FINGERPRINT_BYTES)


def key_print(value: str, *, key: bytes) -> str:
    """Keyed digest of an API key, by which a list of keys holds it; no finding has the same."""
    return keyed(value.strip(), key, purpose=b"api key", size=FINGERPRINT_BYTES)


def keyed(text: str, key: bytes, *, purpose: bytes, size: int) -> str:
    """Hex of a keyed BLAKE2b (RFC 7693) of `size` bytes; different purposes never agree."""
    if not key:
        raise ValueError("a fingerprint needs a key; without one it can be reversed by trying")
    if len(key) > hashlib.blake2b.MAX_KEY_SIZE:
        key = hashlib.blake2b(key, person=b"long key").digest()
    # Lone surrogates are possible in JSON text; they must not stop anything.
    data = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, key=key, person=purpose, digest_size=size).hexdigest()
