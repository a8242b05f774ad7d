"""The name of a field tells of the secret in it."""

from __future__ import annotations

import random

import pytest

from gateway.detectors import labels
from gateway.detectors.secret_rules import expand


@pytest.mark.parametrize(
    ("label", "template"),
    [
        ("password", "<<symbol:12>>"),
        ("userPassword", "<<alnum:10>>"),
        ("db_pass", "<<symbol:14>>"),
        ("Passwort", "<<symbol:12>>"),
        ("api_key", "<<hex:32>>"),
        ("apiKey", "<<alnum:40>>"),
        ("client_secret", "<<alnum:32>>"),
        ("deepgram_api_key", "<<hex:40>>"),
        ("auth-token", "<<alnum:32>>"),
    ],
)
def test_a_value_alone_is_found_by_its_label_and_stands_where_it_stood(engine, label, template):
    value = expand(template, random.Random(5))
    (match, *_) = engine.scan(value, label=label).matches
    assert (match.start, match.end) == (0, len(value))
    assert match.detector.startswith("secret:")


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("password", "string"),
        ("password", "Enter your password here, at least 12 characters"),
        ("password", "${DB_PASSWORD}"),
        ("password", "[PASSWORD]"),
        ("passport", "of the user"),
        ("api_key", "<your-key>"),
        ("apiKey", "OPENAI_API_KEY"),
        ("secret", "true"),
        ("secretName", "app-tls"),
        ("next_page_token", "".join(f"{n:x}" for n in range(20))),
        ("password_hint", "name of the first dog"),
    ],
)
def test_what_is_none_stays_none_with_a_label(engine, label, text):
    assert [m for m in engine.scan(text, label=label).matches if "secret:" in m.detector] == []


def test_only_a_telling_label_costs_a_second_look():
    assert labels.said("content", "x") is None
    assert labels.said("", "x") is None
    assert labels.said("password", "a\nb") is None
    assert labels.said("password", "a\"'") is None
    assert labels.said("password", 'a"b') == ("password: 'a\"b'", 11)
