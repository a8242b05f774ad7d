"""What can a protocol's table say of a place in a request?

Law: a rule never hides a place; it says who speaks there, what it is, and whether it may change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from gateway.encodings import json_text
from gateway.encodings.json_text import Table
from gateway.model import PartKind, Role


@dataclass(frozen=True, slots=True)
class Rule:
    """What stands at a place.

    `role` None means that a role field beside or above tells. `opaque` places hold no document
    inside their text and are not opened. `media` places hold base64 of a file even when its type
    cannot be told, `recording` places that of bare samples, which nothing tells from noise.
    `tokens` places may hold token ids, which are numbers for text.
    """

    kind: PartKind = PartKind.TEXT
    role: Role | None = None
    editable: bool = True
    opaque: bool = False
    media: bool = False
    recording: bool = False
    tokens: bool = False


SAY: Final = Rule()
USER: Final = Rule(role=Role.USER)
SYSTEM: Final = Rule(role=Role.SYSTEM)
ASSISTANT: Final = Rule(role=Role.ASSISTANT)
TOKENS: Final = Rule(role=Role.USER, tokens=True)
MEDIA: Final = Rule(media=True)
RECORDING: Final = Rule(media=True, recording=True)
METADATA: Final = Rule(kind=PartKind.METADATA)
TOOL_DEFINITION: Final = Rule(kind=PartKind.TOOL_DEFINITION)
TOOL_CALL: Final = Rule(kind=PartKind.TOOL_CALL, role=Role.ASSISTANT)
TOOL_RESULT: Final = Rule(kind=PartKind.TOOL_RESULT, role=Role.TOOL)
REASONING: Final = Rule(kind=PartKind.REASONING, role=Role.ASSISTANT, editable=False)
SIGNED_REASONING: Final = Rule(
    kind=PartKind.REASONING, role=Role.ASSISTANT, editable=False, opaque=True
)
IDENTIFIER: Final = Rule(kind=PartKind.IDENTIFIER, editable=False, opaque=True)
CREDENTIAL: Final = Rule(kind=PartKind.CREDENTIAL, editable=False, opaque=True)
FILE_NAME: Final = Rule(kind=PartKind.FILE_NAME, opaque=True)

_ROLES: Final = {
    "system": Role.SYSTEM, "developer": Role.SYSTEM, "user": Role.USER, "human": Role.USER,
    "assistant": Role.ASSISTANT, "model": Role.ASSISTANT, "chatbot": Role.ASSISTANT,
    "ai": Role.ASSISTANT, "bot": Role.ASSISTANT, "tool": Role.TOOL, "function": Role.TOOL,
}  # fmt: skip

COMMON_WORDS: Final = frozenset(
    [
        "role",
        "content",
        "text",
        "type",
        "name",
        "id",
        "model",
        "messages",
        "message",
        "prompt",
        "input",
        "inputs",
        "output",
        "outputs",
        "data",
        "parts",
        "part",
        "items",
        "item",
        "value",
        "values",
        "key",
        "keys",
        "query",
        "queries",
        "question",
        "answer",
        "title",
        "description",
        "url",
        "uri",
        "image",
        "images",
        "audio",
        "video",
        "file",
        "files",
        "filename",
        "file_name",
        "mime_type",
        "mimeType",
        "media_type",
        "format",
        "source",
        "detail",
        "tools",
        "tool",
        "function",
        "functions",
        "arguments",
        "parameters",
        "properties",
        "required",
        "enum",
        "additionalProperties",
        "items",
        "anyOf",
        "oneOf",
        "allOf",
        "default",
        "minimum",
        "maximum",
        "pattern",
        "strict",
        "$ref",
        "$schema",
        "$defs",
        "definitions",
        "examples",
        "const",
        "nullable",
        "metadata",
        "user",
        "system",
        "instructions",
        "context",
        "stream",
        "temperature",
        "top_p",
        "top_k",
        "max_tokens",
        "n",
        "stop",
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "options",
        "settings",
        "config",
        "params",
        "args",
        "kwargs",
        "body",
        "method",
        "headers",
        "path",
        "status",
        "error",
        "code",
        "result",
        "results",
        "response",
        "request",
        "version",
        "language",
        "lang",
        "locale",
        "timestamp",
        "created",
        "created_at",
        "updated_at",
        "width",
        "height",
        "size",
        "count",
        "index",
        "start",
        "end",
        "offset",
        "limit",
        "page",
        "tags",
        "labels",
        "label",
        "category",
        "score",
        "email",
        "phone",
        "address",
        "username",
        "password",
        "token",
        "secret",
        "api_key",
        "note",
        "notes",
        "comment",
        "comments",
        "summary",
        "subject",
        "topic",
        "attachments",
        "attachment",
        "conversation_id",
        "parent_message_id",
        "session_id",
        "request_id",
        "event",
        "action",
        "arg0",
        "author",
        "jsonrpc",
        "completion",
        "variables",
        "search",
        "filter",
        "filters",
        "negative_prompt",
    ]
)
"""Field names so common that to show them in a path tells nothing of what was sent."""


def compile_rules(
    patterns: Mapping[str, Rule],
    *,
    tags: Iterable[str] = (),
    same: Mapping[str, str] | None = None,
    default: Rule = SAY,
) -> Table[Rule]:
    """A protocol's table; see `gateway.encodings.json_text.compile_table` for the patterns."""
    table = json_text.compile_table(patterns, default, tags=tags, same=same)
    return Table(table.root, table.words | COMMON_WORDS)


@cache
def uniform(rule: Rule) -> json_text.Node[Rule]:
    """The table for a document inside a text: every place has the rule of the text."""
    return json_text.compile_table({}, rule).root


def role_named(tag: str | None) -> Role | None:
    """The role that a role field's text names; None when it is not one."""
    return None if tag is None else _ROLES.get(tag.lower())
