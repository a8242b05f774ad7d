"""How does one answer go through? Frames in, frames out in the same order, values in their places.

Law: a frame leaves as soon as no piece in it waits; the queue is bounded, and what has waited too
long leaves as it came. Nothing but texts with tokens changes, and these only at the tokens.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final, assert_never

from gateway.answers import framing
from gateway.answers.channels import Channel, Piece
from gateway.answers.framing import Frame, Framing
from gateway.answers.restore import Decider, Tokens, Vault
from gateway.encodings import json_text, splice
from gateway.encodings.json_text import Container, EventKind, JsonError
from gateway.model import Issued, Restoring
from gateway.protocols import said
from gateway.protocols.said import Answers, Said
from gateway.redaction.tokens import Keys

_PATIENCE: Final = 48
"""Frames that a piece waits for its text to go on."""

_MAX_QUEUE: Final = 1 << 20
"""Bytes that wait at most."""

_INDEXES: Final = (
    "index",
    "output_index",
    "content_index",
    "summary_index",
    "contentBlockIndex",
    "item_id",
)
"""Fields that tell which of several texts an event belongs to."""

_KEEPALIVE: Final = frozenset({"ping", "keepalive", "heartbeat"})


class Shape(Enum):
    """How an answer's bytes are framed."""

    EVENTS = auto()
    LINES = auto()
    JSON = auto()
    EVENT_STREAM = auto()
    MESSAGE = auto()
    TEXT = auto()
    MARKUP = auto()
    OPAQUE = auto()


