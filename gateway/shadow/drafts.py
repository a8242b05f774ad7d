"""How would a suspect be written down as a service? A policy file to begin with, as YAML.

Law: the draft loads as it stands, and its examples hold. It claims nothing: every fact is `unknown`, and
what its operations are taken from stands beside them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

import yaml

from gateway.services import vocabulary
from gateway.services.hosts import suffixes
from gateway.shadow.ledger import Suspect
from gateway.shadow.shapes import SURFACES

_ID_CHARS = 48
_ANYWHERE: Mapping[str, Sequence[Mapping[str, Any]]] = {
    # Paths of a set whose beginning is not known: somewhere below the root.
    "openai": [
        {"id": "chat_completions", "act": "prompt", "path": "/**/chat/completions"},
        {"id": "completions", "act": "prompt", "path": "/**/completions"},
        {"id": "embeddings", "act": "embed", "path": "/**/embeddings"},
    ],
    "anthropic": [{"id": "messages", "act": "prompt", "path": "/**/v1/messages"}],
    "gemini": [{"id": "generate_content", "act": "prompt", "path": "/**/models/{call}"}],
    "ollama": [
        {"id": "chat", "act": "prompt", "path": ["/**/api/chat", "/**/api/generate"]},
        {"id": "embed", "act": "embed", "path": ["/**/api/embed", "/**/api/embeddings"]},
    ],
}
_SET_EXAMPLE = {
    "openai": ("/chat/completions", "chat_completions"),
    "anthropic": ("/v1/messages", "messages"),
    "gemini": ("/v1beta/models/m:generateContent", "generate_content"),
    "ollama": ("/api/chat", "chat"),
}
_ANY_EXAMPLE = {
    "openai": ("/any/chat/completions", "chat_completions"),
    "anthropic": ("/any/v1/messages", "messages"),
    "gemini": ("/any/models/m:generateContent", "generate_content"),
    "ollama": ("/any/api/chat", "chat"),
}


def draft(suspect: Suspect, taken: Collection[str], today: date) -> tuple[str, str]:
    """The id of the service and the text of its file; `taken` are ids and aliases of services."""
    identity = _identity(suspect.host, taken)
    service: dict[str, Any] = {
        "id": identity,
        "name": _name(suspect.host),
        "category": _category(suspect),
        "hosts": [suspect.host],
        **_operations(suspect),
        "facts": dict.fromkeys(vocabulary(), "unknown"),
        "notes": f"Drafted on {today} from what was seen; nobody has read its terms yet.",
    }
    body = yaml.safe_dump(
        {"version": 1, "services": [service]}, sort_keys=False, allow_unicode=True, width=100
    )
    return identity, "".join(f"# {line}\n" for line in _head(suspect)) + body


def _head(suspect: Suspect) -> list[str]:
    people = f"{suspect.people} {'person' if suspect.people == 1 else 'people'}"
    return [
        f"A draft for {suspect.host}: put it beside your policies, and read it over.",
        f"Seen {suspect.first_at:%Y-%m-%d} to {suspect.last_at:%Y-%m-%d} of {people}:",
        f"{suspect.tunnels} connections unopened, {suspect.requests} requests opened.",
        *(f"- {reason}" for reason in suspect.reasons),
        "From then on its traffic is opened and inspected. Facts that you found in its terms replace",
        "`unknown`; state `evidence: primary` and `checked` with them.",
    ]


def _operations(suspect: Suspect) -> dict[str, Any]:
    """Protocol, sets and operations of the shapes that were seen, and an example for each."""
    signs, host = suspect.signs, suspect.host
    made: dict[str, Any] = {}
    include: list[dict[str, str]] = []
    operations: list[dict[str, Any]] = []
    examples: list[dict[str, str]] = []
    for surface in SURFACES:
        bases = sorted(
            sign.removeprefix(f"base:{surface}:")
            for sign in signs
            if sign.startswith(f"base:{surface}:")
        )
        for base in bases:
            include.append({"operations": surface, **({"base": base} if base else {})})
            path, operation = _SET_EXAMPLE[surface]
            examples.append({"url": f"https://{host}{base}{path}", "operation": operation})
        if not bases and any(sign.startswith(f"path:{surface}") for sign in signs):
            operations += [{**each, "protocol": surface} for each in _ANYWHERE[surface]]
            path, operation = _ANY_EXAMPLE[surface]
            examples.append({"url": f"https://{host}{path}", "operation": operation})
    if "request:mcp" in signs or "answer:mcp" in signs:
        made["protocol"] = "mcp"
    elif any(each["operations"] == "openai" for each in include):
        made["protocol"] = "openai"
    if not include and not operations:
        # What else it may be, what is sent there is for a model to read. Uploads are told by their type.
        include.append({"operations": "web_uploads"})
        operations.append({"id": "message", "act": "prompt", "path": "/**"})
        examples.append({"url": f"https://{host}/api/chat", "operation": "message"})
        # An operation of its own would hide the set's, which come after it.
        operations[0]["content_type"] = ["application/json", "text/plain"]
        examples[0]["content_type"] = "application/json"
    if include:
        made["include"] = include
    if operations:
        made["operations"] = operations
    made["examples"] = examples
    return made


def _category(suspect: Suspect) -> str:
    signs = suspect.signs
    if "path:openai_images" in signs and "path:openai_chat" not in signs:
        return "image"
    if "path:openai_audio" in signs and "path:openai_chat" not in signs:
        return "audio"
    return "agents" if "request:mcp" in signs and "path:openai_chat" not in signs else "chat"


def _name(host: str) -> str:
    parts = suffixes()(host, include_psl_private_domains=True)
    return parts.top_domain_under_public_suffix or host


def _identity(host: str, taken: Collection[str]) -> str:
    """An id that no service has: that of the domain, of the whole host, or one with a number."""
    known = {each.lower() for each in taken} | {"unknown", "any"}
    parts = suffixes()(host, include_psl_private_domains=True)
    # A name within the company ends in no public suffix, and has no domain.
    tries = (parts.domain, f"{parts.subdomain} {parts.domain}", host) if parts.suffix else (host,)
    for words in tries:
        identity = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:_ID_CHARS].strip("-")
        if identity and identity not in known:
            return identity
    return next(
        name for number in range(2, 10_000) if (name := f"{identity}-{number}") not in known
    )
