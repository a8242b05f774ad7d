"""Do tables and fields say what they must?"""

import pytest

from gateway import protocols
from gateway.model import PartKind, Role
from gateway.protocols import fields
from gateway.protocols.rules import COMMON_WORDS, SAY, Rule, role_named, uniform


@pytest.mark.parametrize(
    ("tag", "role"),
    [("user", Role.USER), ("USER", Role.USER), ("developer", Role.SYSTEM), ("model", Role.ASSISTANT),
     ("CHATBOT", Role.ASSISTANT), ("function", Role.TOOL), ("ada", None), ("", None), (None, None)],
)  # fmt: skip
def test_role_words(tag, role):
    assert role_named(tag) is role


def test_uniform_gives_one_rule_everywhere():
    rule = Rule(kind=PartKind.TOOL_CALL, editable=False)
    node = uniform(rule)
    assert node.rule is node.other.item.other.rule
    assert node.other.item.other.rule == rule


def test_every_table_ends_in_a_rule_for_what_nothing_names():
    for name in protocols.names():
        root = protocols.get(name).table.root
        assert root.other.rule == SAY
        assert root.other.other.item.rule == SAY


def test_header_sets_are_lower_case_and_apart():
    assert {name.lower() for name in fields.KNOWN_HEADERS} == fields.KNOWN_HEADERS
    assert not fields.PROTOCOL_HEADERS & fields.CREDENTIAL_HEADERS
    assert not fields.PROTOCOL_HEADERS & fields.OTHER_HEADERS
    assert not fields.CREDENTIAL_HEADERS & fields.OTHER_HEADERS


def test_common_words_are_names_of_fields():
    assert all(word.isascii() and " " not in word for word in COMMON_WORDS)
