"""What may be written where? JSON Schemas of policy files and their cases, for editors.

Law: made from the same models that check the files, so that an editor and the gateway agree.
Names from the vocabulary are listed for completion; where policies can add names of their own
(services, entities, groups), others are allowed, because one file alone cannot know them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.model import UnreadReason
from gateway.policy.cases import CasesDocument
from gateway.policy.document import OPERATOR_PARAMETERS, PolicyDocument, Range
from gateway.policy.executable import UNKNOWN
from gateway.policy.names import Vocabulary
from gateway.policy.words import fact_word

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def policy_schema(
    vocabulary: Vocabulary, detectors: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The JSON Schema of a policy file.

    `detectors` is the schema of that section, which another stage owns.
    """
    schema = PolicyDocument.model_json_schema()
    if detectors is not None:
        section = dict(detectors)
        schema["$defs"] |= section.pop("$defs", {})
        known = schema["properties"]["detectors"]
        schema["properties"]["detectors"] = {**section, "description": known["description"]}
    for model in ("When", "Unless", "AnswerWhen", "AnswerUnless", "Whence"):
        properties = schema["$defs"][model]["properties"]
        _offer(properties, "service", [UNKNOWN, *vocabulary.services])
        _offer(properties, "category", [UNKNOWN, *vocabulary.categories])
        _offer(properties, "operation", ["other", *vocabulary.operations])
        properties["facts"] = _facts(vocabulary, properties["facts"])
        if model == "Whence":
            continue
        _offer(properties, "entity", vocabulary.entities, own=_OWN_ENTITY)
        _offer(properties, "entity_group", vocabulary.groups)
        _offer(properties, "detector", vocabulary.detectors)
    for model in ("Rule", "AnswerRule"):
        redact = schema["$defs"][model]["properties"]["redact"]
        # Own groups are possible keys too, so the known ones are only offered.
        redact["propertyNames"] = _words(["default", *vocabulary.entities, *vocabulary.groups])
    if vocabulary.protocols:
        protocol = schema["$defs"]["Approved"]["properties"]["protocol"]
        protocol["enum"] = sorted(vocabulary.protocols)
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
        request[key] = {**request[key], **_words(words)}
        request[key].pop("type", None)
    entity = definitions["FindingSketch"]["properties"]["entity"]
    del entity["type"]
    entity |= _words(vocabulary.entities, own=_OWN_ENTITY)
    definitions["UnreadSketch"] = {
        "anyOf": [
            {"enum": [str(reason) for reason in UnreadReason]},
            definitions["UnreadSketch"],
        ]
    }
    return {"$schema": _DRAFT, **schema}


_OWN_ENTITY = r"^[A-Z][A-Z0-9_]{1,39}$"


def _words(words: Iterable[str], *, own: str = ".") -> dict[str, Any]:
    """`words`, and what fits the pattern `own`."""
    return {"anyOf": [{"enum": sorted(set(words))}, {"type": "string", "pattern": own}]}


def _many(item: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


def _offer(properties: dict[str, Any], key: str, words: Iterable[str], *, own: str = ".") -> None:
    kept = {
        name: properties[key][name] for name in ("description", "title") if name in properties[key]
    }
    properties[key] = {**kept, **_many(_words(words, own=own))}


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
