"""Which strings, keys and numbers does a JSON text hold, and where exactly does each stand?

Law: RFC 8259 to the letter, in one pass, with the span of every string and every duplicate key
kept. `NaN` and `Infinity` pass too: they are no JSON, but Python and others write and read them.
Anything else is an error with a position, never a partial result taken for a whole.

The walk goes along a *table*, a trie of path patterns, so that a protocol is data: each place in
the document is met together with the rule that the table holds for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from json.decoder import scanstring  # type: ignore[attr-defined]  # missing in the stubs

from gateway.model import UnreadReason

MAX_DEPTH = 200
MAX_VALUES = 1_000_000

type Container = tuple[Container | None, str | int]
"""A place in the document: the container around it, and its key or index there.

The root is ``(None, document number)``. Two containers are the same place when they are the same
object; equality says only that the paths read alike, as with duplicate keys.
"""


class JsonError(Exception):
    """A text that is not one JSON value: MALFORMED, or TOO_DEEP when it goes over a limit."""

    def __init__(self, reason: UnreadReason, position: int) -> None:
        self.reason = reason
        self.position = position
        super().__init__(f"JSON text: {reason.value} at offset {position}")


# --- tables --------------------------------------------------------------------------------------


class Node[R]:
    """One place in a compiled table: the rule for a value here, and the places below."""

    __slots__ = ("below", "element", "item", "keys", "other", "rule", "star", "tags")

    def __init__(self) -> None:
        self.rule: R
        self.tags = 0  # how many objects up a string here names the speaker of; 0 is none
        self.keys: dict[str, Node[R]] = {}
        self.element: Node[R] | None = None
        self.star: Node[R] | None = None
        self.item: Node[R]
        self.other: Node[R]
        self.below: R | None = None


@dataclass(frozen=True, slots=True)
class Table[R]:
    """Path patterns, compiled.

    `words` are all key names that the patterns spell out. A walk does not report these keys: they
    are names that we wrote ourselves, and nearly every key of an honest request is one.
    """

    root: Node[R]
    words: frozenset[str]


_PATTERN = re.compile(r"\.?\*\*|\[\]|\.?\*|\.?([^.\[\]*]+)")


def compile_table[R](
    patterns: Mapping[str, R],
    default: R,
    *,
    tags: Iterable[str] = (),
    same: Mapping[str, str] | None = None,
) -> Table[R]:
    """Compile path patterns such as ``messages[].content.**``.

    ``a.b`` is a key, ``[]`` any array element, ``*`` any key that no other pattern names; a final
    ``.**`` gives the rule to the place and to everything below it that has no rule of its own.
    `tags` are patterns of strings that name what stands beside and below them (a chat role); with
    ``^`` after it, one names what stands around the object that it is in.
    `same` maps a pattern to the pattern whose subtree it shares ("" is the root). The rule of a
    place that nothing names is `default`. Raises `ValueError` for a pattern that is not one.
    """
    root: Node[R] = Node()
    root.below = default
    words: set[str] = set()

    def place(pattern: str) -> tuple[Node[R], bool]:
        node, at, deep = root, 0, False
        while at < len(pattern):
            match = _PATTERN.match(pattern, at)
            if match is None or deep:
                raise ValueError(f"table pattern `{pattern}` is not a path")
            at = match.end()
            step = match[0].removeprefix(".")
            if step == "**":
                deep = True
            elif step == "[]":
                node.element = node = node.element or Node()
            elif step == "*":
                node.star = node = node.star or Node()
            else:
                words.add(step)
                node = node.keys.setdefault(step, Node())
        return node, deep

    for pattern, rule in patterns.items():
        node, deep = place(pattern)
        node.rule = rule
        if deep:
            node.below = rule
    for pattern in tags:
        place(pattern.removesuffix("^"))[0].tags = 2 if pattern.endswith("^") else 1
    aliases = [(place(pattern)[0], place(target)[0]) for pattern, target in (same or {}).items()]
    for node, target in aliases:
        node.keys, node.element, node.star = target.keys, target.element, target.star
        node.below = target.below

    seen: set[int] = set()

    def finish(node: Node[R], inherited: R) -> None:
        if id(node) in seen:
            return
        seen.add(id(node))
        below = inherited if node.below is None else node.below
        if not hasattr(node, "rule"):
            node.rule = below
        free: Node[R] = Node()
        free.rule = below
        free.item = free.other = free
        seen.add(id(free))
        node.item = node.element or free
        node.other = node.star or free
        for child in (*node.keys.values(), node.item, node.other):
            finish(child, below)

    finish(root, default)
    for node, target in aliases:
        node.item, node.other = target.item, target.other
    return Table(root, frozenset(words))


# --- walking -------------------------------------------------------------------------------------


class EventKind(IntEnum):
    """What an event is: a string value, a key, one number, or a whole flat array of numbers."""

    STRING = 0
    KEY = 1
    NUMBER = 2
    NUMBERS = 3


type Event[R] = tuple[EventKind, str, int, int, R, Container | None, str | int]
"""(kind, decoded text, start, end, rule, container, key or index).

