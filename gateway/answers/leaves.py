"""Which texts does an event of an answer hold, and which of them matter?

Law: an event is read as its client reads it. What is no JSON, though it begins like it, holds
nothing; reasoning, signatures and encrypted content are never given out.

There are two ways to read one. Most events hold a few letters and no token: `pieces` reads those
fast, without places. `spanned` tells for each text where it stands in the payload.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from gateway.answers.restore import Tokens
from gateway.encodings import json_text
from gateway.encodings.json_text import Container, EventKind, JsonError, Node, Table, Walk
from gateway.protocols import said
from gateway.protocols.said import Answers, Said

_INDEXES: Final = (
    "index",
    "output_index",
    "content_index",
    "summary_index",
    "contentBlockIndex",
    "item_id",
)
"""Fields that tell which of several texts an event belongs to."""

_INDEXED: Final = frozenset(_INDEXES)

type Indexes = tuple[tuple[str, int | str], ...]


class Leaf(NamedTuple):
    """A text in an event; `start:end` of its payload, between quotes where it is a string.

    Texts with the same `place` and `indexes` go on in each other. `path` is what a patch names,
    `tool` the tool whose arguments it is, where the event tells. `numbers` is where its bytes
    stand once more.
    """

    text: str
    said: Said
    place: str = ""
    indexes: Indexes = ()
    start: int = -1
    end: int = -1
    quoted: bool = True
    path: str | None = None
    tool: str = ""
    numbers: tuple[int, int] | None = None

    def __repr__(self) -> str:
        """Without what it says."""
        return f"Leaf({self.start}:{self.end})"


def kind_of(value: object, answers: Answers) -> str:
    """The type that an event tells of itself."""
    if isinstance(value, dict):
        for key in answers.type_keys:
            kind = value.get(key)
            if isinstance(kind, str):
                return kind
    return ""


def read(payload: str) -> Any:
    """The value of a JSON text. Raises `ValueError` or `RecursionError` for what is none."""
    return json.loads(payload.removeprefix("\ufeff"))


# --- fast ----------------------------------------------------------------------------------------


class Interest:
    """A place below which pieces or names of tools may stand, and the places that lead there."""

    __slots__ = ("item", "keys", "other", "rule")

    def __init__(self) -> None:
        self.rule: Said | None = None
        self.keys: dict[str, Interest | None] = {}  # None is of no interest
        self.other: Interest | None = None
        self.item: Interest | None = None


@functools.lru_cache(maxsize=256)
def interest(table: Table[Said]) -> Interest | None:
    """What of a table is of interest."""
    made: dict[int, Interest] = {}

    def matters(node: Node[Said], seen: set[int]) -> bool:
        if id(node) in seen:
            return False
        seen.add(id(node))
        return (
            node.rule.piece
            or node.rule.names
            or any(matters(some, seen) for some in (*node.keys.values(), node.item, node.other))
        )

    def of(node: Node[Said]) -> Interest | None:
        if id(node) in made:
            return made[id(node)]
        if not matters(node, set()):
            return None
        here = made[id(node)] = Interest()
        here.rule = node.rule if node.rule.piece or node.rule.names else None
        here.keys = {
            key: None if said.is_kept_key(key) else of(some) for key, some in node.keys.items()
        }
        here.other, here.item = of(node.other), of(node.item)
        return here

    return of(table.root)


def pieces(value: object, where: Interest | None, *, apart: bool) -> list[Leaf]:
    """The pieces and names of tools in an event, without their places in the payload."""
    out: list[Leaf] = []
    if where is not None:
        if isinstance(value, str):
            if value and where.rule is not None:
                out.append(Leaf(value, where.rule))
        else:
            _pieces(value, where, ("", (), ""), out, apart=apart)
    return out


def _pieces(
    value: object, where: Interest, here: tuple[str, Indexes, str], out: list[Leaf], *, apart: bool
) -> None:
    """`here` is the place of a container, the indexes on the way to it, and the path of patches."""
    place, indexes, path = here
    if isinstance(value, dict):
        if "type" in value and said.is_kept_type(value["type"]):
            return
        keys = where.keys
        if where.other is None:  # most of what an event holds is of no interest
            found = [(key, some) for key, some in keys.items() if some is not None and key in value]
        else:
            found = [
                (key, some)
                for key in value
                if (some := keys.get(key, where.other)) is not None
                and (key in keys or not said.is_kept_key(key))
            ]
        if not found:
            return
        if not _INDEXED.isdisjoint(value):
            indexes += indexes_of(value)
        for key, some in found:
            below = value[key]
            if not below:
                continue
            if isinstance(below, str):
                rule = some.rule
                if rule is not None and not (rule.unless and value.get(rule.unless)):
                    named = _path(path, value) if rule.patch else None
                    out.append(Leaf(below, rule, f"{place}.{key}", indexes, path=named))
            elif isinstance(below, dict | list):
                named = _path(path, value) or "" if "p" in value else path
                _pieces(below, some, (f"{place}.{key}", indexes, named), out, apart=apart)
    elif isinstance(value, list) and where.item is not None:
        some = where.item
        for number, below in enumerate(value):
            inner = f"{place}[{number}]" if apart else place
            if isinstance(below, str):
                if below and some.rule is not None:
                    out.append(Leaf(below, some.rule, inner, indexes))
            elif isinstance(below, dict | list):
                _pieces(below, some, (inner, indexes, path), out, apart=apart)


def indexes_of(around: dict[str, Any]) -> Indexes:
    """What tells, in an object, which of several texts an event belongs to."""
    # An item's id says the same as its index, but not every event has it.
    return tuple(
        (name, found)
        for name in _INDEXES
        if isinstance(found := around.get(name), int | str)
        and not (name == "item_id" and "output_index" in around)
    )


def patched(value: object) -> str | None:
    """The path that an event's patch names; None when it names none."""
    return _path("", value) if isinstance(value, dict) else None


