import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.redaction import preview
from gateway.redaction.preview import COVER


@pytest.mark.parametrize(
    ("entity", "value", "shown"),
    [
        ("CREDIT_CARD", "4111-1111-1111-1234", f"{COVER}1234"),
        ("IBAN_CODE", "DE89 3704 0044 0532 0130 00", f"DE{COVER}00"),
        ("US_SSN", "078-05-1120", f"{COVER}20"),
        ("PHONE_NUMBER", "+1 415 555 0199", f"{COVER}99"),
        ("EMAIL_ADDRESS", "annabel@example.com", f"a{COVER}@{COVER}"),
        ("EMAIL_ADDRESS", "ann@example.com", COVER),
        ("EMAIL_ADDRESS", "no address", COVER),
        ("US_SSN", "1234567", COVER),
        ("PERSON", "Annabel Featherstonehaugh", COVER),
        ("GITHUB_TOKEN", "x" * 40, COVER),
        ("HF_TOKEN", "x" * 40, COVER),
        ("NOBODY_KNOWS", "1234567890123", COVER),
        ("US_SSN", "٣" * 12, COVER),
    ],
)
def test_what_a_preview_shows(entity, value, shown):
    assert preview(value, entity) == shown


@settings(max_examples=examples(300), deadline=None)
@given(
    st.text() | st.text(alphabet="0123456789abc-@. "),
    st.sampled_from(
        ["CREDIT_CARD", "IBAN_CODE", "US_SSN", "PHONE_NUMBER", "EMAIL_ADDRESS", "PERSON", "X_KEY"]
    ),
)
def test_a_preview_never_shows_more_than_four_characters_nor_half(value, entity):
    shown = [char for char in preview(value, entity) if char not in f"{COVER}@"]
    assert len(shown) <= min(4, len(value) // 2)
    assert not value or value not in preview(value, entity) or set(value) <= set(f"{COVER}@")
