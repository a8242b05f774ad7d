"""The policies that ship, against the catalogue and the detectors that ship."""

import re
import typing
from datetime import date
from pathlib import Path

import pytest
import yaml
from support.gateway import KEY, patterns

from gateway import documents
from gateway.coaching import lessons
from gateway.content.reading import FACTS
from gateway.detectors import Engine, Settings, detector_names, entity_names, groups
from gateway.model import (
    Act,
    Exchange,
    Locator,
    PartKind,
    Role,
    Route,
    Scan,
    Unread,
    UnreadReason,
    Verdict,
)
from gateway.policy import Vocabulary, compile_text, evaluate, exceptions, load, run_cases, untested
from gateway.policy.cases import CasesDocument
from gateway.policy.document import FILE_FACTS, FileConditions, PolicyDocument, Rule, Unless, When
from gateway.policy.words import UnreadWord
from gateway.protocols import names
from gateway.services import CATEGORIES, Catalogue
from gateway.services import vocabulary as facts

PACKS = Path(__file__).parents[2] / "policies"


@pytest.fixture(scope="module")
def catalogue():
    return Catalogue.load()


@pytest.fixture(scope="module")
def vocabulary(catalogue):
    return Vocabulary(
        services={service.id: service.category for service in catalogue.services()},
        categories=frozenset(CATEGORIES),
        operations=frozenset(catalogue.operations()),
        facts={name: frozenset(words) if words else None for name, words in facts().items()},
        entities=entity_names(),
        groups=groups(),
        detectors=detector_names(),
        protocols=frozenset(names()),
        lessons=lessons.names(),
    )


@pytest.fixture(scope="module")
def packs(vocabulary):
    return load(PACKS, vocabulary)


@pytest.fixture(scope="module")
def results(packs, catalogue, tmp_path_factory):
    engine = Engine.build(Settings(), key=KEY, cache_dir=patterns())

    def route_of(service, operation):
        known = catalogue.get(service)
        if known is None:
            return None
        chosen = [item for item in known.operations if item.id == operation]
        return known.route(chosen[0]) if chosen else known.route()

    def scan_text(text, label):
        return engine.scan(text, label=label).matches

    return run_cases(PACKS, packs, scan_text, route_of=route_of)


def test_all_cases_of_the_packs_pass(results):
    assert len(results) > 60
    assert [str(result) for result in results if not result.passed] == []


def test_every_rule_of_the_packs_has_a_case_that_makes_it_match(packs, results):
    assert untested(packs, results) == ()


def test_every_pack_has_its_cases_beside_it(packs):
    for source in packs.sources:
        assert Path(source).with_name(Path(source).stem + "_test.yaml").exists()


def test_every_rule_that_stops_or_changes_something_says_what_to_do(packs):
    for rule in packs.rules:
        if rule.mode == "enforce" and rule.action >= Verdict.REDACT:
            assert 20 < len(rule.message) < 250, rule.id
            assert rule.message.endswith("."), rule.id


def _decide(packs, scan, **changes):
    values = {
        "service": "openai-api",
        "category": "chat",
        "operation": "chat_completions",
        "act": Act.PROMPT,
        "protocol": "openai",
        "facts": {},
    }
    exchange = Exchange(
        id="x",
        received_at=0.0,
        actor="a",
        source_ip="192.0.2.1",
        method="POST",
        scheme="https",
        host="api.openai.com",
        port=443,
        target="/",
        headers=(),
        body=b"",
    )
    return evaluate(packs, exchange, Route(**{**values, **changes}), scan)


@pytest.mark.parametrize("reason", UnreadReason)
def test_the_packs_decide_every_reason_for_not_reading(packs, reason):
    """Whatever it is, what nobody could read and nobody described does not leave."""
    scan = Scan(unread=(Unread(Locator("body"), reason, 10),))
    assert _decide(packs, scan).verdict is Verdict.BLOCK


def test_a_clean_request_is_nobodys_business(packs, catalogue):
    for service in catalogue.services():
        outcome = _decide(packs, Scan(), service=service.id, category=service.category)
        assert outcome.monitored is Verdict.ALLOW, service.id


EXAMPLES = re.findall(
    r"```yaml\n(.*?)```", (PACKS.parent / "docs" / "policies.md").read_text("utf-8"), re.DOTALL
)


@pytest.mark.parametrize("example", EXAMPLES)
def test_what_the_guide_shows_is_sound(example, vocabulary):
    value = yaml.safe_load(example)
    if "cases" in value:
        documents.load(example, CasesDocument, source="guide")
        return
    rule = {"id": "shown", "action": "redact", "when": {"entity_group": "pii"}}
    if "version" not in value:
        conditions = {key: item for key, item in value.items() if key in When.model_fields}
        rule |= {key: item for key, item in value.items() if key in Rule.model_fields}
        rule["when"] = {**rule["when"], **conditions}
        groups = value.get("entity_groups", {})
        value = {"version": 1, "rules": [rule], "entity_groups": groups}
    # The guide's numbers stand for real ones; `...` does not parse, so nothing is left out.
    if "overrides" in value:
        documents.load(example, PolicyDocument, source="guide")
        return
    compile_text(yaml.safe_dump(value), vocabulary, source="guide")


def test_the_guide_overrides_rules_that_ship(packs):
    shipped = {rule.id for rule in packs.rules}
    (shown,) = (yaml.safe_load(text) for text in EXAMPLES if "overrides" in text)
    assert set(shown["overrides"]) <= shipped


def test_the_guide_names_every_condition():
    guide = (PACKS.parent / "docs" / "policies.md").read_text("utf-8")
    keys = {*When.model_fields, *Unless.model_fields, *FileConditions.model_fields}
    words = {*typing.get_args(UnreadWord.__value__), *PartKind, *Role, *Act}
    assert [word for word in sorted({*keys, *words}) if f"`{word}" not in guide] == []


def test_policy_can_ask_for_every_fact_of_a_file():
    assert {*FILE_FACTS, "mismatch"} == set(FACTS)
    assert set(FileConditions.model_fields) >= set(FACTS)


def test_no_shipped_exception_ends(packs):
    """Nobody is to find out by an exception that ends that the pack has changed."""
    found = exceptions.notices(packs, date(2100, 1, 1))
    assert {notice.kind for notice in found} <= {"incomplete"}