def _path(above: str, around: dict[str, Any]) -> str | None:
    """The path that a patch names, below the one that it is in; None when it names none."""
    path = around.get("p")
    if not isinstance(path, str):
        return None
    return "/".join(filter(None, (above, path.strip("/"))))


# --- faster --------------------------------------------------------------------------------------

_BARE = re.compile(r'[^"\\\x00-\x1f]*')


class Mould(NamedTuple):
    """An event that differs from others in one piece only: what stands around that piece."""

    before: str
    after: str
    leaf: Leaf

    def __repr__(self) -> str:
        """Without what it says."""
        return "Mould()"

    def text(self, payload: str) -> str | None:
        """The piece, when `payload` is the same event but for that; None when it may not be."""
        if not (payload.startswith(self.before) and payload.endswith(self.after)):
            return None
        start, end = len(self.before), len(payload) - len(self.after)
        found = _BARE.fullmatch(payload, start, end) if start <= end else None
        return found[0] if found else None


def mould(payload: str, found: list[Leaf]) -> Mould | None:
    """The mould of an event; None when the place of its piece cannot be told without reading it."""
    if len(found) != 1 or not found[0].said.piece or "\\" in payload:
        return None
    text = f'"{found[0].text}"'
    # INVARIANT: it stands there once, and nothing is escaped: this is the piece.
    at = payload.find(text)
    if at < 0 or payload.find(text, at + 1) >= 0:
        return None
    return Mould(payload[: at + 1], payload[at + len(text) - 1 :], found[0])


# --- with places ---------------------------------------------------------------------------------

_NO_NUMBER = re.compile(r'"(?:[^"\\]++|\\.)*+"|-?(?:NaN|Infinity)', re.DOTALL)


def spanned(
    payload: str, value: object, table: Table[Said], tokens: Tokens, answers: Answers
) -> list[Leaf]:
    """Pieces, names of tools, and whole texts with tokens in them.

    Raises `JsonError` for a payload that is not one JSON text.
    """
    text = payload
    if "NaN" in text or "Infinity" in text:  # no JSON, but Python writes and reads it
        text = _NO_NUMBER.sub(
            lambda found: found[0] if found[0][0] == '"' else "0." + "0" * (len(found[0]) - 2), text
        )
    return list(_Walked(json_text.walk(text, table), value, tokens, apart=answers.apart).leaves())


@dataclass(frozen=True, slots=True)
class _Container:
    """A container on the way to a text."""

    value: Any = field(repr=False)
    place: str = field(repr=False)
    indexes: Indexes = field(repr=False)
    kept: bool
    path: str = field(repr=False)


