"""Every rule's own proof, and what the loader refuses."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import regex
from support.thorough import FULL

from gateway.detectors import Engine
from gateway.detectors.secret_checks import (
    entropy,
    is_likely,
    is_marked,
    is_mixed,
    is_placeholder,
    is_random,
)
from gateway.detectors.secret_rules import FOLDER, Rule, expand, load_rules, shape
from gateway.documents import DocumentError

RULES = load_rules()
FILLER = "a line of plain words that says nothing much at all\n"


def detectors(engine: Engine, text: str) -> set[str]:
    result = engine.scan(text)
    assert result.failures == ()
    return {m.detector.removeprefix("secret:") for m in result.matches}


def entities(engine: Engine, text: str) -> set[str]:
    return {m.entity for m in engine.scan(text).matches}


PLACES = (505, 470, 430)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_finds_its_hits(engine: Engine, rule: Rule):
    for number, template in enumerate(rule.found()):
        rng = random.Random(f"{rule.id}{number}")
        by_hand = template in rule.hits  # what follows from a form follows the same way each time
        for _ in range(3 if by_hand else 1):
            hit = expand(template, rng)
            assert rule.entity in entities(engine, hit), template
        # Wherever it stands: at the end of a block, and over the end of one.
        for before in PLACES if by_hand and FULL else PLACES[number % 3 :][:1]:
            text = (FILLER * 12)[:before] + "\n" + hit + "\n" + FILLER
            assert rule.entity in entities(engine, text), (template, before)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_leaves_its_misses_alone(engine: Engine, rule: Rule):
    rng = random.Random(rule.id)
    for template in rule.passed():
        assert rule.id not in detectors(engine, expand(template, rng)), template


def test_a_value_of_each_form_is_taken_to_its_end():
    """Where one form begins as another does, the shorter must not leave the rest standing."""
    left = []
    for rule in RULES:
        pattern = regex.compile(rule.pattern())
        for form in rule.form:
            for number in range(3):
                value = expand(form, random.Random(f"{form}{number}"))
                text = f"{rule.names[0]}={value} " if rule.names else f"{value} "
                found = pattern.search(text)
                if found is None or found.end() != len(text) - 1:
                    left.append((rule.id, form))
    assert left == []


def test_there_are_many_kinds():
    assert len({rule.entity for rule in RULES}) >= 500


def test_what_ships_is_proved():
    assert load_rules(FOLDER) == RULES


RULE = """
rules:
  - id: my-token
    entity: MY_TOKEN
    title: My token
    regex: 'my_[a-z]{8}'
    hits: ['my_<<lower:8>>']
    misses: ['my_<<lower:2>>']
