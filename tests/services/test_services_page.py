"""The page for policy authors must say what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from gateway.documents import Strict, load
from gateway.model import Act
from gateway.services import CATEGORIES, Catalogue, ServiceDocument, vocabulary
from gateway.services.catalogue import built_in_operation_sets
from gateway.services.document import OperationDocument

PAGE = (Path(__file__).parents[2] / "docs" / "services.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


class Policy(Strict):
    services: tuple[ServiceDocument, ...]


@pytest.mark.parametrize("block", [each for each in BLOCKS if each.startswith("services:")])
def test_what_the_page_shows_loads_and_its_examples_hold(block):
    documents = load(block, Policy, source="page").services
    catalogue = Catalogue.load(documents)
    for document in documents:
        service = catalogue.get(document.id)
        assert service is not None
        assert catalogue.failed_examples(service) == ()


def test_the_service_file_on_the_page_loads():
    (block,) = [each for each in BLOCKS if each.startswith("id:")]
    document = load(block, ServiceDocument, source="page")
    catalogue = Catalogue.load([document])
    service = catalogue.get(document.id)
    assert service is not None
    assert catalogue.failed_examples(service) == ()


def test_the_page_names_every_fact_value_category_act_and_key():
    named = set(re.findall(r"`([^`\n]+)`", PAGE))
    for name, words in vocabulary().items():
        assert name in named
        assert set(words or ()) <= named, name
    assert set(CATEGORIES) <= named
    assert {act.value for act in Act} <= named
    assert set(OperationDocument.model_fields) <= named
    assert {each.document.id for each in built_in_operation_sets()} <= named
    written = set(re.findall(r"(?m)^([a-z]+):", "\n".join(BLOCKS)))
    assert set(ServiceDocument.model_fields) <= written | {"like"}


def test_a_schema_for_editors_can_be_made():
    schema: dict[str, Any] = ServiceDocument.model_json_schema()
    facts = schema["$defs"]["FactsDocument"]["properties"]
    assert set(facts) == set(vocabulary())
    assert set(facts["biometric"]["enum"]) == vocabulary()["biometric"]
