import pytest

from gateway import documents
from gateway.documents import DocumentError
from gateway.policy.document import OPERATOR_PARAMETERS, Operator, PolicyDocument


def problems(text):
    with pytest.raises(DocumentError) as caught:
        documents.load(text, PolicyDocument, source="p.yaml")
    return [str(problem) for problem in caught.value.problems]


def rule(body):
    return f"version: 1\nrules:\n- id: a\n  action: block\n{body}"


def test_operator_parameters_are_fields_of_the_operator():
    fields = set(Operator.model_fields) - {"operator"}
    assert set().union(*OPERATOR_PARAMETERS.values()) == fields


@pytest.mark.parametrize(
    ("body", "place", "words"),
    [
        ("  whn: {entity: X}\n  when: {entity: X}", "5:3", "did you mean `when`?"),
        ("  when: {}", "5:3", '`host: "*"`'),
        ("  when: {entity: }", "5:10", "has no value"),
        ("  when: {entity: []}", "5:10", "empty list"),
        ("  when: {entity: X, min_count: 0}", "5:21", "greater than or equal to 1"),
        ("  when: {entity: X, min_count: yes}", "5:21", "valid integer"),
        ("  when: {entity: X, min_confidence: 1.5}", "5:21", "less than or equal to 1"),
        ("  when: {role: usr}", "5:10", "did you mean `user`?"),
        ("  when: {part: tool_reslt}", "5:10", "did you mean `tool_result`?"),
        ("  when: {unread: encryptd}", "5:10", "did you mean `encrypted`?"),
        ("  when: {act: promt}", "5:10", "did you mean `prompt`?"),
        ("  when: {host: 'https://x.com/y'}", "5:10", "is not a host"),
        ("  when: {source_network: 10.0.0.1/8}", "5:10", "is not a network"),
        ("  when: {file: {}}", "5:10", "`has_files: true`"),
        ("  when: {file: {family: imge}}", "5:17", "did you mean `image`?"),
        ("  when: {file: {min_size: 3 MB, max_size: 1 MB}}", "5:10", "no file ever"),
        ("  when: {file: {min_size: 3 parsecs}}", "5:17", "is not a size"),
        ("  when: {file: {face: {at_least: 1}}}", "5:17", "did you mean `faces`?"),
        ("  when: {file: {faces: {min: 1}}}", "5:25", "min"),
        ("  when: {file: {faces: {}}}", "5:17", "give `at_least`"),
        ("  when: {file: {faces: {at_least: 3, at_most: 1}}}", "5:17", "no file ever"),
        ("  when: {history: }", "5:3", "`history` has no value"),
        ("  when: {history: {within: 1 h}}", "5:10", "face_pictures"),
        ("  when: {history: {face_pictures: {at_least: 3}}}", "5:10", "within"),
        (
            "  when: {history: {face_pictures: {at_least: 1}, within: 1 h}}",
            "5:36",
            "greater than or equal to 2",
        ),
        (
            "  when: {history: {face_pictures: {at_least: 3}, within: 25 h}}",
            "5:50",
            "less than or equal to 86400",
        ),
        (
            "  when: {history: {face_pictures: {at_least: 3}, within: soon}}",
            "5:50",
            "is not a time",
        ),
        ("  when: {file: {faces: }}", "5:10", "`faces` has no value"),
        ("  when: {file: {face_share: {at_least: 10}}}", "5:10", "0 to 1"),
        ("  when: {file: {gps: no}}", "5:17", "True"),
        ("  when: {file: {label: }}", "5:17", "has no value"),
        ("  when: {has_files: no}", "5:10", "True"),
        ("  when: {facts: {a: {}}}", "5:18", "`at_least`"),
        ("  when: {entity: X}\n  unless: {min_count: 2}", "6:12", "unknown key `min_count`"),
        ("  when: {entity: X}\n  unless: {}", "6:3", "would never apply"),
        ("  when: {entity: X}\n  unless: {owner: ann}", "6:3", "would never apply"),
        ("  when: {entity: X}\n  unless: {entity: X, unread: any}", "6:3", "two exceptions"),
        ("  when: {entity: X}\n  redact: {default: msk}", "6:12", "did you mean `mask`?"),
        ("  when: {entity: X}\n  redact: {X: {operator: mask, text: a}}", "6:12", "no parameter"),
        ("  when: {entity: X}\n  redact: {X: partial}", "6:12", "keeps nothing"),
        ("  when: {entity: X}\n  redact: {X: {operator: replace, text: '<b>'}}", "6:12", "ASCII"),
        ("  when: {entity: X}\n  redact: {X: {operator: mask, char: '&'}}", "6:12", "`char`"),
        ("  when: {entity: X}\n  redact: {X: {operator: hash, length: 2}}", "6:12", "4 to 32"),
        ("  when: {entity: X}\n  mode: watch", "6:3", "monitor, enforce"),
        ("  when: {entity: X}\n  severity: hihg", "6:3", "did you mean `high`?"),
    ],
)
def test_each_mistake_is_told_at_its_place(body, place, words):
    found = problems(rule(body))
    assert any(line.startswith(f"p.yaml:{place}:") and words in line for line in found), found


def test_all_mistakes_of_a_file_are_told_at_once():
    assert len(problems(rule("  when: {rol: user, part: x}\n  mod: monitor"))) == 3


def test_a_rule_id_is_fit_for_metric_labels():
    assert (
        "pattern" in problems("version: 1\nrules: [{id: 'A b', action: log, when: {host: x}}]")[0]
    )


def test_another_version_is_refused():
    assert problems("version: 2")


def test_one_value_and_a_list_of_it_read_the_same():
    one, many = (
        documents.load(rule(f"  when: {{entity: {value}}}"), PolicyDocument, source="p")
        for value in ("X", "[X]")
    )
    assert one.rules == many.rules


def test_sizes_are_read_with_units():
    text = rule("  when: {file: {min_size: 1.5 kB, max_size: 2 MiB}}")
    file = documents.load(text, PolicyDocument, source="p").rules[0].when.file
    assert (file.min_size, file.max_size) == (1500, 2 * 2**20)
