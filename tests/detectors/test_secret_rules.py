"""Every rule's own proof, and what the loader refuses."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from gateway.detectors import Engine
from gateway.detectors.secret_rules import Rule, entropy, expand, is_placeholder, load_rules
from gateway.documents import DocumentError

RULES = load_rules()
FILLER = "a line of plain words that says nothing much at all\n"


def detectors(engine: Engine, text: str) -> set[str]:
    result = engine.scan(text)
    assert result.failures == ()
    return {m.detector.removeprefix("secret:") for m in result.matches}


def entities(engine: Engine, text: str) -> set[str]:
    return {m.entity for m in engine.scan(text).matches}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_finds_its_hits(engine: Engine, rule: Rule):
    for number, template in enumerate(rule.hits):
        rng = random.Random(f"{rule.id}{number}")
        for _ in range(3):
            hit = expand(template, rng)
            assert rule.entity in entities(engine, hit), template
        # Wherever it stands: at the end of a block, and over the end of one.
        for before in (430, 470, 505):
            text = (FILLER * 12)[:before] + "\n" + hit + "\n" + FILLER
            assert rule.entity in entities(engine, text), (template, before)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_leaves_its_misses_alone(engine: Engine, rule: Rule):
    rng = random.Random(rule.id)
    for template in rule.misses:
        assert rule.id not in detectors(engine, expand(template, rng)), template


def test_there_are_many_kinds():
    assert len({rule.entity for rule in RULES}) >= 60


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
        ("    misses: ['my_<<lower:2>>']\n", "", "key `misses` is missing"),
        ("hits: ['my_<<lower:8>>']", "hits: []", "at least 1"),
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
