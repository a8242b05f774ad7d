"""Every rule's own proof, and what the loader refuses."""

from __future__ import annotations

import random

import pytest

from gateway.detectors import Engine, Settings
from gateway.detectors.secret_rules import Rule, expand, load_rules

RULES = load_rules()
FILLER = "a line of plain words that says nothing much at all\n"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine.build(Settings(), key=b"test", cache_dir=tmp_path_factory.mktemp("patterns"))


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