"""


def write(folder: Path, text: str) -> Path:
    (folder / "x.yaml").write_text(text)
    return folder


def test_a_good_rule_loads(tmp_path):
    (rule,) = load_rules(write(tmp_path, RULE))
    assert rule.entity == "MY_TOKEN"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("    hits: ['my_<<lower:8>>']\n", "", "key `hits` is missing"),
        ("regex: 'my_[a-z]{8}'", "names: [my]", "give one of `regex` and `form`"),
        ("title:", "names: [my]\n    title:", "`names` needs `form`"),
        ("    misses: ['my_<<lower:2>>']\n", "", "key `misses` is missing"),
        ("hits: ['my_<<lower:8>>']", "hits: []", "key `hits` is missing"),
        ("my_[a-z]{8}", "my_[a-z{8}", "no regular expression"),
        ("my_[a-z]{8}", "(?:my)?", "match everywhere"),
        ("<<lower:8>>", "<<lowr:8>>", "unknown blank"),
        ("title:", "titel:", "did you mean `title`?"),
    ],
)
def test_a_rule_that_cannot_be_proved_does_not_load(tmp_path, old, new, says):
    assert old in RULE
    with pytest.raises(DocumentError, match=r"x\.yaml:\d+:\d+: ") as error:
        load_rules(write(tmp_path, RULE.replace(old, new)))
    assert says in str(error.value)


def test_an_id_is_taken_once(tmp_path):
    (tmp_path / "y.yaml").write_text(RULE)
    with pytest.raises(DocumentError, match="exists already"):
        load_rules(write(tmp_path, RULE))


@pytest.mark.parametrize(
    "value",
    ["changeme", "<your-key>", "${VAR}", "xxxxxxxx", "YOUR_API_KEY", "********", "example-key-123",
     "{{ secrets.KEY }}", "%(password)s", "password", "none", "1234567890", "aaaaaaaaaa"],
)  # fmt: skip
def test_placeholders_are_no_secrets(value):
    assert is_placeholder(value)


def test_samples_are_no_placeholders():
    rng = random.Random(1)
    samples = [expand("<<alnum:32>>", rng) for _ in range(2000)]
    assert sum(map(is_placeholder, samples)) <= 2
    assert entropy("aaaa") == 0
    assert entropy("") == 0
    assert 1.9 < entropy("abcd") <= 2


@pytest.mark.parametrize(
    ("value", "drawn"),
    [
        ("<<alnum:32>>", True),
        ("<<hex:32>>", True),
        ("<<uuid>>", True),
        ("<<base64:44>>", True),
        ("acm-<<uuid>>", True),
        ("acm_live_<<hex:40>>", True),
        ("abcdefghijklmnopqrstuvwxyz123456", True),
        ("step123456", False),
        ("app-v2-tls-cert-3", False),
        ("text-embedding-3-large", False),
        ("getUserTokenFromHeader2", False),
        ("config.auth.token2", False),
        ("2024-05-01T12:00:00", False),
        ("sha256:<<hex:64>>", False),
    ],
)
def test_drawn_values_are_told_from_names(value, drawn):
    uuid = "<<hex:8>>-<<hex:4>>-<<hex:4>>-<<hex:4>>-<<hex:12>>"
    rng = random.Random(7)
    for _ in range(20):
        sample = expand(value.replace("<<uuid>>", uuid), rng)
        assert is_random(sample) is drawn, sample


@pytest.mark.parametrize(
    ("value", "likely"),
    [
        ("copper-garden-torino", True),
        ("copper.garden.torino.snow", True),
        ("login-form-input", False),
        ("copper-garden", False),
        ("copper-garden-copper", False),
        ("Harbor2031!", True),
        ("Windows2019", False),
        ("HARBOR2031", False),
        ("Kx+Harbor7", True),
        ("x+harbor7", False),
        ("harbor", False),
    ],
)
def test_passwords_of_words_are_told_from_names(value, likely):
    assert is_likely(value) is likely


def test_letters_in_no_order_are_a_password_and_names_are_none():
    assert is_mixed("wXLjETzufSFoOqwUA")
    assert not any(map(is_mixed, ("getUserTokenFromHeader", "DataBaseNameOfTest", "harborharbor")))


@pytest.mark.parametrize(
    ("value", "marked"),
    [
        ("acm_<<alnum:36>>", True),
        ("ACMPAT-<<alnum:43>>", True),
        ("acme.pt.dev.<<alnum:43>>", True),
        ("<<alnum:40>>", False),
        ("resp_<<hex:48>>", False),
        ("user_<<upperalnum:32>>", False),
        ("image-<<loweralnum:40>>", False),
        ("test_NamesOfTestsAreLongAndSayWhatTheyAreAboutIn2Words", False),
        ("Acm_<<alnum:36>>", False),
    ],
)
def test_marked_keys_are_told_from_identifiers(value, marked):
    rng = random.Random(11)
    found = [is_marked(expand(value, rng)) for _ in range(200)]
    assert found.count(marked) >= 192


@pytest.mark.parametrize(
    "template",
    ["<<hex:32>>", "acme_<<alnum:20-40>>", "<<digit:8>>:<<urlsafe:35>>", "a/<<base64:40>>="],
)
def test_a_form_matches_what_it_expands_to_and_nothing_longer(template):
    rng = random.Random(3)
    pattern = regex.compile(shape(template))
    for _ in range(50):
        sample = expand(template, rng)
        match = pattern.search(f"key {sample} end")
        assert match is not None
        assert match[0] == sample
        if not template.endswith("="):
            assert pattern.search(f"x{sample}" + "9" * 40) is None


def test_web_tokens_say_what_they_are(engine: Engine):
    def told(claims: str, head: str = '{"alg":"HS256"}') -> set[str]:
        parts = f"<<base64json:{head}>>.<<base64json:{claims}>>.<<urlsafe:43>>"
        return entities(engine, expand(parts, random.Random(2)))

    assert told('{"iss":"i","sub":"a"}') == {"JWT"}
    assert told('{"iss":"i","nonce":"n"}') == {"JWT", "ID_TOKEN"}
    assert told('{"iss":"i","scope":"read"}') == {"JWT", "ACCESS_TOKEN"}
    assert told('{"typ":"Refresh","sub":"a"}') == {"JWT", "REFRESH_TOKEN"}
    assert told('{"role":"service_role"}') == {"JWT", "SUPABASE_SERVICE_KEY"}
    assert told('{"iss":"kubernetes/serviceaccount"}') == {"JWT", "KUBERNETES_CREDENTIAL"}
