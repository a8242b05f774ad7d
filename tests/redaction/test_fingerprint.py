import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.detectors import catalogue
from gateway.redaction import fingerprint
from gateway.redaction.fingerprint import Shape, canonical, shape

KEY = b"k" * 32


@pytest.mark.parametrize(
    ("entity", "spellings"),
    [
        ("CREDIT_CARD", ["4111-1111-1111-1111", "4111 1111 1111 1111", "4111111111111111"]),
        ("CREDIT_CARD", ["4111 1111", "４１１１ １１１１", "4111\u200b1111"]),
        ("US_SSN", ["078-05-1120", "078051120", "078 05 1120"]),
        ("IBAN_CODE", ["de89 3704 0044", "DE8937040044"]),
        ("PHONE_NUMBER", ["+1 (415) 555-0100", "0014155550100", "1.415.555.0100"]),
        ("EMAIL_ADDRESS", ["Ann@Example.com", "ann@example.COM "]),
        ("PERSON", ["Ann  Smith", "ann smith", "ANN\nSMITH"]),
        ("DE_TAX_ID", ["65 929 970 489", "65929970489"]),
        ("LICENSE_PLATE", ["M-AB 1234", "m ab 1234", "MAB1234"]),
        ("UUID", ["A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc999c0b4ef8bb6d6bb9bd380a11"]),
        ("SWIFT_BIC", ["DEUT DE FF", "DEUTDEFF"]),
        ("CARD_EXPIRY", ["12/29", "12 / 29"]),
        ("KZ_IIN", ["850101 300123", "850101300123"]),
        ("SEED_PHRASE", ["Legal  winner thank", "legal winner\nthank"]),
        ("ZA_MOBILE_NUMBER", ["082 555 0100", "(082) 555-0100"]),
    ],
)
def test_spellings_of_one_value_have_one_fingerprint(entity, spellings):
    assert len({fingerprint(value, entity, key=KEY) for value in spellings}) == 1


@pytest.mark.parametrize(
    ("entity", "one", "other"),
    [
        ("CREDIT_CARD", "4111 1111", "4111 1112"),
        ("CLOUD_KEY", "abcDEF", "abcdef"),
        ("GITHUB_TOKEN", "a-b", "ab"),
        ("PERSON", "Ann Smith", "AnnSmith"),
        ("US_SSN", "---", "--"),
        ("NOBODY_KNOWS", "a b", "ab"),
    ],
)
def test_different_values_have_different_fingerprints(entity, one, other):
    assert fingerprint(one, entity, key=KEY) != fingerprint(other, entity, key=KEY)


def test_a_number_found_as_two_entities_is_one_value():
    number = "123-45-6789"
    assert fingerprint(number, "US_SSN", key=KEY) == fingerprint("123456789", "PASSPORT", key=KEY)


def test_the_key_decides_and_must_be_there():
    marks = {fingerprint("x", "PERSON", key=key) for key in (b"a", b"b", b"c" * 64, b"c" * 65)}
    assert len(marks) == 4
    with pytest.raises(ValueError, match="needs a key"):
        fingerprint("x", "PERSON", key=b"")


@pytest.mark.parametrize("entity", ["HF_TOKEN", "US_API_KEY", "PRIVATE_KEY", "DB_PASSWORD", "JWT"])
def test_secrets_are_exact(entity):
    assert shape(entity) is Shape.EXACT


@settings(max_examples=examples(200), deadline=None)
@given(
    st.text(alphabet=st.characters(), max_size=40),
    st.sampled_from(["US_SSN", "PHONE_NUMBER", "PERSON", "CLOUD_KEY"]),
)
def test_any_text_has_a_fingerprint_and_canonical_is_stable(value, entity):
    assert len(fingerprint(value, entity, key=KEY)) == 24
    assert canonical(canonical(value, entity), entity) == canonical(value, entity)


def test_a_lone_surrogate_stops_nothing():
    assert fingerprint("\ud800", "PERSON", key=KEY) != fingerprint("\udc00", "PERSON", key=KEY)


def test_what_tells_of_people_may_be_spelt_in_more_than_one_way():
    groups = catalogue.groups()
    exact = {
        entity
        for entity in catalogue.entity_names() - groups["secret"] - groups["company"]
        if shape(entity) is Shape.EXACT
    }
    # Letters of either case are different wallets; of the others nothing is known.
    assert exact == {"CERTIFICATE", "CRYPTO", "ID"}
