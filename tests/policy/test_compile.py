import contextlib
import dataclasses
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.documents import DocumentError
from gateway.policy import Vocabulary, compile_text, load
from gateway.policy.document import Rule, Unless, When
from gateway.policy.executable import OperatorCall
from gateway.policy.names import OWN_GROUPS

VOCABULARY = Vocabulary({}, frozenset(), frozenset(), {}, frozenset({"US_SSN"}), {})
RULE = "version: 1\nrules:\n- {id: %s, when: {entity: US_SSN}, action: block}\n"


def problems(text, vocabulary):
    with pytest.raises(DocumentError) as caught:
        compile_text(text, vocabulary, source="p.yaml")
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (
            "when: {entity: US_SNN}, action: block",
            "unknown entity `US_SNN`, did you mean `US_SSN`?",
        ),
        ("when: {entity_group: secrt}, action: log", "did you mean `secret`?"),
        ("when: {service: chaty}, action: block", "did you mean `chatty`?"),
        ("when: {category: avatr}, action: block", "did you mean `avatar`?"),
        (
            "when: {entity: US_SSN}, action: coach, coach: {lesson: secrts}",
            "unknown lesson `secrts`, did you mean `secrets`?",
        ),
        (
            "when: {entity: US_SSN}, action: block, coach: {lesson: secrets}",
            "has no effect with `action: block`",
        ),
        ("when: {operation: uplod}, action: block", "did you mean `upload`?"),
        ("when: {facts: {trains_on_inpt: x}}, action: log", "did you mean `trains_on_input`?"),
        ("when: {facts: {trains_on_input: opt_ot}}, action: log", "did you mean `opt_out`?"),
        ("when: {facts: {trains_on_input: {at_least: 3}}}, action: log", "is not a number"),
        ("when: {service: chatty, category: avatar}, action: log", "no such `service`"),
        ("when: {entity: US_SSN, entity_group: secret}, action: log", "both must hold"),
        ("when: {service: chatty}, action: redact", "add `entity`"),
        ("when: {unread: any}, action: redact", "add `entity`"),
        ("when: {file: {family: image}}, action: redact", "add `entity`"),
        ("when: {file: {family: image}}, action: block, clean: {faces: fill}", "has no effect"),
        ("when: {service: chatty}, action: redact, clean: {faces: fill}", "add `file`"),
        (
            "when: {entity: US_SSN, has_files: true}, action: redact, clean: {faces: fill}",
            "write two rules",
        ),
        (
            "when: {unread: any, has_files: true}, action: redact, clean: {faces: fill}",
            "leave `unread` out",
        ),
        ("when: {entity: US_SSN}, action: log, redact: {US_SSN: mask}", "has no effect"),
        ("when: {entity: US_SSN}, action: redact, redact: {US_SN: mask}", "did you mean `US_SSN`?"),
        ("when: {entity: US_SSN}, action: redact, redact: {secret: mask}", "never selects"),
        (
            "when: {min_count: 2}, action: redact, redact: {default: {operator: partial, keep_last: 2}}",
            "part of a secret",
        ),
        ("when: {entity: US_SSN, min_count: 2, min_distinct: 3}, action: log", "no effect"),
        ("when: {entity: US_SSN}, action: allow, message: Hi", "nobody sees it"),
        ("when: {api_key: {not_in: corporate}}, action: log", "unknown list of API keys"),
        (
            "when: {host: '*'}, unless: {api_key: {not_in: x}}, action: log",
            "would except keys that nobody knows",
        ),
        ("when: {identified: true}, action: log", "would spare those whom nobody knows"),
        ("when: {identified: false, actor: ann}, action: log", "there is no `actor`"),
        (
            "when: {host: '*'}, unless: {identified: false}, action: log",
            "would except those whom nobody knows",
        ),
        ("when: {unread: any}, unless: {entity: US_SSN}, action: log", "selects none"),
        ("when: {entity: US_SSN}, unless: {unread: any}, action: log", "selects none"),
        ("when: {service: chatty}, unless: {file: {family: text}}, action: log", "excepts files"),
        ("when: {entity: US_SSN}, unless: {service: chaty}, action: log", "did you mean `chatty`?"),
    ],
)
def test_a_name_nobody_knows_and_a_rule_without_effect_are_refused(rule, words, vocabulary):
    found = problems(f"version: 1\nrules:\n- {{id: a, {rule}}}", vocabulary)
    assert any("rule `a`" in line and words in line for line in found), found
    assert all(line.startswith("p.yaml:3:") for line in found)


