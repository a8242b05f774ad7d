"""What may a person who works on an incident see of a value? As little as helps.

Law: never the value, never more than four of its characters, never half of it, and nothing at
all of secrets, names and whatever is not known to be harmless to hint at. The preview's shape
does not tell the value's length.
"""

from __future__ import annotations

from gateway.redaction.fingerprint import Shape, shape

COVER = "••••"

_MIN_LENGTH = 8
"""Of letters and digits; below it, any hint is too much."""

# How many letters and digits show at the start and at the end.
# PCI DSS 4.0 requirement 3.4.1 allows at most the first six and last four of a card number.
_SHOWN = {"CREDIT_CARD": (0, 4), "IBAN_CODE": (2, 2)}
_NUMBER_SHOWN = (0, 2)


def preview(value: str, entity: str) -> str:
    """A masked hint at `value`, e.g. `••••1111`; the plain cover when nothing may show."""
    if entity == "EMAIL_ADDRESS":
        local, at, _ = value.partition("@")
        if at and len(local) >= _MIN_LENGTH // 2 and local[0].isascii() and local[0].isalnum():
            return f"{local[0]}{COVER}@{COVER}"
        return COVER
    if shape(entity) not in {Shape.NUMBER, Shape.PHONE}:
        return COVER
    plain = "".join(char for char in value if char.isascii() and char.isalnum())
    if len(plain) < _MIN_LENGTH or len(plain) != sum(map(str.isalnum, value)):
        return COVER
    first, last = _SHOWN.get(entity, _NUMBER_SHOWN)
    return f"{plain[:first]}{COVER}{plain[len(plain) - last :]}"
