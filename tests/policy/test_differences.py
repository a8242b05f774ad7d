import pytest

from gateway.policy import load
from gateway.policy.differences import differences, lines
from gateway.policy.written import written

BASE = """\
version: 1
entity_groups: {mine: [secret, US_SSN]}
inspect_hosts: [a.example]
answers: {restore: [text, tool_calls]}
services: [{id: own, category: chat, hosts: [own.example]}]
detectors: {disabled: [X], threshold: 0.5}
rules:
- id: cards
  title: Cards
  when: {entity: [CREDIT_CARD, US_SSN], service: chatty}
  unless: [{actor: ann, owner: jo}, {part: identifier}]
  action: redact
  redact: {CREDIT_CARD: mask, default: {operator: partial, keep_last: 4}}
- {id: others, when: {entity_group: mine}, action: log}
"""


@pytest.fixture
def told(tmp_path, vocabulary):
    def run(before, after):
        folders = []
        for name, files in (("old", before), ("new", after)):
            folder = tmp_path / name
            folder.mkdir()
            for number, text in enumerate(files):
                (folder / f"{number}.yaml").write_text(text)
            folders.append(folder)
        policies = tuple(load(folder, vocabulary) for folder in folders)
        found = differences(*map(written, folders), compiled=policies)
        return "\n".join(lines(found))

    return run


def test_order_files_and_comments_are_no_difference(told):
    head, rules = BASE.split("rules:\n")
    cards, others = rules.split("- {id: others")
    moved = cards.replace("[CREDIT_CARD, US_SSN]", "[US_SSN, CREDIT_CARD]").replace(
        "[{actor: ann, owner: jo}, {part: identifier}]",
        "[{part: identifier}, {owner: jo, actor: ann}]",
    )
    assert (
        told([BASE], [f"# new\n{head}", f"version: 1\nrules:\n- {{id: others{others}{moved}"]) == ""
    )


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("title: Cards", "title: Card", "~ rule `cards`\n    title: Cards → Card"),
        (
            "action: redact\n",
            "action: redact\n  mode: monitor\n",
            "~ rule `cards`\n    mode: (not there) → monitor",
        ),
        (
            "action: redact\n",
            "action: redact\n  rollout: 25%\n",
            "~ rule `cards`\n    rollout: (not there) → 25%",
        ),
        (
            "[CREDIT_CARD, US_SSN]",
            "[PERSON, CREDIT_CARD]",
            "~ rule `cards`\n    when.entity: - US_SSN\n    when.entity: + PERSON",
        ),
        (
            "service: chatty}",
            "service: chatty, min_count: 2}",
            "~ rule `cards`\n    when.min_count: (not there) → 2",
        ),
        (
            "{actor: ann, owner: jo}",
            "{actor: ann, owner: kim}",
            (
                '~ rule `cards`\n    unless: - {"actor": ["ann"], "owner": "jo"}\n'
                '    unless: + {"actor": ["ann"], "owner": "kim"}'
            ),
        ),
        (
            "keep_last: 4",
            "keep_last: 3",
            "~ rule `cards`\n    redact.default.keep_last: 4 → 3",
        ),
        (
            "[secret, US_SSN]",
            "[secret, PERSON]",
            (
                "~ rule `others`\n    selects: - US_SSN\n    selects: + PERSON\n"
                "~ group `mine`\n    : - US_SSN\n    : + PERSON"
            ),
        ),
        (
            "a.example",
            "b.example",
            "~ setting `inspect_hosts`\n    : - a.example\n    : + b.example",
        ),
        (
            "restore: [text, tool_calls]",
            "restore: none",
            "~ setting `answers`\n    restore: - text\n    restore: - tool_calls\n    restore: + none",
        ),
        (
            "[own.example]",
            "[our.example]",
            "~ service `own`\n    hosts: - own.example\n    hosts: + our.example",
        ),
        ("threshold: 0.5", "threshold: 0.4", "~ detectors `threshold`\n    : 0.5 → 0.4"),
        (
            "- {id: others, when: {entity_group: mine}, action: log}\n",
            "",
            "- rule `others`\n    when.entity_group: mine\n    action: log",
        ),
    ],
)
def test_every_change_is_told_by_its_key(told, old, new, wanted):
    assert old in BASE
    assert told([BASE], [BASE.replace(old, new)]) == wanted.replace("    : ", "    value: ")


def test_an_override_is_told_at_its_rule(told):
    override = "version: 1\noverrides: {cards: {action: block, unless: {actor: bob}}}\n"
    found = told([BASE], [BASE, override]).splitlines()
    assert found[0] == "~ rule `cards`"
    assert "    action: redact → block" in found
    assert '    unless: + {"actor": ["bob"]}' in found


def test_a_rule_that_is_taken_out_by_an_override_is_gone(told):
    found = told([BASE], [BASE, "version: 1\noverrides: {others: {enabled: false}}\n"])
    assert found.startswith("- rule `others`")
