"""Values that documentation shows are told from real ones as a whole, and as a policy wants."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from support.gateway import KEY

from gateway.detectors import Engine, Settings
from gateway.detectors.examples import Examples, _file
from gateway.evaluation import load_corpus

CORPUS = Path(__file__).parent.parent / "corpus" / "benign" / "examples.jsonl"


def token(payload, signature):
    parts = ({"alg": "HS256", "typ": "JWT"}, payload)
    coded = (
        urlsafe_b64encode(json.dumps(part, separators=(",", ":")).encode()).rstrip(b"=").decode()
        for part in parts
    )
    return ".".join((*coded, signature))


JWT_IO = token(
    {"sub": "1234567890", "name": "John Doe", "iat": 1516239022},
    "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV" + "_adQssw5c",
)

CASES = [
    ("US_SSN", "219-09-9999", "219-09-9998"),
    ("CREDIT_CARD", "4111 1111-1111 1111", "4111 1111 1111 1129"),
    ("IBAN_CODE", "gb82 west 1234 5698 7654 32", "GB29 WEST 1234 5698 7654 33"),
    ("CRYPTO", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"),
    ("EMAIL_ADDRESS", "a@mail.example.com", "a@myexample.com"),
    ("EMAIL_ADDRESS", "a@host.test", "a@contest"),
    ("URL", "https://u:p@www.example.org:80/x", "https://www.example.org.evil.com/"),
    ("IP_ADDRESS", "198.51.100.9", "198.51.101.9"),
    ("IP_ADDRESS", "2001:db8:1::1/64", "2001:db9::1"),
    ("MAC_ADDRESS", "00-00-5e-00-53-af", "00:00:5e:00:54:00"),
    ("PHONE_NUMBER", "+1 (212) 555-0142", "(212) 555-1142"),
    ("PHONE_NUMBER", "212.555.0142", "212.555.0242"),
    ("PHONE_NUMBER", "+44 (0)20 7946 0958", "020 7946 1958"),
    ("PHONE_NUMBER", "+33 6 39 98 12 34", "06 39 99 12 34"),
    ("PHONE_NUMBER", "0491 570 156", "0491 570 155"),
]
ALWAYS = {"US_SSN"}


@pytest.mark.parametrize(("entity", "example", "real"), CASES)
def test_an_example_is_one_as_a_whole(entity, example, real):
    assert Examples("all").hold(entity, example)
    assert not Examples("all").hold(entity, real)
    assert Examples("secrets").hold(entity, example) is (entity in ALWAYS)
    assert not Examples("none").hold(entity, example)


def test_published_tokens_are_known_by_their_digest():
    for mode in ("secrets", "all"):
        assert Examples(mode).hold("JWT", JWT_IO)
        assert Examples(mode).hold("BEARER_TOKEN", JWT_IO)
        assert not Examples(mode).hold("JWT", JWT_IO + "x")
        assert not Examples(mode).hold("PERSON", JWT_IO)
    assert not Examples("none").hold("JWT", JWT_IO)
    assert not Examples("all").hold("JWT", "\ud800")


def test_digests_are_digests_and_have_sources():
    for secret in _file().secrets:
        assert len(bytes.fromhex(secret.sha256)) == hashlib.sha256().digest_size
        assert secret.source.startswith("https://")


@pytest.fixture(scope="module")
def quiet(cache):
    return Engine.build(Settings(ignore_examples="all"), key=KEY, cache_dir=cache)


def test_a_policy_can_ignore_every_example(quiet):
    loud = {document.id: quiet.scan(document.text).matches for document in load_corpus(CORPUS)}
    assert {name: them for name, them in loud.items() if them} == {}


def test_by_default_cards_addresses_and_phones_are_reported(engine):
    text = "card 4111 1111 1111 1111, mail ann@example.com, call (212) 555-0142"
    found = {match.entity for match in engine.scan(text).matches}
    assert found == {"CREDIT_CARD", "EMAIL_ADDRESS", "PHONE_NUMBER"}
    assert engine.scan(f"the token is {JWT_IO}, ssn 219-09-9999").matches == ()


def test_a_policy_can_report_every_example(cache, engine):
    loud = Engine.build(Settings(ignore_examples="none"), key=KEY, cache_dir=cache)
    found = {match.entity for match in loud.scan(f"the token is {JWT_IO}").matches}
    assert "JWT" in found
    assert loud.revision != engine.revision
