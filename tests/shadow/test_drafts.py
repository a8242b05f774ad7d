"""A draft loads as it stands, by the real loader, and its examples hold."""

from __future__ import annotations

from datetime import date

import pytest
import yaml

from gateway import bootstrap
from gateway.services import Catalogue
from gateway.shadow import shapes
from gateway.shadow.drafts import draft
from gateway.shadow.ledger import Suspect

from .conftest import NOON

TAKEN = Catalogue.load().names()
SHAPES = {
    "nothing": frozenset({"tld:ai"}),
    "openai": frozenset({"path:openai_chat", "base:openai:/v1"}),
    "openai at two places": frozenset(
        {"path:openai_chat", "base:openai:/v1", "base:openai:/api/v1"}
    ),
    "openai anywhere": frozenset({"path:openai_chat"}),
    "anthropic": frozenset({"path:anthropic_messages", "base:anthropic:"}),
    "anthropic anywhere": frozenset({"path:anthropic_messages"}),
    "gemini": frozenset({"path:gemini", "base:gemini:"}),
    "gemini anywhere": frozenset({"path:gemini"}),
    "ollama": frozenset({"path:ollama", "base:ollama:"}),
    "ollama anywhere": frozenset({"path:ollama"}),
    "images": frozenset({"path:openai_images", "base:openai:/v1"}),
    "audio": frozenset({"path:openai_audio", "base:openai:/v1"}),
    "mcp": frozenset({"request:mcp"}),
    "all": frozenset(
        {f"path:{surface}" for surface in shapes.SURFACES}
        | {f"base:{surface}:/v1" for surface in shapes.SURFACES}
    ),
}


def a_suspect(host="chat.shiny.example", signs=frozenset(), **changes):
    values = {
        "host": host, "people": 3, "tunnels": 4, "requests": 5, "sent": 6, "received": 7,
        "first_at": NOON, "last_at": NOON, "chance": 0.9, "reasons": ("its name ends in .ai",),
        "dismissed": None, "signs": signs,
    }  # fmt: skip
    return Suspect(**(values | changes))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_draft_loads_and_its_examples_hold(tmp_path, shape):
    suspect = a_suspect(signs=SHAPES[shape])
    identity, text = draft(suspect, TAKEN, date(2026, 3, 1))
    (tmp_path / f"{identity}.yaml").write_text(text, "utf-8")
    (tmp_path / "rules.yaml").write_text(
        f"version: 1\nrules: [{{id: a, when: {{service: {identity}}}, action: log}}]\n"
    )
    catalogue = bootstrap.load_rules(tmp_path).catalogue
    service = catalogue.get(identity)
    assert catalogue.failed_examples(service) == ()
    assert service.examples
    assert set(service.facts.values()) == {"unknown"}
    assert catalogue.knows(suspect.host)
    covered = {example.operation for example in service.examples}
    assert covered <= {operation.id for operation in service.operations}
    for path in ("/", "/any/thing"):
        route = catalogue.route(host=suspect.host, method="POST", target=path)
        assert route.service == identity


def test_what_is_not_known_is_a_prompt_and_a_file_is_an_upload(tmp_path):
    identity, text = draft(a_suspect(), TAKEN, date(2026, 3, 1))
    (tmp_path / "d.yaml").write_text(text, "utf-8")
    catalogue = bootstrap.load_rules(tmp_path).catalogue
    for kind, act in (
        ("application/json", "prompt"),
        ("multipart/form-data; boundary=x", "upload"),
    ):
        route = catalogue.route(
            host="chat.shiny.example", method="POST", target="/x", content_type=kind
        )
        assert (route.service, route.act) == (identity, act)


@pytest.mark.parametrize(
    ("host", "identity"),
    [
        ("chat.shiny.co.uk", "shiny"),
        ("openai-api.com", "openai-api-com"),
        ("openai-api", "openai-api-2"),
        ("chat.grok.co.uk", "chat-grok"),
        ("gpt", "gpt"),
        ("gpt.corp.internal", "gpt-corp-internal"),
        ("unknown.com", "unknown-com"),
        ("_x_.com", "x"),
        ("ai.long-" + "x" * 50 + ".com", "long-" + "x" * 43),
    ],
)
def test_ids_are_free_and_good(host, identity):
    made, text = draft(a_suspect(host), TAKEN, date(2026, 3, 1))
    assert made == identity
    assert yaml.safe_load(text)["services"][0]["hosts"] == [host]


def test_a_draft_says_where_it_comes_from():
    _, text = draft(a_suspect(), TAKEN, date(2026, 3, 1))
    head = [line for line in text.splitlines() if line.startswith("#")]
    assert "# - its name ends in .ai" in head
    assert any("3 people" in line for line in head)