def test_unknown_is_a_service_a_category_and_a_value_of_every_fact(vocabulary):
    compile_text(
        "version: 1\nrules:\n- id: a\n  action: block\n  when: {service: unknown, category: unknown,"
        " facts: {trains_on_input: unknown, retention_days: [unknown, {at_least: 31}]}}",
        vocabulary,
    )


def test_own_services_and_groups_are_known_to_rules(vocabulary):
    policy = compile_text(
        """
version: 1
entity_groups: {risky: [secret, cards], cards: CREDIT_CARD}
services: [{id: inhouse, category: lab, operations: [{id: ask}]}]
rules:
- {id: a, action: block, when: {entity_group: risky}}
- {id: b, action: block, when: {service: inhouse, category: lab, operation: ask}}
""",
        vocabulary,
    )
    assert policy.rules[0].finding.entities == {"CLOUD_KEY", "CREDIT_CARD"}
    assert policy.services[0].value["id"] == "inhouse"


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ("{secret: US_SSN}", "built-in"),
        ("{mine: US_SNN}", "did you mean `US_SSN`?"),
        ("{one: two, two: one}", "holds itself"),
    ],
)
def test_groups_that_make_no_sense_are_refused(groups, words, vocabulary):
    assert words in problems(f"version: 1\nentity_groups: {groups}", vocabulary)[0]


def test_a_raw_section_is_checked_by_its_stage_at_its_line(vocabulary):
    policy = compile_text("version: 1\nservices:\n- id: x\n  hosts: 3\n", vocabulary, source="p")
    with pytest.raises(DocumentError) as caught:
        policy.services[0].check(dict[str, str])
    assert str(caught.value).startswith("p:4:3:")


def test_files_merge_in_the_order_of_their_names(tmp_path: Path, vocabulary):
    (tmp_path / "20-b.yaml").write_text(
        RULE % "two" + "detectors: {a: 2, b: 2}\npass_through: [X.com., y.com]\n"
    )
    (tmp_path / "10-a.yaml").write_text(
        RULE % "one" + "detectors: {a: 1, c: 1}\npass_through: [x.com]\ninspect_hosts: [z.com]\n"
    )
    (tmp_path / "10-a_test.yaml").write_text("no policy at all")
    policy = load(tmp_path, vocabulary)
    assert [rule.id for rule in policy.rules] == ["one", "two"]
    assert [section.value for section in policy.detectors] == [{"a": 1, "c": 1}, {"a": 2, "b": 2}]
    assert policy.pass_through == ("x.com", "y.com")
    assert policy.inspect_hosts == ("z.com",)
    assert [Path(source).name for source in policy.sources] == ["10-a.yaml", "20-b.yaml"]


def test_a_rule_id_in_two_files_names_both(tmp_path: Path, vocabulary):
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(RULE % "same")
    with pytest.raises(DocumentError) as caught:
        load(tmp_path, vocabulary)
    (problem,) = caught.value.problems
    assert problem.source.endswith("b.yaml")
    assert "a.yaml:3" in problem.message


def test_problems_of_all_files_are_told_and_only_real_ones(tmp_path: Path, vocabulary):
    (tmp_path / "a.yaml").write_text("version: 1\nservices: [{id: inhouse}]\nrulez: []\n")
    (tmp_path / "b.yaml").write_text(
        "version: 1\nrules: [{id: a, action: block, when: {service: inhouse, entity: OURS,"
        " facts: {trains: yes}}}]\n"
    )
    with pytest.raises(DocumentError) as caught:
        load(tmp_path, vocabulary)
    assert [p.message.partition(",")[0] for p in caught.value.problems] == [
        "unknown key `rulez`",
        "rule `a`: unknown fact `trains`",
    ]


