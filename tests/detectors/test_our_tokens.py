"""Is anything found in our own tokens? Not once they are blanked; and raw ones look like little."""

import pytest

from gateway.redaction.tokens import Keys, Minter

KEYS = Keys({"a": b"k" * 32})
PLACES = (
    "Please write to {} about the contract.",
    '{{"customer": "{}", "id": 7}}',
    "name,{},2024",
    "- {}: called on Monday",
    "x = lookup('{}')  # {}",
    "Authorization of {} by {}",
)
TAINTED = ("password = {}", "api_key: {}", 'token="{}"', "Kunde: {}", "SSN {}")
VALUES = [
    ("Jane Roe {}", "PERSON"),
    ("jane{}@acme.com", "EMAIL_ADDRESS"),
    ("10.1.2.{}", "IP_ADDRESS"),
    ("41111111111{}", "CREDIT_CARD"),
    ("+49 30 {}", "PHONE_NUMBER"),
    ("/home/jane/{}.txt", "FILE_PATH"),
    ("123e4567-e89b-12d3-a456-4266141{:05d}", "UUID"),
    ("1980-02-03", "DATE_OF_BIRTH"),
    ("078-05-1{:03d}", "US_SSN"),
]


def tokens(shape, count=40):
    minter = Minter(KEYS, {"actor": "a", "conversation": "c", "organisation": ""})
    for number in range(count):
        for value, entity in VALUES:
            yield minter.mint(
                value.format(number), entity, shape=shape, scope="actor", free=lambda _: True
            )


def found(engine, text, token):
    """Findings that touch a token."""
    out = []
    for match in engine.scan(text).matches:
        at = text.find(token)
        while at >= 0:
            if match.start < at + len(token) and at < match.end:
                out.append(match.entity)
            at = text.find(token, at + 1)
    return out


@pytest.mark.parametrize("shape", ["opaque", "similar"])
def test_nothing_is_found_where_tokens_are_blanked(engine, shape):
    for token in tokens(shape, 5):
        for place in (*PLACES, *TAINTED):
            text = place.format(token, token)
            blanked = text
            for hit in KEYS.ours_in(text):
                blanked = blanked[: hit.start] + " " * (hit.end - hit.start) + blanked[hit.end :]
            assert token not in blanked
            assert [
                some
                for some in engine.scan(blanked).matches
                if not text[some.start : some.end].strip()
            ] == []


def test_raw_opaque_tokens_look_like_nothing_in_running_text(engine):
    some = [place.format(token, token) for token in tokens("opaque", 4) for place in PLACES]
    touched = [
        entity
        for text in some
        for token in {hit.token for hit in KEYS.ours_in(text)}
        for entity in found(engine, text, token)
    ]
    # In every place: nothing that a detector of form, context or names takes for a value.
    assert touched == []