`start:end` spans the text between the quotes of a string, or the number itself. For a key the last
item is the key too.
"""


@dataclass(slots=True)
class Walk[R]:
    """What a walk met, in document order; `tags[i]` names who speaks in event i, if anyone.

    `ends` holds the end of each document.
    """

    events: list[Event[R]] = field(default_factory=list, repr=False)
    tags: list[str | None] = field(default_factory=list, repr=False)
    ends: list[int] = field(default_factory=list)


_KEY = re.compile(r'[ \t\n\r]*+"([^"\\\x00-\x1f]*+)"[ \t\n\r]*+:[ \t\n\r]*+')
_KEY_START = re.compile(r'[ \t\n\r]*+"')
_COLON = re.compile(r"[ \t\n\r]*+:[ \t\n\r]*+")
_AFTER = re.compile(r"[ \t\n\r]*+([,}\]])[ \t\n\r]*+")
_SPACE = re.compile(r"[ \t\n\r]*+")
_EMPTY_OBJECT = re.compile(r"\{[ \t\n\r]*+\}")
_EMPTY_ARRAY = re.compile(r"\[[ \t\n\r]*+\]")
_NUM = r"-?+(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?+[0-9]++)?+"
_NUMBER = re.compile(_NUM)
_NUMBERS = re.compile(rf"\[[ \t\n\r]*+{_NUM}(?:[ \t\n\r]*+,[ \t\n\r]*+{_NUM})*+[ \t\n\r]*+\]")
_LITERAL = re.compile(r"true|false|null|NaN|-?Infinity")
_DIGITS = re.compile(r"[0-9]")
_BETWEEN = re.compile(r"[ \t\n\r\x1e]*+")
_MIN_DIGITS = 6


def _string(text: str, start: int) -> tuple[str, int]:
    """Decode the string whose first character is at `start`; also the offset after its quote."""
    result: tuple[str, int] | None = None
    position = start
    try:
        result = scanstring(text, start, True)  # noqa: FBT003  # the signature of the json module
    except json.JSONDecodeError as error:
        position = error.pos
    # INVARIANT: raised outside `except`, since the decode error holds the whole document.
    if result is None:
        raise JsonError(UnreadReason.MALFORMED, position)
    return result


def _enough_digits(token: str) -> bool:
    # At most four characters of a number are no digits, so its head tells for all of it.
    return len(token) >= _MIN_DIGITS and len(_DIGITS.findall(token[:10])) >= _MIN_DIGITS


def walk[R](
    text: str, table: Table[R], *, max_depth: int = MAX_DEPTH, max_values: int = MAX_VALUES
) -> Walk[R]:
    """Walk a text that is one JSON value, white space and a byte order mark around it aside."""
    found: Walk[R] = Walk()
    at = 1 if text.startswith("\ufeff") else 0
    end = _one(text, at, found, table, (None, 0), limits=(max_depth, max_values))
    rest = _SPACE.match(text, end)
    if rest is None or rest.end() != len(text):
        raise JsonError(UnreadReason.MALFORMED, end)
    return found


def walk_sequence[R](
    text: str,
    table: Table[R],
    *,
    max_depth: int = MAX_DEPTH,
    max_values: int = MAX_VALUES,
) -> Walk[R]:
    """Walk JSON values one after the other: lines, RFC 7464 sequences, SignalR (U+001E after each).

    Every value must be an object or an array, so that running text is not taken for numbers.
    """
    found: Walk[R] = Walk()
    at = 1 if text.startswith("\ufeff") else 0
    while True:
        gap = _BETWEEN.match(text, at)
        at = gap.end() if gap else at
        if at >= len(text):
            break
        if text[at] not in "{[":
            raise JsonError(UnreadReason.MALFORMED, at)
        number = len(found.ends)
        if number >= max_values:
            raise JsonError(UnreadReason.TOO_DEEP, at)
        at = _one(text, at, found, table, (None, number), limits=(max_depth, max_values))
    if not found.ends:
        raise JsonError(UnreadReason.MALFORMED, at)
    return found


def _one[R](  # private, with two callers just above
    text: str,
    at: int,
    found: Walk[R],
    table: Table[R],
    container: Container,
    *,
    limits: tuple[int, int],
) -> int:
    """Walk one value from `at` on; the offset after it. Written flat: this runs per request."""
    max_depth, max_values = limits
    root, words = table.root, table.words
    events, tags = found.events, found.tags
    emit, tag_of = events.append, tags.append
    string_kind, key_kind = EventKind.STRING, EventKind.KEY
    # One frame per open container: (container, node, is object, first event, tag, next index).
    stack: list[tuple[Container, Node[R], bool, int, str | None, int]] = []
    here: Container = container
    node, in_object, first, tag, index = root, False, len(events), None, 0
    value_node: Node[R] = root
    key: str | int = ""
    opened = False
    values = 0
    length = len(text)
    space = _SPACE.match(text, at)
    at = space.end() if space else at

    while True:
        # --- a value, which belongs to `value_node`, starts at `at`
        values += 1
        if values > max_values:
            raise JsonError(UnreadReason.TOO_DEEP, at)
        ch = text[at] if at < length else ""
        if ch == '"':
            value, end = _string(text, at + 1)
            emit(
                (string_kind, value, at + 1, end - 1, value_node.rule, here if stack else None, key)
            )
            tag_of(None)
            if value_node.tags and in_object:
                if value_node.tags == 1:
                    tag = value
                else:
                    around = stack[-1]
                    stack[-1] = (*around[:4], value, around[5])
            at = end
        elif ch in ("{", "["):
            if len(stack) >= max_depth:
                raise JsonError(UnreadReason.TOO_DEEP, at)
            match = (_EMPTY_OBJECT if ch == "{" else _EMPTY_ARRAY).match(text, at)
            numbers = _NUMBERS.match(text, at) if match is None and ch == "[" else None
            if match is not None:
                at = match.end()
            elif numbers is not None:
                at = numbers.end()
                value = text[numbers.start() : at]
                emit((
                    EventKind.NUMBERS, value, at - len(value), at, value_node.item.rule,
                    here if stack else None, key,
                ))  # fmt: skip
                tag_of(None)
            else:
                stack.append((here, node, in_object, first, tag, index))
                here = (here, key) if len(stack) > 1 else container
                node, in_object, first, tag, index = value_node, ch == "{", len(events), None, 0
                space = _SPACE.match(text, at + 1)
                at = space.end() if space else at + 1
                opened = True
        else:
            match = _NUMBER.match(text, at)
            if match is not None:
                value = match[0]
                if _enough_digits(value):
                    emit((
                        EventKind.NUMBER, value, at, match.end(), value_node.rule,
                        here if stack else None, key,
                    ))  # fmt: skip
                    tag_of(None)
            else:
                match = _LITERAL.match(text, at)
                if match is None:
                    raise JsonError(UnreadReason.MALFORMED, at)
            at = match.end()

        # --- close what ends here, and find where the next value starts
        if opened:
            opened = False
        else:
            while stack:
                after = _AFTER.match(text, at)
                if after is None:
                    raise JsonError(UnreadReason.MALFORMED, at)
                at = after.end()
                mark = after[1]
                if mark == ",":
                    break
                if (mark == "}") is not in_object:
                    raise JsonError(UnreadReason.MALFORMED, at - 1)
                if tag is not None:
                    for number in range(first, len(events)):
                        if tags[number] is None:
                            tags[number] = tag
                here, node, in_object, first, tag, index = stack.pop()
            if not stack:
                found.ends.append(at)
                return at
        if in_object:
            match = _KEY.match(text, at)
            if match is not None:
                key = match[1]
                start, end = match.span(1)
                at = match.end()
            else:
                match = _KEY_START.match(text, at)
                if match is None:
                    raise JsonError(UnreadReason.MALFORMED, at)
                start = match.end()
                key, end = _string(text, start)
                match = _COLON.match(text, end)
                if match is None:
                    raise JsonError(UnreadReason.MALFORMED, end)
                at = match.end()
                end -= 1
            value_node = node.keys.get(key) or node.other
            if key not in words:
                emit((key_kind, key, start, end, value_node.rule, here, key))
                tag_of(None)
        else:
            key = index
            index += 1
            value_node = node.item
