"""What may be a secret, and what tells of one: by form alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.detectors.secret_values import cues_in, values


def _kinds(text: str) -> list[tuple[str, str]]:
    return [(text[cue.start : cue.end], cue.kind) for cue in cues_in(text, 0, len(text))]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the Password, please", [("Password", "password")]),
        ("das Initialpasswort", [("Initialpasswort", "password")]),
        ("mot de passe", [("mot de passe", "password")]),
        ("пароля нет", [("пароля", "password")]),
        ("the door code", [("door code", "pin")]),
        ("our API key", [("API key", "key")]),
        ("DB_PASSWORD is unset", [("PASSWORD", "named")]),
        ("the compass and the spin", []),
        ("def f():\n    pass\n", []),
    ],
)
def test_words_for_secrets_are_known_by_kind(text: str, found: list[tuple[str, str]]) -> None:
    assert _kinds(text) == found


@pytest.mark.parametrize(
    "value",
    ["Sommer2031", "garden77", "xK9#vLq2", "copper-garden-torino", "4711", "bella_RIPPLE85!"],
)
def test_what_people_and_machines_make_up_may_be_a_secret(value: str) -> None:
    text = f"it is {value}, you know"
    assert [text[v.start : v.end] for v in values(text, 0, len(text))] == [value]


@pytest.mark.parametrize(
    "value",
    [
        "garden", "2031-03-14", "10.20.4.17", "v1.28.3", "12-character", "eva@acme.example", "/etc/app2/key",
        "notes_v3.pdf", "OPS-1182", "SHA256", "--ask-pass2", "https://acme.example/a1", "DB_PASSWORD2_FILE", "315-0218", "8GB",
        "database\\&", "read\\-only", "Bug#74106", "PKCS#12", "libstdc++/94933", "gtk+-2/pinentry-gtk-2.c",
        "20210814", "11011", "1:4.13+dfsg1-1+b1", "21-Jun-2013", "!password", "username@host", "Mode=ro", ".gitattributes", "git~1/config",
        "crypto_pwhash_scrypt*", "9AA9BDB11BB1B99A21285A330664A76954265E8C",
    ],
)  # fmt: skip
def test_words_numbers_with_a_unit_and_references_are_no_secrets(value: str) -> None:
    text = f"it is {value}, you know"
    assert list(values(text, 0, len(text))) == []


@pytest.mark.parametrize("text", ["it is ********e*com", "password = '***e*com'"])
def test_what_somebody_took_out_is_no_secret(text: str) -> None:
    assert list(values(text, 0, len(text))) == []


@pytest.mark.parametrize("text", ["it is ****Sommer2031****", "it is ****Sommer2031****."])
def test_stars_all_around_are_no_mask(text: str) -> None:
    assert [text[v.start : v.end] for v in values(text, 0, len(text))] == ["Sommer2031"]


def test_words_in_a_row_are_one_value_where_a_phrase_is_told_of() -> None:
    text = "the passphrase is copper garden torino snow since May"
    row = next(values(text, 0, len(text)))
    assert text[row.start : row.end].startswith("copper garden torino snow")


@given(st.text(max_size=400), st.integers(0, 400), st.integers(0, 400))
def test_values_and_words_lie_in_what_is_asked(text: str, start: int, end: int) -> None:
    start, end = sorted((min(start, len(text)), min(end, len(text))))
    assert all(start <= value.start < end for value in values(text, start, end))
    assert all(start <= cue.start < cue.end <= end for cue in cues_in(text, start, end))
