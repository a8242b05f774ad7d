"""Every rule's own proof, wrong check digits, and what the loader refuses."""

from __future__ import annotations

import random
import string
from pathlib import Path

import pytest
import regex

from gateway.detectors import Engine
from gateway.detectors.checksums import CHECKS
from gateway.detectors.identifier_rules import FOLDER, Rule, load_rules, sample
from gateway.detectors.samples import expand
from gateway.documents import DocumentError

RULES = load_rules()
FILLER = "a line of plain words that says nothing much at all\n"


def detectors(engine: Engine, text: str) -> set[str]:
    result = engine.scan(text)
    assert result.failures == ()
    return {m.detector.removeprefix("id:") for m in result.matches}


def entities(engine: Engine, text: str) -> set[str]:
    return {m.entity for m in engine.scan(text).matches}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_finds_its_hits(engine: Engine, rule: Rule):
    for number, template in enumerate(rule.hits):
        rng = random.Random(f"{rule.id}{number}")
        for _ in range(3):
            hit = sample(rule, template, rng)
            assert rule.entity in entities(engine, hit), hit
        # Wherever it stands: at the end of a block, and over the end of one.
        for before in (430, 470, 505):
            text = (FILLER * 12)[:before] + "\n" + hit + "\n" + FILLER
            assert rule.entity in entities(engine, text), (template, before)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_leaves_its_misses_alone(engine: Engine, rule: Rule):
    rng = random.Random(rule.id)
    for template in rule.misses:
        miss = expand(template, rng)
        assert rule.id not in detectors(engine, miss), miss


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.check is not None], ids=lambda rule: rule.id
)
def test_a_wrong_check_digit_is_left_alone(engine: Engine, rule: Rule):
    rng = random.Random(rule.id)
    pattern = regex.compile(rule.regex)
    for _ in range(5000):
        text = mutated(pattern, sample(rule, rng.choice(rule.hits), rng), rng)
        values = [text[slice(*rule.value(match))] for match in pattern.finditer(text)]
        if values and not any(CHECKS[rule.check](value) for value in values):
            break
    else:
        pytest.fail("no change of a few characters fails the check: it checks nothing")
    assert rule.id not in detectors(engine, text), text


def mutated(pattern: regex.Pattern[str], text: str, rng: random.Random) -> str:
    """`text` with one to three characters of what `pattern` matches changed for others alike."""
    changed = list(text)
    places = [at for m in pattern.finditer(text) for at in range(*m.span()) if text[at].isalnum()]
    for at in rng.sample(places, min(len(places), rng.randint(1, 3))):
        for alphabet in (string.digits, string.ascii_uppercase, string.ascii_lowercase):
            if text[at] in alphabet:
                changed[at] = rng.choice(alphabet)
    return "".join(changed)


def test_there_are_many_kinds():
    assert len({rule.entity for rule in RULES}) >= 140
    assert len({rule.country for rule in RULES}) >= 50


@pytest.mark.parametrize(
    ("label", "value", "entity"),
    [
        ("customerCpf", "<<digit:11>>", "BR_CPF"),
        ("bsn", "<<digit:9>>", "NL_BSN"),
        ("medical_record_number", "<<digit:8>>", "MEDICAL_RECORD_NUMBER"),
        ("date_of_birth", "<<date:%Y-%m-%d>>", "DATE_OF_BIRTH"),
        ("employeeId", "E<<digit:5>>", "EMPLOYEE_ID"),
    ],
)
def test_the_label_of_a_field_is_context(engine: Engine, label: str, value: str, entity: str):
    rule = next(r for r in RULES if r.entity == entity and not r.alone)
    rng = random.Random(entity)
    text = sample(rule, value, rng)
    assert entity in {m.entity for m in engine.scan(text, label=label).matches}
    assert entity not in entities(engine, text)


def test_what_ships_is_proved():
    assert load_rules(FOLDER) == RULES


RULE = """
rules:
  - id: my-number
    entity: BR_CPF
    country: br
    regex: '\\b\\d{11}\\b'
    check: br_cpf
    context: [cpf]
    hits: ['cpf <<digit:11>>']
    misses: ['no <<digit:11>>']
"""


def write(folder: Path, text: str) -> Path:
    (folder / "x.yaml").write_text(text)
    return folder


def test_a_good_rule_loads(tmp_path):
    (rule,) = load_rules(write(tmp_path, RULE))
    assert rule.country == "br"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("    hits: ['cpf <<digit:11>>']\n", "", "key `hits` is missing"),
        ("    misses: ['no <<digit:11>>']\n", "", "key `misses` is missing"),
        ("check: br_cpf", "check: br_cpv", "did you mean `br_cpf`?"),
        ("entity: BR_CPF", "entity: BR_CPV", "did you mean `BR_CPF`?"),
        ("    context: [cpf]\n", "", "can have no effect"),
        ("context: [cpf]", "context: ['-']", "can have no effect"),
        ("context: [cpf]", "confidence: 0.2", "greater than or equal to 0.4"),
        ("context: [cpf]", "alone: true\n    within: 5", "`within` has no effect"),
        ("\\b\\d{11}\\b", "(\\d{11}", "no regular expression"),
        ("\\b\\d{11}\\b", "\\d*", "match everywhere"),
        ("'cpf <<digit:11>>'", "'cpf <<digits:11>>'", "unknown blank"),
        ("'cpf <<digit:11>>'", "'cpf <<mrz:TD9>>'", "unknown blank"),
        ("country: br", "county: br", "did you mean `country`?"),
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


def test_a_hit_that_no_draw_makes_valid_is_told():
    rule = next(rule for rule in RULES if rule.id == "cn-resident-id")
    with pytest.raises(ValueError, match="never passes the check"):
        sample(rule, "nothing in the shape of it", random.Random(1))
