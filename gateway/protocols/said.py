"""What can a protocol's table say of a place in an answer?

Law: what goes back to the service unchanged one day (reasoning, signatures, encrypted content) is
kept byte for byte; everything else is restored. A place that no table names holds a whole text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.encodings import json_text
from gateway.encodings.json_text import Table


@dataclass(frozen=True, slots=True)
class Said:
    """What stands at a place of an answer.

    A `piece` goes on in the next event at the same place; all else is whole. `kept` is never
    touched. `tool` are arguments of a tool, `names` the tool itself. A `logprob` is one token of
    the model's, with its bytes beside it. Where the object has a true field named `unless`, the
    place is kept. A `patch` is a piece of the text that the path in `p` beside it names, or the
    path of the event before.
    """

    piece: bool = False
    kept: bool = False
    tool: bool = False
    names: bool = False
    logprob: bool = False
    patch: bool = False
    unless: str = ""


WHOLE: Final = Said()
PIECE: Final = Said(piece=True)
KEPT: Final = Said(kept=True)
TOOL: Final = Said(tool=True)
TOOL_PIECE: Final = Said(piece=True, tool=True)
TOOL_NAME: Final = Said(names=True)
LOGPROB: Final = Said(piece=True, logprob=True)
PATCH: Final = Said(piece=True, patch=True)

_KEPT_KEYS: Final = (
    "thinking",
    "thinking_delta",
    "thoughts",
    "thoughtSignature",
    "thought_signature",
    "signature",
    "encrypted_content",
    "encrypted_index",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "reasoning_opaque",
    "reasoningContent",
    "redacted_thinking",
    "redactedContent",
)


def _table(patterns: Mapping[str, Said]) -> Table[Said]:
    return json_text.compile_table(patterns, WHOLE)


@dataclass(frozen=True, slots=True)
class Answers:
    """The tables of a protocol's answers: one for each kind of event, by its type, and one for the rest.

    `by_type` pairs a pattern for the event's type with the table for it; the first that matches
    counts. `type_keys` are the fields that tell an event's type. With `apart`, the elements of an
    array are texts of their own, and events of plain text are pieces of one.
    """

    default: Table[Said] = field(repr=False)
    by_type: tuple[tuple[re.Pattern[str], Table[Said]], ...] = field(default=(), repr=False)
    type_keys: tuple[str, ...] = ("type", "event_type", "event")
    apart: bool = False

    @classmethod
    def of(
        cls,
        patterns: Mapping[str, Said],
        by_type: Sequence[tuple[str, Mapping[str, Said]]] = (),
        *,
        apart: bool = False,
    ) -> Answers:
        """From path patterns as `gateway.encodings.json_text.compile_table` takes them."""
        return cls(
            _table(patterns),
            tuple((re.compile(kind), _table(some)) for kind, some in by_type),
            apart=apart,
        )

    def table(self, kind: str) -> Table[Said]:
        """The table for an event of type `kind`."""
        for pattern, table in self.by_type:
            if pattern.fullmatch(kind):
                return table
        return self.default


def is_kept_key(key: str) -> bool:
    """Whether a field of this name is kept wherever it stands."""
    return key in _KEPT


def is_kept_type(kind: object) -> bool:
    """Whether an object whose `type` is this is kept, with all that is in it."""
    return isinstance(kind, str) and kind in _KEPT_TYPES


_KEPT: Final = frozenset(_KEPT_KEYS)
_KEPT_TYPES: Final = frozenset({
    "thinking", "redacted_thinking", "reasoning", "reasoning_text", "summary_text", "compaction",
})  # fmt: skip

_TEXT_KEYS: Final = (
    "text", "content", "delta", "response", "output", "token", "v", "answer", "completion",
    "generated_text", "output_text", "message", "chunk", "part", "value", "result", "appendText",
    "generation", "outputText",
)  # fmt: skip


def _generic() -> Answers:
    """For answers of nobody knows whom: fields that usually carry text may carry it in pieces."""
    patterns = {"": PIECE, **dict.fromkeys(_TEXT_KEYS, PIECE)}
    # JSON patches, as ChatGPT's and DeepSeek's pages take them.
    patterns["v"] = PATCH
    # Wherever they stand: every place below is like the top.
    same = dict.fromkeys((*patterns, "*", "[]"), "")
    del same[""]
    return Answers(json_text.compile_table(patterns, WHOLE, same=same), apart=True)


GENERIC: Final = _generic()
