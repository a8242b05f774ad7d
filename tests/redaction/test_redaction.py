"""Scanning what was redacted finds none of it again: the law, with the real detectors."""

import pytest
from support.gateway import KEY, patterns
from support.thorough import FULL

from gateway.detectors import Engine, Settings, entity_names, groups
from gateway.redaction.operators import operator, take_out

VALUES = {
    "CREDIT_CARD": "4111 1111 1111 1111",
    "EMAIL_ADDRESS": "ann.miller@example.com",
    "IBAN_CODE": "DE89 3704 0044 0532 0130 00",
    "IP_ADDRESS": "198.51.100.20",
    "PERSON": "Annabel Miller",
    "PHONE_NUMBER": "+1 415 555 0132",
    "US_SSN": "536-90-" + "4399",
}
WHOLE = [
    ("replace", {}),
    ("replace", {"text": "(removed)"}),
    ("mask", {}),
    ("mask", {"char": "#"}),
    ("mask", {"length": 8}),
    ("hash", {}),
    ("hash", {"length": 32}),
]
PARTIAL = [
    ("partial", {"keep_last": 4}),
    ("partial", {"keep_first": 2, "keep_last": 2}),
    ("partial", {"keep_first": 8, "char": "#"}),
]
PLACES = [
    "{}",
    "My social security number is {}, ok?",
    "card {} of member id {}, phone {}",
    '{{"api_key": "{}", "password": "{}", "ssn": "{}"}}',
    "password = '{}'",
    "Authorization: Bearer {}",
]


@pytest.fixture(scope="module")
def engine():
    return Engine.build(Settings(), key=KEY, cache_dir=patterns())


def _found_again(engine, place, gone, *, names=True):
    """What is found where `gone` stands in `place`; a URL around it was there before."""
    text, spans = "", []
    for number, piece in enumerate(place.split("{}")):
        if number:
            spans.append((len(text), len(text) + len(gone)))
            text += gone
        text += piece.replace("{{", "{").replace("}}", "}")
    return [
        match.entity
        for match in engine.scan(text).matches
        if match.entity != "URL"
        and (names or match.detector != "names")
        and any(s < match.end and match.start < e for s, e in spans)
    ]


@pytest.mark.parametrize("call", WHOLE, ids=str)
def test_a_replacement_of_any_entity_is_found_as_nothing(engine, call):
    again = {}
    # What a hash looks like does not depend on the entity: a good number of them is enough.
    some = slice(None, None, 1 if call[0] == "replace" else 16)
    places = [*PLACES, "https://bob:{}@db.example.com/x?token={}"]
    entities = sorted({*sorted(entity_names())[some], *VALUES} & entity_names())
    for number, entity in enumerate(entities):
        gone = take_out(operator(*call), VALUES.get(entity, "536-90-4399"), entity, key=b"k")
        # Each entity in some place or other; all of them in every place takes long.
        in_all = FULL or call[0] != "replace" or entity in VALUES
        for place in places if in_all else [places[number % len(places)]]:
            if found := _found_again(engine, place, gone):
                again[entity, place] = found
    assert again == {}


@pytest.mark.parametrize("call", PARTIAL, ids=str)
@pytest.mark.parametrize("entity", VALUES)
def test_what_partial_leaves_is_not_found_again(engine, call, entity):
    assert entity not in groups()["secret"]
    gone = take_out(operator(*call), VALUES[entity], entity, key=b"k")
    for place in PLACES:
        # The beginning of a name that policy lets stand is a name.
        assert _found_again(engine, place, gone, names=False) == []
