from __future__ import annotations

import pytest

from gateway.documents import DocumentError, load
from gateway.services.document import PROTOCOLS, OperationDocument, ServiceDocument

BASE = "id: acme\nname: Acme\ncategory: chat\nhosts: [a.example]\n"


def errors(text: str) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        load(text, ServiceDocument, source="acme.yaml")
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("protocol: opnai", "acme.yaml:5:1: `opnai` is not one of"),
        ("categroy: chat", "did you mean `category`"),
        ("act: promt", "did you mean `prompt`"),
        ("facts: {trains: yes}", "unknown key `trains`"),
        ("hosts: [b.example]", "duplicate key `hosts`"),
        ("operations: [{id: x, act: prompt}]", "key `path` is missing"),
        ("operations: [{id: x, act: prompt, path: []}]", "at least 1 item"),
        ("operations: [{id: x, act: prompt, path: v1}]", "must start with `/`"),
        ("operations: [{id: other, act: prompt, path: /v1}]", "not an operation id"),
        ("operations: [{id: Chat, act: prompt, path: /v1}]", "not an operation id"),
        ("operations: [{id: x, act: prompt, path: /v1, method: 'A B'}]", "not an HTTP method"),
        ("operations: [{id: x, act: prompt, path: /v1, content_type: png}]", "not a media type"),
        ("include: [{operations: openai, base: 'v1'}]", "must start with `/`"),
        ("include: [{operations: openai, base: '/{x}'}]", "must be a plain path"),
        ("examples: [{url: a.example, operation: x}]", "not an http(s)://"),
        ("sources: [{title: x, checked: yesterday}]", "is not a date"),
    ],
)
def test_a_typo_is_an_error(line, wanted):
    assert any(wanted in each for each in errors(BASE + line + "\n")), errors(BASE + line + "\n")


@pytest.mark.parametrize("name", ["Acme", "a b", "", "unknown", "any", "a_b", "-a"])
def test_service_ids_are_plain(name):
    assert any("is not a service id" in each for each in errors(f"id: '{name}'\n"))


def test_all_errors_come_at_once():
    assert len(errors("id: X\nprotocol: y\nnme: z\nhosts: ['*.com', 'A.b']\n")) == 5


def test_one_value_may_stand_for_a_list():
    operation = load(
        "{id: x, act: prompt, path: /A/, method: put, host: a.example, content_type: Image/PNG}",
        OperationDocument,
        source="x",
    )
    assert operation.path == ("/a",)
    assert operation.method == ("PUT",)
    assert operation.host == ("a.example",)
    assert operation.content_type == ("image/png",)


def test_an_example_knows_its_parts():
    document = load(
        BASE + "examples:\n  - {url: 'wss://a.example:1/x?y', operation: z}\n"
        "  - {url: 'https://a.example', operation: z}\n",
        ServiceDocument,
        source="x",
    )
    first, second = document.examples
    assert (first.host, first.target, first.websocket) == ("a.example:1", "/x?y", True)
    assert (second.host, second.target, second.websocket) == ("a.example", "/", False)


def test_protocol_names_are_closed():
    assert "generic" in PROTOCOLS
    assert len(set(PROTOCOLS)) == len(PROTOCOLS)