def shape_of(content_type: str) -> Shape:
    """The framing of a content type; what has none is taken for text."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "text/event-stream":
        return Shape.EVENTS
    if kind == "application/vnd.amazon.eventstream":
        return Shape.EVENT_STREAM
    if kind in {
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
    }:
        return Shape.LINES
    if kind == "application/json" or kind.endswith("+json"):
        return Shape.JSON
    if kind in {"text/html", "text/xml", "application/xml"} or kind.endswith("+xml"):
        return Shape.MARKUP
    if not kind or kind.startswith("text/") or kind == "application/javascript":
        return Shape.TEXT
    return Shape.OPAQUE


def _framing(shape: Shape) -> Framing:
    match shape:
        case Shape.EVENTS:
            return framing.ServerSentEvents()
        case Shape.LINES:
            return framing.Lines()
        case Shape.JSON:
            return framing.JsonText()
        case Shape.EVENT_STREAM:
            return framing.EventStream()
        case Shape.MESSAGE:
            return framing.Message()
        case Shape.TEXT | Shape.MARKUP:
            return framing.Text()
        case Shape.OPAQUE:
            return framing.Opaque()
        case other:
            assert_never(other)


@dataclass(frozen=True, slots=True)
class Counts:
    """What was done with tokens: restored, withheld by policy, and of nobody (not this actor's)."""

    restored: int
    withheld: int
    unknown: int


@dataclass(slots=True)
class _Queued:
    """A frame on its way out; `open` pieces of it are not decided."""

    frame: Frame
    number: int
    open: int = 0
    changes: list[tuple[int, int, str]] = field(default_factory=list, repr=False)

    def out(self) -> bytes:
        """The bytes that leave."""
        if not self.changes:
            return self.frame.raw
        payload = self.frame.payload or ""
        pieces = []
        at = 0
        for start, end, new in sorted(self.changes):
            pieces += [payload[at:start], new]
            at = end
        return self.frame.with_payload("".join((*pieces, payload[at:])))


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A text in an event's payload, at `start:end` between its quotes."""

    text: str = field(repr=False)
    start: int
    end: int
    said: Said
    indexes: tuple[tuple[str, Any], ...]
    place: str
    numbers: tuple[int, int] | None = None


class AnswerStream:
    """One answer. Feed it, look up what it `wanted`, take what may leave.

    `issued` are the tokens of the exchange that this answers; with `vault` set, tokens of earlier
    ones may come up, and have to be looked up by whoever feeds this.
    """

    def __init__(
        self,
        shape: Shape,
        answers: Answers | None,
        issued: Iterable[Issued],
        keys: Keys,
        *,
        restoring: Restoring | None = None,
        vault: Vault | None = None,
        quoted: frozenset[str] = frozenset(),
    ) -> None:
        self._framing = _framing(shape)
        self._markup = shape is Shape.MARKUP
        self._answers = answers or said.GENERIC
        self._tokens = Tokens(issued, keys, vault=vault, quoted=quoted)
        self._decider = Decider(self._tokens, restoring or Restoring())
        self._inbox: deque[Frame] = deque()
        self._queue: deque[_Queued] = deque()
        self._channels: dict[tuple[object, ...], Channel] = {}
        self._waiting_since: dict[tuple[object, ...], int] = {}
        self._tools: dict[tuple[tuple[str, Any], ...], str] = {}
        self._number = 0
        self._size = 0
        self.wanted: frozenset[str] = frozenset()

    @property
    def counts(self) -> Counts:
        """What was done so far."""
        return Counts(self._decider.restored, self._decider.withheld, self._decider.unknown)

    def feed(self, data: bytes) -> None:
        """Bytes of the answer, in whatever chunks."""
        self._inbox.extend(self._framing.feed(data))
        self._go_on()

    def end(self) -> None:
        """The answer has ended; look at `wanted` once more, then take the rest."""
        self._inbox.extend(self._framing.end())
        self._inbox.append(_END)
        self._go_on()

    def answer(self, found: Mapping[str, str]) -> None:
        """What the look-up of `wanted` gave; a token that is missing is not this actor's."""
        self._tokens.answer(found, self.wanted)
        self.wanted = frozenset()
        self._go_on()

    def issue(self, issued: Iterable[Issued], quoted: frozenset[str] = frozenset()) -> None:
        """More tokens went out on the same connection."""
        self._tokens.add(issued, quoted)

    def take(self) -> bytes:
        """What may leave now."""
        return b"".join(self.take_frames())

    def take_frames(self) -> list[bytes]:
        """The same, frame by frame."""
        out = []
        while self._queue and not self._queue[0].open:
            queued = self._queue.popleft()
            self._size -= len(queued.frame.raw)
            out.append(queued.out())
        return out

    # --- frames ----------------------------------------------------------------------------------

    def _go_on(self) -> None:
        while self._inbox and not self.wanted:
            frame = self._inbox[0]
            if frame is _END:
                self._flush(lambda _: True)
                self._inbox.popleft()
                continue
            leaves = self._leaves(frame)
            unknown: set[str] = set()
            for leaf in leaves:
                unknown |= self._unknown(leaf)
            if unknown:
                self.wanted = frozenset(unknown)
                return
            self._inbox.popleft()
            self._enqueue(frame, leaves)

    def _enqueue(self, frame: Frame, leaves: list[_Leaf]) -> None:
        self._number += 1
        queued = _Queued(frame, self._number)
        self._queue.append(queued)
        self._size += len(frame.raw)
        pieces = 0
        for leaf in leaves:
            if leaf.said.names:
                self._tools[leaf.indexes] = leaf.text
            if leaf.said.piece:
                pieces += 1
                self._add_piece(queued, leaf)
            else:
                self._whole(queued, leaf)
        if not pieces and frame.payload is not None and frame.kind not in _KEEPALIVE:
            self._closed_by(leaves)
        self._hurry()

    def _add_piece(self, queued: _Queued, leaf: _Leaf) -> None:
        key = (leaf.place, leaf.indexes)
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = self._channel(leaf)
        queued.open += 1

        def decided(new: str | None) -> None:
            queued.open -= 1
            if new is not None:
                self._change(queued, leaf, new)

        channel.add(Piece(leaf.text, decided))
        if channel.waits:
            self._waiting_since[key] = queued.number
        else:
            self._waiting_since.pop(key, None)

    def _whole(self, queued: _Queued, leaf: _Leaf) -> None:
        if not self._tokens.hits(leaf.text):
            return
        channel = self._channel(leaf)

        def decided(new: str | None) -> None:
            if new is not None:
                self._change(queued, leaf, new)

        channel.add(Piece(leaf.text, decided))
        channel.flush()

    def _channel(self, leaf: _Leaf) -> Channel:
        return Channel(
            self._tokens,
            self._decider,
            in_tool=leaf.said.tool,
            tool=lambda: self._tools.get(leaf.indexes, ""),
            markup=self._markup,
        )

    def _change(self, queued: _Queued, leaf: _Leaf, new: str) -> None:
        written = new if queued.frame.split or leaf.start < 0 else splice.json_string(new)
        queued.changes.append((max(leaf.start, 0), leaf.end, written))
        if leaf.numbers is not None:
            data = new.encode("utf-8", "surrogatepass")
            queued.changes.append((*leaf.numbers, json.dumps(list(data), separators=(",", ":"))))

    def _unknown(self, leaf: _Leaf) -> set[str]:
        if leaf.said.piece:
            channel = self._channels.get((leaf.place, leaf.indexes))
            if channel is not None:
                return channel.unknown(leaf.text)
        return self._tokens.unknown(self._tokens.hits(leaf.text))

    # --- waiting ---------------------------------------------------------------------------------

    def _flush(self, which: Callable[[tuple[object, ...]], bool]) -> None:
        for key in [key for key in self._waiting_since if which(key)]:
            self._channels[key].flush()
            del self._waiting_since[key]

    def _closed_by(self, leaves: list[_Leaf]) -> None:
        """An event without pieces ends the texts that it belongs to."""
        told = {leaf.indexes for leaf in leaves if leaf.indexes}
        if told:
            self._flush(lambda key: any(set(some) >= set(key[1]) for some in told if key[1]))  # type: ignore[call-overload]

    def _hurry(self) -> None:
        if not self._waiting_since:
            return
        if self._size > _MAX_QUEUE:
            self._flush(lambda _: True)
            return
        late = self._number - _PATIENCE
        if min(self._waiting_since.values()) <= late:
            self._flush(lambda key: self._waiting_since[key] <= late)

    # --- payloads --------------------------------------------------------------------------------

    def _leaves(self, frame: Frame) -> list[_Leaf]:
        payload = frame.payload
        if not payload:
            return []
        if frame.split:
            return [_Leaf(payload, -1, len(payload), said.PIECE, (), "")]
        if payload[:1] not in "{[":
            begin = payload.lstrip()
            if begin[:1] not in ("{", "["):
                return [_Leaf(payload, -1, len(payload), said.WHOLE, (), "")]
        kind = _kind(payload, self._answers.type_keys) or frame.kind
        try:
            walk = json_text.walk(payload, self._answers.table(kind))
            return list(self._of_walk(walk, payload))
        except (JsonError, ValueError, RecursionError):
            return [_Leaf(payload, -1, len(payload), said.WHOLE, (), "")]

    def _of_walk(self, walk: json_text.Walk[Said], payload: str) -> Iterable[_Leaf]:
        """The texts that matter: pieces, names of tools, and whole texts with tokens in them."""
        value: Any = _UNREAD
        places: _Places = {}
        for kind, text, start, end, rule, container, key in walk.events:
            if kind is not EventKind.STRING and kind is not EventKind.KEY:
                continue
            if not (rule.piece or rule.names) and not self._tokens.hits(text):
                continue
            if kind is EventKind.KEY:
                yield _Leaf(text, start, end, said.WHOLE, (), "")
                continue
            if value is _UNREAD:
                value = json.loads(payload)
            place, indexes, around, kept = _place(container, value, places)
            if kept or rule.kept or (isinstance(key, str) and said.is_kept_key(key)):
                continue
            if rule.unless and isinstance(around, dict) and around.get(rule.unless):
                continue
            name = f"{place}.{key}" if isinstance(key, str) else place
            beside = _numbers(walk, container) if rule.logprob else None
            yield _Leaf(text, start, end, rule, indexes, name, beside)


_UNREAD: Final = object()

_END: Final = Frame(b"")


def _kind(payload: str, keys: Iterable[str]) -> str:
    """An event's type, without reading all of it: some events are megabytes of a picture."""
    for key in keys:
        found = _TYPE[key].search(payload, 0, _HEAD)
        if found is not None:
            return found[1]
    if any(f'"{key}"' in payload for key in keys) and payload.lstrip()[:1] == "{":
        try:
            value = json.loads(payload)
        except (ValueError, RecursionError):
            return ""
        return next((kind for key in keys if isinstance(kind := value.get(key), str)), "")
    return ""


_HEAD: Final = 4096
_TYPE: Final = {
    key: re.compile(rf'\A\s*\{{(?:[^{{}}]*?,)?\s*"{key}"\s*:\s*"([^"\\]{{1,100}})"')
    for key in ("type", "event_type", "event")
}

type _Placed = tuple[str, tuple[tuple[str, Any], ...], Any, bool]
type _Places = dict[int, _Placed]


def _numbers(walk: json_text.Walk[Said], container: Container | None) -> tuple[int, int] | None:
    """The bytes of a model's token, which stand beside it as numbers."""
    for kind, _, start, end, _, around, key in walk.events:
        if kind is EventKind.NUMBERS and key == "bytes" and around is container:
            return start, end
    return None


def _place(
    container: Container | None,
    value: Any,
    known: _Places,
) -> _Placed:
    """The path of a container, the indexes on the way to it, the container, and whether it is kept."""
    if container is None:
        return "", (), None, False
    found = known.get(id(container))
    if found is not None:
        return found
    above, key = container
    path, indexes, here, kept = _place(above, value, known)
    if above is None:
        here = value
    else:
        here = _below(here, key)
        if isinstance(key, str):
            path = f"{path}.{key}"
            kept = kept or said.is_kept_key(key)
    if isinstance(here, dict):
        # An item's id says the same as its index, but not every event has it.
        indexes += tuple(
            (name, here[name])
            for name in _INDEXES
            if _tells(here.get(name)) and not (name == "item_id" and "output_index" in here)
        )
    known[id(container)] = found = path, indexes, here, kept
    return found


def _tells(value: object) -> bool:
    return isinstance(value, int | str)


def _below(around: Any, key: str | int) -> Any:
    try:
        return around[key]
    except (KeyError, IndexError, TypeError):
        return None