OWN = """version: 1
detectors:
  custom:
  - entity: PROJECT_NAME
    groups: [secret]
"""


def test_an_entity_that_one_file_defines_can_be_named_in_all(tmp_path: Path, vocabulary):
    (tmp_path / "b.yaml").write_text(OWN)
    (tmp_path / "a.yaml").write_text(
        "version: 1\nentity_groups: {mine: [PROJECT_NAME]}\nrules:\n"
        "- {id: a, action: redact, when: {entity: PROJECT_NAME}, redact: {PROJECT_NAME: mask}}\n"
        "- {id: b, action: block, when: {entity_group: secret}}\n"
        "- {id: c, action: block, when: {entity_group: mine}}\n"
    )
    policy = load(tmp_path, vocabulary)
    assert policy.own_entities == {"PROJECT_NAME"}
    for rule in policy.rules:
        assert "PROJECT_NAME" in rule.finding.entities
    with pytest.raises(DocumentError, match="did you mean `PROJECT_NAME`"):
        compile_text(
            OWN + "rules: [{id: a, action: log, when: {entity: PROJECT_NAMES}}]", vocabulary
        )


def test_an_entity_that_is_defined_twice_names_both_places(tmp_path: Path, vocabulary):
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(OWN)
    with pytest.raises(DocumentError) as caught:
        load(tmp_path, vocabulary)
    (problem,) = caught.value.problems
    assert problem.source.endswith("b.yaml")
    assert problem.line == 4
    assert "`PROJECT_NAME` exists already" in problem.message
    assert "a.yaml:4" in problem.message


def test_a_malformed_detector_is_left_to_its_stage(vocabulary):
    for custom in ("3", "[3]", "[{entity: 3}]", "[{entity: US_SSN}]", "[{entity: X, groups: 3}]"):
        text = f"version: 1\ndetectors: {{custom: {custom}}}\n"
        assert compile_text(text, vocabulary).own_entities <= {"X"}


def test_an_entity_without_groups_is_in_the_groups_that_detectors_give(vocabulary):
    from gateway.detectors import Custom

    assert Custom.model_fields["groups"].default == OWN_GROUPS


def test_an_empty_file_is_not_a_policy(tmp_path: Path, vocabulary):
    (tmp_path / "a.yaml").write_text("")
    with pytest.raises(DocumentError, match="`version` is missing"):
        load(tmp_path, vocabulary)


def test_the_revision_follows_the_contents(tmp_path: Path, vocabulary):
    file = tmp_path / "a.yaml"
    file.write_text(RULE % "a")
    first = load(tmp_path, vocabulary).revision
    assert load(tmp_path, vocabulary).revision == first
    file.write_text(RULE % "a" + "# a comment\n")
    assert load(tmp_path, vocabulary).revision != first


def test_operators_are_resolved_per_entity_whatever_the_order(policy):
    rules = [
        policy(f"""
rules:
- id: a
  when: {{entity_group: [pii, own]}}
  action: redact
  redact: {{{order}, default: mask}}
entity_groups: {{own: [US_SSN, CREDIT_CARD]}}
""").rules[0]
        for order in (
            "pii: hash, own: {operator: partial, keep_last: 4}, PERSON: replace",
            "PERSON: replace, own: {operator: partial, keep_last: 4}, pii: hash",
        )
    ]
    assert rules[0].operators == rules[1].operators
    assert rules[0].default_operator == OperatorCall("mask")
    assert {name: call.operator for name, call in rules[0].operators.items()} == {
        "PERSON": "replace",
        "EMAIL_ADDRESS": "hash",
        "US_SSN": "hash",
        "CREDIT_CARD": "partial",
    }


