"""Does a stand-in pass the checks of its kind, lie in nobody's range, and is it found again?"""

import datetime as dt
import ipaddress
import re
import uuid
from email.headerregistry import Address
from pathlib import PureWindowsPath

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.redaction import standins
from gateway.redaction.standins import FAMILIES
from gateway.redaction.tokens import Keys, Minter

KEYS = Keys({"a": b"k" * 32})
SCOPES = {"actor": "anna", "conversation": "c", "organisation": ""}


def mint(value, entity, who="anna"):
    return Minter(KEYS, {**SCOPES, "actor": who}).mint(
        value, entity, shape="similar", scope="actor", free=lambda _: True
    )


def luhn(digits):
    total = 0
    for at, digit in enumerate(map(int, reversed(digits))):
        total += sum(divmod(digit * 2, 10)) if at % 2 else digit
    return total % 10 == 0


def is_email(text):
    address = Address(addr_spec=text)
    return address.domain == "token.example"


def is_card(text):
    digits = re.sub(r"[ -]", "", text)
    return len(digits) == 16 and digits.startswith("9999") and luhn(digits)


def is_phone(text):
    number = phonenumbers.parse(text, "US")
    return phonenumbers.is_valid_number(number) and re.search(r"555\D?01\d\d$", text)


def is_v4(text):
    return ipaddress.IPv4Address(text) in ipaddress.ip_network("198.18.0.0/15")


def is_v6(text):
    address = ipaddress.IPv6Address(text)
    return address in ipaddress.ip_network("2001:db8::/32") and str(address) == text


def is_uuid(text):
    found = uuid.UUID(text)
    return found.version == 8 and found.variant == uuid.RFC_4122 and str(found) == text.lower()


def is_date(form):
    return lambda text: 2900 <= dt.datetime.strptime(text, form).year < 3000  # noqa: DTZ007  # a day has no zone


def is_path(text):
    return PureWindowsPath(text).parts[1] == "leakgate" and PureWindowsPath(
        text
    ).is_absolute() != text.startswith("/")


CASES = [
    ("jane@acme.com", "EMAIL_ADDRESS", is_email),
    ("4111111111111111", "CREDIT_CARD", is_card),
    ("4111 1111 1111 1111", "CREDIT_CARD", is_card),
    ("4111-1111-1111-1111", "CREDIT_CARD", is_card),
    ("+4930123456", "PHONE_NUMBER", is_phone),
    ("+49 30 123456", "PHONE_NUMBER", is_phone),
    ("(212) 555-0100", "US_PHONE_NUMBER", is_phone),
    ("212-456-0100", "PHONE_NUMBER", is_phone),
    ("2124560100", "PHONE_NUMBER", is_phone),
    ("10.1.2.3", "IP_ADDRESS", is_v4),
    ("fe80::1", "IP_ADDRESS", is_v6),
    ("123e4567-e89b-12d3-a456-426614174000", "ID", is_uuid),
    ("123E4567-E89B-12D3-A456-426614174000", "ID", is_uuid),
    ("1980-02-03", "DATE_OF_BIRTH", is_date("%Y-%m-%d")),
    ("1980/02/03", "DATE_TIME", is_date("%Y/%m/%d")),
    ("03.02.1980", "DATE_TIME", is_date("%d.%m.%Y")),
    ("03/02/1980", "DATE_TIME", is_date("%d/%m/%Y")),
    ("02/23/1980", "DATE_TIME", is_date("%m/%d/%Y")),
    ("/home/jane/plans.docx", "FILE_PATH", is_path),
    ("C:\\Users\\jane\\plans.docx", "FILE_PATH", is_path),
]


@pytest.mark.parametrize(("value", "entity", "valid"), CASES)
def test_a_stand_in_is_valid_and_found_again(value, entity, valid):
    for number in range(300):
        token = mint(value, entity, who=str(number))
        assert valid(token)
        for before, after in (
            ("", ""),
            ("at ", ", and"),
            ("(", ")"),
            ('"', '"'),
            ("<", ">"),
            ("=", ";"),
            ("", ".\n"),
        ):
            (hit,) = KEYS.ours_in(f"{before}{token}{after}")
            assert (hit.start, hit.end) == (len(before), len(before) + len(token))


@pytest.mark.parametrize(("value", "entity", "valid"), CASES)
def test_a_stand_in_keeps_the_form_of_its_value(value, entity, valid):
    assert valid
    token = mint(value, entity)
    if (
        entity not in {"EMAIL_ADDRESS", "IP_ADDRESS"}
        and "PHONE" not in entity
        and "PATH" not in entity
    ):
        assert re.sub(r"\w", "x", token) == re.sub(r"\w", "x", value)
    assert token.isupper() == value.isupper() or entity != "ID"


@pytest.mark.parametrize(("value", "entity", "valid"), CASES)
def test_what_sticks_to_a_stand_in_makes_it_another_thing(value, entity, valid):
    assert valid
    token = mint(value, entity)
    if "PATH" in entity:
        return
    for text in (f"{token}1", f"{token}x"):
        assert KEYS.ours_in(text) == []
    if not token.startswith(("+", "(")):
        for text in (f"x{token}", f"1{token}"):
            assert KEYS.ours_in(text) == []


def test_a_path_proves_its_extension():
    with_one, without = mint("/home/jane/a.txt", "FILE_PATH"), mint("/home/jane/a", "FILE_PATH")
    for token, text in (
        (with_one, f"{with_one}."),
        (without, f"{without}.Then"),
        (without, f"{without}/more"),
    ):
        (hit,) = KEYS.ours_in(text)
        assert hit.token == token
    assert KEYS.ours_in(with_one.replace(".txt", ".doc")) == []


@pytest.mark.parametrize(
    ("value", "entity"),
    [
        ("Jane", "PERSON"),
        ("", "ID"),
        ("x.y", "IP_ADDRESS"),
        ("3 May 1980", "DATE_OF_BIRTH"),
        ("a/b", "FILE_PATH"),
    ],
)
def test_a_value_without_a_family_has_no_stand_in(value, entity):
    assert standins.family(value, entity) is None


@settings(deadline=None)
@given(st.text("0123456789abcdef:-./@ +()9", max_size=60))
def test_any_text_is_searched_without_a_fault(text):
    for start, end in standins.find(text, lambda *_: True):
        assert 0 <= start < end <= len(text)
        assert standins.looks_like(text)


def test_every_match_holds_a_hint():
    for value, entity, _ in CASES:
        token = mint(value, entity)
        family = standins.family(value, entity)
        assert family in FAMILIES
        assert any(hint in token for hint in family.hints)
        assert family.pattern.fullmatch(token)


@pytest.mark.parametrize(
    "text",
    [
        "+49 212 555 0123",  # of Solingen
        "+49 (212) 555-0123",
        "212-555-0123-4567",
        "DE82 9999 1234 0000 5678 12",  # the middle passes Luhn
        "AB12 9999-1234-0000-5678-9012",
        "0711-2911-12-05",
        "05-12-2911-07",
    ],
)
def test_part_of_a_longer_number_is_no_stand_in(text):
    """What is taken for ours hides from detectors."""
    assert KEYS.ours_in(text) == []


def test_a_stand_in_that_was_just_issued_is_known_wherever_it_stands():
    text = "7 212-555-0123 8"
    assert KEYS.ours_in(text) == []
    (hit,) = KEYS.ours_in(text, ["212-555-0123", "PERSON_bcdfghjkmnpqrstvwx"])
    assert text[hit.start : hit.end] == "212-555-0123"
    assert KEYS.ours_in("x212-555-0123", ["212-555-0123"]) == []
