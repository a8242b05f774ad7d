"""Values near words for secrets: whether they are some, by what stands beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.detectors import Engine, Settings
from gateway.detectors.secret_judge import MODEL, NAME, Judge, about, group, seen
from gateway.detectors.secret_values import cues_in, values
from gateway.detectors.settings import Nlp
from gateway.documents import DocumentError


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.build(Settings(nlp=Nlp(engine="blank")), key=b"tests", cache_dir=None)


def _secrets(engine: Engine, text: str) -> list[str]:
    return [
        text[match.start : match.end]
        for match in engine.scan(text).matches
        if match.detector.startswith("secret:")
    ]


TOLD = [
    "There is a passcode on that sheet, and everybody here knows that {} opens it.",
    "After the move the new password turned out to be {} for all of us.",
    "Ich glaube, das Kennwort war mal {} oder so.",
    "Ils ont remplacé le mot de passe par {} hier.",
    "La contraseña que nos dieron fue {} y funciona.",
    "Kim: which password did they give you?\nLou: {}\nKim: thanks",
    "The password was changed last night. Everybody uses {} now.",
    "{} should be the password, if I remember it right.",
]


@pytest.mark.parametrize("wording", TOLD)
@pytest.mark.parametrize("value", ["Sommer" + "2031", "xK9#" + "vLq2w"])
def test_a_password_is_found_in_wordings_that_no_rule_has(
    engine: Engine, wording: str, value: str
) -> None:
    text = wording.format(value)
    assert any(value in found or found in value for found in _secrets(engine, text))


@pytest.mark.parametrize(
    "text",
    [
        "I forgot my password, my order number is 4711882.",
        "The password must have at least 12 characters since version 3.4.1.",
        "Das Passwort steht in der Datei notes_v3.pdf, siehe OPS-1182.",
        "Kim: which password did they give you?\nLou: ask the reception, ext 4711\nKim: thanks",
        "The password was changed last night. See INC0048213 for who did it.",
        "password = getpass.getpass('Password for user22: ')",
        "commit 1f3870be274f6c49b3e31a0c6728957f removes the password check",
        "Replace changeme with your password.",
    ],
)
def test_other_things_beside_a_word_for_a_password_are_none(engine: Engine, text: str) -> None:
    assert _secrets(engine, text) == []


def test_nothing_is_judged_without_a_word_for_a_secret(engine: Engine) -> None:
    assert _secrets(engine, "We met at Hafen" + "2031 and went on to xK9#" + "vLq2w.") == []


def test_what_is_disabled_is_not_found() -> None:
    text = "After the move the password turned out to be Sommer" + "2031 for all of us."
    settings = Settings(nlp=Nlp(engine="blank"), disabled=frozenset({"PASSWORD"}))
    quiet = Engine.build(settings, key=b"tests", cache_dir=None)
    assert _secrets(quiet, text) == []


def test_a_judged_finding_is_never_as_sure_as_one_with_a_form_of_its_own(engine: Engine) -> None:
    text = "After the move the password turned out to be xK9#" + "vLq2w for all of us."
    (found,) = (match for match in engine.scan(text).matches if match.detector == NAME)
    assert 0.5 < found.confidence < 0.9


def test_more_words_for_secrets_than_values_take_no_long_time(engine: Engine) -> None:
    assert _secrets(engine, "password " * 20_000) == []


def test_a_broken_model_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "secrets.json"
    broken.write_text(json.dumps({"weights": {"bias": "x"}, "least": {}}))
    with pytest.raises(DocumentError):
        Judge.load(broken)


def test_the_model_knows_each_group_of_forms() -> None:
    least = json.loads(MODEL.read_text())["least"]
    assert set(least) == {group(shape) for shape in ("pin4", "strong", "small", "hex")}


def test_what_is_seen_of_a_value_depends_on_what_is_near_only() -> None:
    text = "the password is Sommer" + "2031 for now"

    def told(whole: str) -> list[str]:
        (value,) = (v for v in values(whole, 0, len(whole)) if whole[v.start] == "S")
        cues = cues_in(whole, 0, len(whole))
        return seen(whole, value, about(cues, value)[1])

    far = "Nothing at all is told of here, line by line.\n" * 20
    assert told(f"{far}\n\n{text}\n\n{far}") == told(f"{far[:400]}\n\n{text}\n\n{far[:400]}")
