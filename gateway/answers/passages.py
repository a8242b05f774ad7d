"""Which texts does an answer hold, to be looked at? All that a person, a tool or a log may get.

Law: every text of an event is given out once, with its place; texts in pieces are told from whole
ones as the protocol's table tells them. Only what is no text for anybody is left out: identifiers,
signatures, encrypted content, and files in base64.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.answers import leaves, stream
from gateway.answers.framing import Frame
from gateway.answers.leaves import Indexes
from gateway.answers.stream import Shape
from gateway.detectors import seeds
from gateway.encodings import content_encoding, json_text
from gateway.encodings.json_text import Container, EventKind, JsonError, Walk
from gateway.model import PartKind, Passage
from gateway.protocols import said
from gateway.protocols.said import Answers, Said

MESSAGES: Final = "message"
"""The content type of WebSocket messages that were put together, each ended by U+001E."""

_SEALED: Final = frozenset(
    {
        "signature",
        "thoughtSignature",
        "thought_signature",
        "encrypted_content",
        "encrypted_index",
        "redacted_thinking",
        "redactedContent",
        "reasoning_opaque",
    }
)
"""Fields whose content nobody but the service can read."""

_NAMES: Final = frozenset(
    {
        "id",
        "object",
        "type",
        "model",
        "role",
        "status",
        "system_fingerprint",
        "finish_reason",
        "finishReason",
        "stop_reason",
        "stopReason",
        "service_tier",
        "created_at",
        "modelVersion",
        "responseId",
        "obfuscation",
    }
)
_WORD = re.compile(rb"[0-9A-Za-z]")
_NAME = re.compile(r"[\w.:/+=@-]{1,200}")
_BASE64 = re.compile(r"(?:data:[\w/+.;=-]{1,100},)?[A-Za-z0-9+/_-]{4096,}={0,2}\s*")
_LIKE_JSON: Final = ("{", "[")
_JSON_ESCAPE = re.compile(r"\\(?:\\)*[nrtbf]|\\+(?=[\"/])")


@dataclass(frozen=True, slots=True)
class Text:
    """A text in an event, at `start:end` of its payload: between quotes where it is a string.

    Texts in pieces with the same `key` go on in each other; a whole one has none. `numbers` is
    where the bytes of a model's token stand once more.
    """

    text: str = field(repr=False)
    kind: PartKind
    start: int
    end: int
    key: tuple[object, ...] | None = field(default=None, repr=False)
    editable: bool = True
    quoted: bool = True
    numbers: tuple[int, int] | None = None


def texts_of(frame: Frame, answers: Answers) -> list[Text]:
    """The texts of one event."""
    payload = frame.payload
    if payload is None and _WORD.search(frame.raw):
        # What no framing could read goes as it is, and is looked at all the same.
        text = frame.raw.decode("utf-8", "replace")
        return [Text(text, PartKind.TEXT, 0, 0, editable=False)]
    if not payload:
        return []
    if frame.split:
        return [Text(payload, PartKind.TEXT, 0, len(payload), ("",), quoted=False)]
    try:
        value = leaves.read(payload)
        kind = leaves.kind_of(value, answers) or frame.kind
        walk = json_text.walk(payload, answers.table(kind))
        return list(_Reader(walk, value).texts())
    except (JsonError, ValueError, RecursionError):
        # Whatever it is, somebody may read it.
        return [Text(payload, PartKind.TEXT, 0, len(payload), quoted=False)]


class _Reader:
    """The texts of one walk."""

    def __init__(self, walk: Walk[Said], value: object) -> None:
        self._walk = walk
        self._value = value
        self._known: dict[int, _Around] = {}

    def texts(self) -> Iterator[Text]:
        """See `texts_of`."""
        numbers = {
            id(container): (start, end)
            for kind, _, start, end, _, container, key in self._walk.events
            if kind is EventKind.NUMBERS and key == "bytes"
        }
        for kind, text, start, end, rule, container, key in self._walk.events:
            if kind is EventKind.KEY:
                yield Text(text, PartKind.KEY, start, end)
                continue
            if kind is not EventKind.STRING or not text:
                continue
            here = self._around(container)
            name = key if isinstance(key, str) else here.name
            if name in _SEALED or here.sealed or _says_nothing(name, text):
                continue
            around = here.value if isinstance(here.value, dict) else {}
            reasons = (
                here.kept
                or rule.kept
                or said.is_kept_key(name)
                or bool(rule.unless and around.get(rule.unless))
            )
            place = (f"{here.place}.{key}" if isinstance(key, str) else here.place, here.indexes)
            if reasons:
                yield Text(text, PartKind.REASONING, start, end, place, editable=False)
                continue
            yield Text(
                text,
                PartKind.TOOL_CALL if rule.tool else PartKind.TEXT,
                start,
                end,
                place if rule.piece else None,
                numbers=numbers.get(id(container)) if rule.logprob else None,
            )

    def _around(self, container: Container | None) -> _Around:
        """What the way to a container says."""
        if container is None:
            return _Around(self._value)
        found = self._known.get(id(container))
        if found is not None:
            return found
        above, key = container
        outer = self._around(above)
        value, place, kept, sealed, name = (
            outer.value,
            outer.place,
            outer.kept,
            outer.sealed,
            outer.name,
        )
        if above is not None:
            value = leaves.child_of(value, key)
            if isinstance(key, str):
                place, name = f"{place}.{key}", key
                kept = kept or said.is_kept_key(key)
                sealed = sealed or key in _SEALED
        indexes = outer.indexes
        if isinstance(value, dict):
            indexes += leaves.indexes_of(value)
        self._known[id(container)] = found = _Around(value, place, indexes, kept, sealed, name)
        return found


@dataclass(frozen=True, slots=True)
class _Around:
    """A container on the way to a text."""

    value: Any = field(repr=False)
    place: str = field(default="", repr=False)
    indexes: Indexes = field(default=(), repr=False)
    kept: bool = False
    sealed: bool = False
    name: str = field(default="", repr=False)


def _says_nothing(name: str, text: str) -> bool:
    """Whether a string is an identifier, or a file that nobody opens here."""
    if (name in _NAMES or name.endswith(("_id", "Id"))) and _NAME.fullmatch(text):
        return True
    return len(text) > 4096 and _BASE64.fullmatch(text) is not None


def readable(text: str, kind: PartKind) -> str:
    """A text as detectors are to see it, each character in its place.

    The arguments of a tool are JSON text: the letters of its escapes are no letters of a value.
    """
    if kind is not PartKind.TOOL_CALL or "\\" not in text:
        return text
    return _JSON_ESCAPE.sub(lambda found: " " * len(found[0]), text)


# --- how far -------------------------------------------------------------------------------------

AHEAD: Final = 128
"""Code points that must follow on what is decided, while a text goes on."""

_MOST: Final = 4096
"""Code points after which a text without a space is cut all the same."""

_LONGEST: Final = 16384
"""Code points of the longest value that is waited for."""

_BEGIN, _END = "-----BEGIN", "-----END"


def decided(passage: Passage, spans: list[tuple[int, int]]) -> int:
    """How far of a passage is decided: the end, or a place over which no value goes.

    `spans` are those of values in it. A value that reaches the end may go on, and so may a word.
    """
    text, seen = passage.text, passage.seen
    if passage.last:
        return len(text)
    at = len(text) - AHEAD
    if at <= seen:
        return seen
    begun = text.rfind(_BEGIN)
    if begun >= 0 and _END not in text[begun:]:
        spans = [*spans, (begun, len(text))]
    run = seeds.begun(text)
    if run is not None:
        spans = [*spans, (run, len(text))]
    while at > seen:
        over = [start for start, end in spans if start < at and (end > at or end >= len(text) - 1)]
        if over:
            at = min(over)
            continue
        space = max(text.rfind(char, seen, at) for char in " \n\t,;")
        if space + 1 == at:
            return at
        if space < 0:
            break
        at = space + 1
    waiting = len(text) - seen
    if waiting < _MOST or (spans and waiting < _LONGEST):
        return seen
    # INVARIANT: it goes on. What is cut here is decided as far as it is known.
    at = len(text) - AHEAD
    return max((end for start, end in spans if start < at < end), default=at)


# --- behind --------------------------------------------------------------------------------------


def of_body(
    body: bytes, content_type: str, encoding: str, answers: Answers, *, limit: int
) -> list[Passage]:
    """All texts of an answer that has gone, each put together from its pieces.

    Raises `EncodingError` for a body that is not encoded as it says; one that breaks off is read as
    far as it came.
    """
    data = content_encoding.decode(body, encoding, limit) if encoding.strip() else body
    shape = Shape.MESSAGE if content_type == MESSAGES else stream.shape_of(content_type)
    if shape is Shape.OPAQUE:
        return []
    framing = stream.framing_of(shape)
    whole: dict[tuple[str, PartKind], Passage] = {}
    parts: dict[tuple[object, ...], list[Text]] = {}
    for frame in (*framing.feed(data), *framing.end()):
        for text in texts_of(frame, answers):
            if text.key is None:
                whole[text.text, text.kind] = _passage(text.text, text.kind)
            else:
                parts.setdefault(text.key, []).append(text)
    for some in parts.values():
        joined = "".join(text.text for text in some)
        # What was said in pieces is often said once more as a whole.
        whole[joined, some[0].kind] = _passage(joined, some[0].kind)
    return list(whole.values())


def _passage(text: str, kind: PartKind) -> Passage:
    return Passage(text, kind, editable=kind is not PartKind.REASONING)