class _Walked:
    """The leaves of one walk."""

    def __init__(self, walk: Walk[Said], value: object, tokens: Tokens, *, apart: bool) -> None:
        self._walk = walk
        self._value = value
        self._tokens = tokens
        self._apart = apart
        self._known: dict[int, _Container] = {}
        self._bytes = {
            id(container): (start, end)
            for kind, _, start, end, _, container, key in walk.events
            if kind is EventKind.NUMBERS and key == "bytes"
        }
        # Of a key that stands twice readers take the last: only that is a piece.
        self._last = {
            (id(container), key): start
            for kind, _, start, _, rule, container, key in walk.events
            if kind is EventKind.STRING and rule.piece
        }
        self._names = {
            id(container): text
            for kind, text, _, _, rule, container, _ in walk.events
            if kind is EventKind.STRING and rule.names
        }

    def leaves(self) -> Iterator[Leaf]:
        """See `spanned`."""
        for kind, text, start, end, given, container, key in self._walk.events:
            if kind is not EventKind.STRING and kind is not EventKind.KEY:
                continue
            rule = given
            if not (rule.piece or rule.names) and not self._tokens.hits(text):
                continue
            here = self._container(container)
            if here.kept or rule.kept or (isinstance(key, str) and said.is_kept_key(key)):
                continue
            if kind is EventKind.KEY:
                if self._tokens.hits(text):
                    yield Leaf(
                        text,
                        said.TOOL if rule.tool else said.WHOLE,
                        start=start,
                        end=end,
                        tool=self._tool(container),
                    )
                continue
            if rule.piece and self._last[id(container), key] != start:
                rule = said.TOOL if rule.tool else said.WHOLE
            around = here.value if isinstance(here.value, dict) else {}
            if (rule.unless and around.get(rule.unless)) or (rule.piece and not text):
                continue
            yield Leaf(
                text,
                rule,
                self._place(here, key, container),
                here.indexes,
                start,
                end,
                path=_path(here.path, around) if rule.patch else None,
                tool=self._tool(container) if rule.tool else "",
                numbers=self._bytes.get(id(container)) if rule.logprob else None,
            )

    def _place(self, here: _Container, key: str | int, container: Container | None) -> str:
        if container is None:
            return ""
        if isinstance(key, str):
            return f"{here.place}.{key}"
        return f"{here.place}[{key}]" if self._apart else here.place

    def _container(self, container: Container | None) -> _Container:
        """The container, and what the way to it says."""
        if container is None:
            return _Container(self._value, "", (), kept=False, path="")
        found = self._known.get(id(container))
        if found is not None:
            return found
        above, key = container
        outer = self._container(above)
        value, place, kept, path = outer.value, outer.place, outer.kept, outer.path
        if above is not None:
            if isinstance(value, dict) and "p" in value:
                path = _path(path, value) or ""
            value = child_of(value, key)
            place = self._place(outer, key, above)
            kept = kept or (isinstance(key, str) and said.is_kept_key(key))
        indexes = outer.indexes
        if isinstance(value, dict):
            indexes += indexes_of(value)
            kept = kept or said.is_kept_type(value.get("type"))
        self._known[id(container)] = found = _Container(value, place, indexes, kept, path)
        return found

    def _tool(self, container: Container | None) -> str:
        """The name beside a tool's arguments, or above them."""
        while container is not None:
            name = self._names.get(id(container))
            if name is not None:
                return name
            container = container[0]
        return ""


def child_of(around: Any, key: str | int) -> Any:
    """What is under `key`; None when there is nothing."""
    try:
        return around[key]
    except (KeyError, IndexError, TypeError):
        return None


# --- ends ----------------------------------------------------------------------------------------

_END_KIND = re.compile(
    r"(?:.*[._\-])?(?:done|stop|end|completed?|finish(?:ed)?|final|incomplete|failed|error|closed?)"
    r"|.*(?:Stop|End|Done|Finished|Complete)"
)


def ends(value: object, kind: str) -> list[Indexes]:
    """Which texts an event ends: those with these indexes, all of them where there are none."""
    if not isinstance(value, dict):
        return []
    out: list[Indexes] = []
    here = indexes_of(value)
    if _END_KIND.fullmatch(kind) or value.get("done") is True or value.get("is_finished") is True:
        out.append(here)
    for name in ("choices", "candidates"):
        some = value.get(name)
        out += [
            here + indexes_of(element)
            for element in (some if isinstance(some, list) else ())
            if isinstance(element, dict)
            and (element.get("finish_reason") or element.get("finishReason"))
        ]
    return out


__all__ = [
    "Indexes",
    "Interest",
    "JsonError",
    "Leaf",
    "child_of",
    "ends",
    "indexes_of",
    "interest",
    "kind_of",
    "pieces",
    "read",
    "spanned",
]