def test_an_override_changes_what_it_names_and_adds_exceptions(tmp_path: Path, vocabulary):
    (tmp_path / "a.yaml").write_text("""
version: 1
rules:
- id: a
  when: {entity: US_SSN}
  unless: {role: system}
  action: redact
  redact: {US_SSN: mask}
  message: Old.
- {id: b, when: {entity: US_SSN}, action: block}
""")
    (tmp_path / "b.yaml").write_text(
        "version: 1\noverrides: {a: {mode: monitor, severity: high}, b: {enabled: no}}"
    )
    (tmp_path / "c.yaml").write_text(
        "version: 1\noverrides: {a: {mode: enforce, action: block, unless: {role: tool}}}"
    )
    (rule,) = load(tmp_path, vocabulary).rules
    assert (rule.mode, rule.severity.name, rule.action.name) == ("enforce", "HIGH", "BLOCK")
    assert rule.message == "Old."
    assert [set(item.finding.roles) for item in rule.unless] == [{"system"}, {"tool"}]


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("{aa: {mode: monitor}}", "unknown rule `aa`, did you mean `a`?"),
        ("{a: {}}", "changes nothing"),
        ("{a: {mod: monitor}}", "did you mean `mode`?"),
        ("{a: {unless: {entity: US_SNN}}}", "did you mean `US_SSN`?"),
        ("{a: {unless: {unread: any}}}", "selects none"),
    ],
)
def test_an_override_that_makes_no_sense_is_told_at_its_place(override, words, vocabulary):
    (problem,) = problems(
        f"version: 1\nrules: [{{id: a, when: {{entity: US_SSN}}, action: block}}]\n"
        f"overrides: {override}",
        vocabulary,
    )
    assert words in problem
    assert problem.startswith("p.yaml:3:")


@pytest.mark.parametrize(
    "text",
    [
        "{[1]: 2}",
        "{{a: 1}: 2}",
        "&a [*a]",
        "version: 1\nrules: &r [*r]",
        "version: 1\nrules: [{id: a, action: log, when: {act: x}, unless: {until: 2026-13-31}}]",
        "version: " + "9" * 5000,
        "version: 1\nrules: [{id: a, action: log, when: {file: {min_size: '"
        + "9" * 400
        + " gb'}}}]",
        "[" * 5000 + "]" * 5000,
        "- " * 5000,
        "{a: " * 500 + "}" * 500,
        "version: !!binary aGVsbG8=",
        "!!set {a, b}",
        "a: !!python/object:os.system x",
        "a: 1\n---\nb: 2",
        "\x00",
        "\ud800",
    ],
)
def test_odd_documents_are_errors_and_nothing_else(text, vocabulary):
    assert problems(text, vocabulary)


_yaml = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.dates()
    | st.sampled_from(
        ["US_SSN", "secret", "any", "block", "redact", "partial", "a", "*", "10.0.0.0/8"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*When.model_fields, *Unless.model_fields, *Rule.model_fields]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.fixed_dictionaries({"id": st.just("a"), "when": _yaml, "unless": _yaml, "redact": _yaml}))
def test_any_document_is_compiled_or_an_error(rule):
    text = yaml.safe_dump({"version": 1, "rules": [{**rule, "action": "redact"}]})
    with contextlib.suppress(DocumentError):
        compile_text(text, VOCABULARY)


def test_detectors_are_named_by_patterns_that_match_a_known_one(vocabulary):
    words = dataclasses.replace(vocabulary, detectors=frozenset({"code:python", "marking:tlp-red"}))
    text = "version: 1\nrules: [{id: a, action: log, when: {detector: NAME}}]\n" + OWN[11:]
    for name in ("code:python", '"code:*"', "[marking:tlp-red, 'code:p*']", "custom:PROJECT_NAME"):
        (rule,) = compile_text(text.replace("NAME}", f"{name}}}", 1), words).rules
        assert rule.finding.detectors
    with pytest.raises(DocumentError, match="unknown detector `code:pyton`, did you mean `code:py"):
        compile_text(text.replace("NAME}", "code:pyton}", 1), words)


def test_a_finding_is_selected_by_detector_and_length(vocabulary, finding):
    words = dataclasses.replace(vocabulary, detectors=frozenset({"code:python", "code:java"}))
    text = "version: 1\nrules: [{id: a, action: log, when: {detector: 'code:*', min_length: 100}}]"
    (rule,) = compile_text(text, words).rules
    holds = rule.finding.holds
    assert holds(finding(detector="code:java", end=100))
    assert holds(finding(detector="code:java+base64", end=100))
    assert not holds(finding(detector="code:java", end=99))
    assert not holds(finding(detector="marking:x", end=100))
