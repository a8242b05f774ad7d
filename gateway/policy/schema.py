"""What may be written where? JSON Schemas of policy files and their cases, for editors.

Law: made from the same models that check the files, so that an editor and the gateway agree.
Names from the vocabulary are listed for completion; where policies can add names of their own
(services, groups), others are allowed, because one file alone cannot know them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.model import UnreadReason
from gateway.policy.cases import CasesDocument
from gateway.policy.compile import UNKNOWN, Vocabulary
from gateway.policy.document import OPERATOR_PARAMETERS, PolicyDocument, Range, fact_word

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def policy_schema(vocabulary: Vocabulary) -> dict[str, Any]:
    """The JSON Schema of a policy file."""
    schema = PolicyDocument.model_json_schema()
    for model in ("When", "Unless"):
        properties = schema["$defs"][model]["properties"]
        _offer(properties, "service", [UNKNOWN, *vocabulary.services], closed=False)
        _offer(properties, "category", [UNKNOWN, *vocabulary.categories], closed=False)
        _offer(properties, "operation", ["other", *vocabulary.operations], closed=False)
        _offer(properties, "entity", vocabulary.entities, closed=True)
        _offer(properties, "entity_group", vocabulary.groups, closed=False)
        properties["facts"] = _facts(vocabulary, properties["facts"])
    redact = schema["$defs"]["Rule"]["properties"]["redact"]
    # Own groups are possible keys too, so the known ones are only offered.
    redact["propertyNames"] = _words(
        ["default", *vocabulary.entities, *vocabulary.groups], closed=False
    )
    schema["$defs"]["Operator"] = {
        "anyOf": [{"enum": list(OPERATOR_PARAMETERS)}, schema["$defs"]["Operator"]]
    }
    return {"$schema": _DRAFT, **schema}


def cases_schema(vocabulary: Vocabulary) -> dict[str, Any]:
    """The JSON Schema of a file of cases."""
    schema = CasesDocument.model_json_schema()
    definitions = schema["$defs"]
    request = definitions["Request"]["properties"]
    for key, words in (
        ("service", [UNKNOWN, *vocabulary.services]),
        ("category", [UNKNOWN, *vocabulary.categories]),
        ("operation", ["other", *vocabulary.operations]),
    ):
        request[key] = {**request[key], **_words(words, closed=False)}
        request[key].pop("type", None)
    definitions["FindingSketch"]["properties"]["entity"] |= {"enum": sorted(vocabulary.entities)}
    definitions["UnreadSketch"] = {
        "anyOf": [
            {"enum": [str(reason) for reason in UnreadReason]},
            definitions["UnreadSketch"],
        ]
    }
    return {"$schema": _DRAFT, **schema}


def _words(words: Iterable[str], *, closed: bool) -> dict[str, Any]:
    choices: dict[str, Any] = {"enum": sorted(set(words))}
    return choices if closed else {"anyOf": [choices, {"type": "string", "minLength": 1}]}


def _many(item: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


def _offer(properties: dict[str, Any], key: str, words: Iterable[str], *, closed: bool) -> None:
    kept = {
        name: properties[key][name] for name in ("description", "title") if name in properties[key]
    }
    properties[key] = {**kept, **_many(_words(words, closed=closed))}


def _facts(vocabulary: Vocabulary, before: dict[str, Any]) -> dict[str, Any]:
    bounds = Range.model_json_schema()
    facts: dict[str, Any] = {}
    for name, values in sorted(vocabulary.facts.items()):
        if values is None:
            facts[name] = _many({"anyOf": [{"type": ["string", "integer"]}, bounds]})
            continue
        words = {fact_word(value) for value in values} | {UNKNOWN}
        # YAML 1.1 reads a bare `yes` or `no` as a boolean; both spellings are allowed.
        booleans = [value for value in (True, False) if fact_word(value) in words]
        facts[name] = _many({"enum": [*sorted(words), *booleans]})
    return {
        "type": "object",
        "description": before.get("description", ""),
        "properties": facts,
        "additionalProperties": False,
    }
