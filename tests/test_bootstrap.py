"""The stages together: what policies define is known wherever a name is used."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.gateway import warm

from gateway import bootstrap
from gateway.documents import DocumentError

OWN = r"""version: 1
detectors:
  custom:
  - entity: PROJECT_NAME
    keywords: [Bluebird]
    hits:
    - the bluebird budget
    - HIT
    misses: [bluebirds sing, MISS]
  - entity: TICKET
    regex: 'REGEX'
    hits: [foo bar 1]
    misses: [PRJ-1]
"""
RULES = """version: 1
rules:
- {id: ours, action: redact, when: {entity: PROJECT_NAME}}
- {id: tickets, action: log, when: {entity_group: company}}
detectors:
  min_confidence: {PROJECT_NAME: 0.8}
  disabled: [NAME]
"""
CASES = """version: 1
cases:
- name: the name of a project is taken out
  parts: [{text: Tell me about BLUEBIRD}]
  findings: [{entity: TICKET}]
  want: {verdict: redact, rules: [ours, tickets], redacts: [PROJECT_NAME]}
"""


def write(folder, *, hit="Bluebird!", miss="blue bird", regex="foo bar [0-9]", disabled="URL"):
    own = OWN.replace("HIT", hit).replace("MISS", miss).replace("REGEX", regex)
    (folder / "20-own.yaml").write_text(own)
    (folder / "10-rules.yaml").write_text(RULES.replace("[NAME]", f"[{disabled}]", 1))
    (folder / "10-rules_test.yaml").write_text(CASES)
    return folder


def test_entities_of_one_file_are_known_in_all_and_found(tmp_path):
    rules = bootstrap.load_rules(write(tmp_path))
    assert {"PROJECT_NAME", "TICKET", "US_SSN"} <= bootstrap.labels(rules)["entity"]
    assert rules.detectors.min_confidence == {"PROJECT_NAME": 0.8}
    engine = bootstrap.build_engine(rules.detectors, warm())
    (result,) = bootstrap.run_cases(tmp_path, rules, engine)
    assert result.passed, str(result)


@pytest.mark.parametrize(
    ("change", "place", "says"),
    [
        ({"hit": "bluebirds"}, "20-own.yaml:8:7", "does not find `bluebirds`"),
        ({"miss": "a bluebird"}, "20-own.yaml:9:30", "finds `bluebird` in `a bluebird`"),
        ({"regex": r"(\w+\s?)+$"}, "20-own.yaml:11:5", "takes too long"),
        ({"regex": "("}, "20-own.yaml:11:5", "no regular expression"),
        ({"disabled": "PROJECT"}, "10-rules.yaml:7:3", "unknown entity `PROJECT`"),
    ],
)
def test_a_detector_that_misbehaves_stops_the_load_at_its_place(tmp_path, change, place, says):
    with pytest.raises(DocumentError) as error:
        bootstrap.load_rules(write(tmp_path, **change))
    (problem,) = [str(one) for one in error.value.problems]
    assert place in problem
    assert says in problem


def test_rules_about_senders_are_known(tmp_path):
    (tmp_path / "p.yaml").write_text("""version: 1
rules:
- {id: all, action: log, when: {entity: US_SSN}}
- {id: bob, action: block, when: {actor: bob}}
- {id: interns, action: block, when: {group: interns}}
- {id: kiosks, action: block, when: {device: "kiosk-*"}}
- {id: nobody, action: block, when: {identified: false}}
""")
    rules = bootstrap.load_rules(tmp_path)
    assert bootstrap.about_senders(rules) == ("bob", "interns", "kiosks")


def test_who_only_names_detectors_and_operators_does_not_load_their_libraries():
    # The proxy's process and most commands: loading takes longer than all the rest, and 60 MB.
    probe = "import sys, gateway.bootstrap; print({'spacy', 'presidio_analyzer'} & {*sys.modules})"
    said = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"
