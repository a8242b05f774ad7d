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
from typing import Any, Final, NamedTuple, assert_never

from gateway.answers import framing, leaves
from gateway.answers.channels import Channel, Piece, Place
from gateway.answers.framing import Frame, Framing
from gateway.answers.leaves import Indexes, Leaf
from gateway.answers.restore import Decider, Tokens, Vault
from gateway.encodings import splice
from gateway.encodings.json_text import JsonError
from gateway.model import Issued, Restoring
from gateway.protocols import said
from gateway.protocols.said import Answers
from gateway.redaction.tokens import Keys

_PATIENCE: Final = 48
"""Frames that a piece waits for its text to go on."""

_MAX_QUEUE: Final = 1 << 20
"""Bytes that wait at most."""

_MAX_CHANNELS: Final = 256
"""Texts that are remembered at a time; of a longer-lived one only the last part is."""

_MOULDS: Final = 4
"""Kinds of events that are known by what stands around their piece."""

_LARGE: Final = 1 << 20
"""Characters of an event that is read only if a token stands in it: pictures."""


class Shape(Enum):
    """How an answer's bytes are framed."""

    EVENTS = auto()
    LINES = auto()
    JSON = auto()
    EVENT_STREAM = auto()
    MESSAGE = auto()
    TEXT = auto()
    TABLE = auto()
    MARKUP = auto()
    UNTYPED = auto()
    OPAQUE = auto()


_AWS_JSON = re.compile(r"application/x-amz-json-1\.\d")


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
        "application/json-seq",
    }:
        return Shape.LINES
    if kind.startswith(("application/connect+", "application/grpc")):
        return Shape.OPAQUE  # lengths stand before each message
    if kind in {"application/json", "text/json"} or _AWS_JSON.fullmatch(kind):
        return Shape.JSON
    if kind.endswith("+json"):
        return Shape.JSON
    if kind in {"text/html", "text/xml", "application/xml"} or kind.endswith("+xml"):
        return Shape.MARKUP
    if kind == "text/csv":
        return Shape.TABLE
    if not kind or kind.startswith("text/") or kind == "application/javascript":
        return Shape.TEXT
    return Shape.OPAQUE


_UNTYPED = re.compile(
    r"(?:application|binary)/(?:octet-stream|(?:x-|force-)?download|csv|vnd\.ms-excel|(?:x-)?(?:yaml|toml"
    r"|sql|sh|shellscript|python|python-code|tex|latex|perl|ruby|php|typescript|subrip))"
)


def shape_of_file(content_type: str) -> Shape:
    """The framing of a file that is downloaded: whether it is text may have to show."""
    shape = shape_of(content_type)
    kind = content_type.partition(";")[0].strip().lower()
    return Shape.UNTYPED if shape is Shape.OPAQUE and _UNTYPED.fullmatch(kind) else shape


def framing_of(shape: Shape) -> Framing:
    """What cuts an answer of this shape into frames."""
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
        case Shape.TEXT | Shape.TABLE | Shape.MARKUP:
            return framing.Text()
        case Shape.UNTYPED:
            return framing.Untyped()
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

    def change(self, leaf: Leaf, new: str) -> None:
        """Put `new` in place of a leaf."""
        written = splice.json_string(new) if leaf.quoted else new
        self.changes.append((max(leaf.start, 0), leaf.end, written))
        if leaf.numbers is not None:
            data = new.encode("utf-8", "surrogatepass")
            self.changes.append((*leaf.numbers, json.dumps(list(data), separators=(",", ":"))))

    def out(self) -> bytes:
        """The bytes that leave."""
        return self.frame.with_changes(self.changes)


type _Key = tuple[str, Indexes]


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
        self._framing = framing_of(shape)
        self._markup = shape is Shape.MARKUP
        self._table = shape is Shape.TABLE
        self._answers = answers or said.GENERIC
        self._tokens = Tokens(issued, keys, vault=vault, quoted=quoted)
        self._decider = Decider(self._tokens, restoring or Restoring())
        self._inbox: deque[Frame] = deque()
        self._queue: deque[_Queued | bytes] = deque()
        self._channels: dict[_Key, Channel] = {}
        self._logprobs: set[_Key] = set()
        self._waiting_since: dict[_Key, int] = {}
        self._tools: dict[Indexes, str] = {}
        self._patched = ""
        self._moulds: list[tuple[leaves.Mould, _Event]] = []
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

    @property
    def holds(self) -> bool:
        """Whether something waits for more to come."""
        return bool(self._queue)

    def flush(self) -> None:
        """Nothing has come for a while: what waits leaves as it is. Once no look-up is `wanted`."""
        if not self.wanted:
            self._flush(lambda _: True)

    def take(self) -> bytes:
        """What may leave now."""
        return b"".join(self.take_frames())

    def take_frames(self) -> list[bytes]:
        """The same, frame by frame."""
        out: list[bytes] = []
        while self._queue:
            queued = self._queue[0]
            if isinstance(queued, bytes):
                self._size -= len(queued)
                out.append(queued)
            elif queued.open:
                break
            else:
                self._size -= len(queued.frame.raw)
                out.append(queued.out())
            self._queue.popleft()
        return out

    # --- frames ----------------------------------------------------------------------------------

    def _go_on(self) -> None:
        while self._inbox and not self.wanted:
            frame = self._inbox[0]
            if frame is _END:
                self._flush(lambda _: True)
                self._inbox.popleft()
                continue
            event = self._read(frame)
            if event.leaves is None:
                event = self._closely(frame, event)
                unknown: set[str] = set()
                for leaf in event.leaves or ():
                    unknown |= self._unknown(leaf)
                if unknown:
                    self.wanted = frozenset(unknown)
                    return
            self._inbox.popleft()
            self._enqueue(frame, event)

    def _read(self, frame: Frame) -> _Event:
        """The event, with leaves if all of it may pass: then they are heard of already."""
        payload = frame.payload
        if not payload:
            return _NOTHING
        if frame.split:
            return _Event(leaves=None)
        if len(payload) > _LARGE and not self._tokens.may_stand_in(payload):
            return _NOTHING
        for number, (mould, event) in enumerate(self._moulds):
            text = mould.text(payload)
            if text is not None:
                if not self._passes(mould.leaf._replace(text=text)):
                    return event
                if number:
                    self._moulds.insert(0, self._moulds.pop(number))
                return event._replace(leaves=[mould.leaf])
        try:
            value = leaves.read(payload)
        except (ValueError, RecursionError):
            return self._no_json(payload)
        kind = leaves.kind_of(value, self._answers) or frame.kind
        event = _Event(value, kind, None)
        if self._answers.apart:
            path = leaves.patched(value)
            self._patched = self._patched if path is None else path
        if self._tokens.may_stand_in(payload):
            return event
        where = leaves.interest(self._answers.table(kind))
        found = leaves.pieces(value, where, apart=self._answers.apart)
        # First look whether all of them pass, then let them: an event is read once.
        for leaf in found:
            if leaf.said.piece and not self._channel(self._key(leaf), leaf).may_pass(leaf.text):
                return event
        for leaf in found:
            self._remember(leaf)
            if leaf.said.piece:
                self._channel(self._key(leaf), leaf).passes(leaf.text)
        new = leaves.mould(payload, found)
        if new is not None:
            self._moulds = [(new, event), *self._moulds[: _MOULDS - 1]]
        return event._replace(leaves=found)

    def _passes(self, leaf: Leaf) -> bool:
        """Let a piece pass, if it may."""
        channel = self._channel(self._key(leaf), leaf)
        if self._tokens.may_stand_in(leaf.text) or not channel.may_pass(leaf.text):
            return False
        self._remember(leaf)
        channel.passes(leaf.text)
        return True

    def _no_json(self, payload: str) -> _Event:
        text = payload.strip()
        if text == "[DONE]":
            return _NOTHING._replace(kind="done", value={})
        if text.startswith(_LIKE_JSON):
            return _NOTHING
        return _Event(leaves=None)

    def _closely(self, frame: Frame, event: _Event) -> _Event:
        """The event with the places of its leaves."""
        payload = frame.payload or ""
        if event.value is None and not event.kind:
            rule = said.PIECE if frame.split or self._answers.apart else said.WHOLE
            leaf = Leaf(payload, rule, end=len(payload), quoted=False)
            return event._replace(leaves=[leaf], spanned=True)
        try:
            table = self._answers.table(event.kind)
            found = leaves.spanned(payload, event.value, table, self._tokens, self._answers)
        except (JsonError, RecursionError):
            found = []
        return event._replace(leaves=found, spanned=True)

    def _enqueue(self, frame: Frame, event: _Event) -> None:
        self._number += 1
        self._size += len(frame.raw)
        said_now = event.leaves or []
        if not event.spanned:
            self._queue.append(frame.raw)
        else:
            queued = _Queued(frame, self._number)
            self._queue.append(queued)
            for leaf in said_now:
                self._remember(leaf)
                if leaf.said.piece:
                    self._add_piece(queued, leaf)
                else:
                    self._whole(queued, leaf)
        if self._waiting_since:
            self._closed_by(event, said_now)
            self._hurry()

    def _remember(self, leaf: Leaf) -> None:
        """What later events refer to."""
        if leaf.said.names:
            if len(self._tools) >= _MAX_CHANNELS:
                del self._tools[next(iter(self._tools))]
            self._tools[leaf.indexes] = leaf.text
        if leaf.path is not None and "[" not in leaf.place:
            self._patched = leaf.path

    def _key(self, leaf: Leaf) -> _Key:
        if leaf.said.patch:
            return f"patch {self._patched if leaf.path is None else leaf.path}", leaf.indexes
        return leaf.place, leaf.indexes

    def _channel(self, key: _Key, leaf: Leaf) -> Channel:
        channel = self._channels.get(key)
        if channel is None:
            if len(self._channels) >= _MAX_CHANNELS:
                self._forget()
            channel = self._channels[key] = self._text(leaf)
            if leaf.said.logprob:
                self._logprobs.add(key)
        return channel

    def _forget(self) -> None:
        """Make room: the oldest text has ended, or is taken for ended."""
        oldest = next(iter(self._channels))
        self._flush(lambda key: key == oldest)
        del self._channels[oldest]
        self._logprobs.discard(oldest)

    def _text(self, leaf: Leaf) -> Channel:
        def tool() -> str:
            return leaf.tool or self._tools.get(leaf.indexes, "")

        place = Place(
            in_tool=leaf.said.tool,
            tool=tool,
            markup=self._markup,
            table=self._table,
            plain=not leaf.quoted,
        )
        return Channel(self._tokens, self._decider, place)

    def _add_piece(self, queued: _Queued, leaf: Leaf) -> None:
        key = self._key(leaf)
        channel = self._channel(key, leaf)
        queued.open += 1

        def decided(new: str | None) -> None:
            queued.open -= 1
            if new is not None:
                queued.change(leaf, new)

        channel.add(Piece(leaf.text, decided))
        if channel.waits:
            self._waiting_since[key] = queued.number
        else:
            self._waiting_since.pop(key, None)

    def _whole(self, queued: _Queued, leaf: Leaf) -> None:
        if not self._tokens.hits(leaf.text):
            return
        channel = self._text(leaf)

        def decided(new: str | None) -> None:
            if new is not None:
                queued.change(leaf, new)

        channel.add(Piece(leaf.text, decided))
        channel.flush()

    def _unknown(self, leaf: Leaf) -> set[str]:
        if leaf.said.piece:
            channel = self._channels.get(self._key(leaf))
            if channel is not None:
                return channel.unknown(leaf.text)
        return self._tokens.unknown(self._tokens.hits(leaf.text))

    # --- waiting ---------------------------------------------------------------------------------

    def _flush(self, which: Callable[[_Key], bool]) -> None:
        for key in [key for key in self._waiting_since if which(key)]:
            self._channels[key].flush()
            del self._waiting_since[key]

    def _closed_by(self, event: _Event, said_now: Iterable[Leaf]) -> None:
        """An event ends texts by saying so, or by going on elsewhere at the same indexes."""
        ended = leaves.ends(event.value, event.kind)
        if ended:
            self._flush(lambda key: any(_under(key[1], some) for some in ended))
        spoken = [(self._key(leaf), leaf.indexes) for leaf in said_now if leaf.said.piece]
        now = {key for key, _ in spoken}
        elsewhere = [indexes for key, indexes in spoken if key not in self._logprobs]
        if elsewhere:
            self._flush(
                lambda key: (
                    bool(key[1])
                    and key not in now
                    and key not in self._logprobs
                    and any(_under(some, key[1]) for some in elsewhere)
                )
            )

    def _hurry(self) -> None:
        if not self._waiting_since:
            return
        if self._size > _MAX_QUEUE:
            self._flush(lambda _: True)
            return
        late = self._number - _PATIENCE
        if min(self._waiting_since.values()) <= late:
            self._flush(lambda key: self._waiting_since[key] <= late)


def _under(indexes: Indexes, above: Indexes) -> bool:
    return indexes[: len(above)] == above


class _Event(NamedTuple):
    """What a frame says. `spanned` leaves have places; None were not read yet."""

    value: Any = None
    kind: str = ""
    leaves: list[Leaf] | None = None
    spanned: bool = False

    def __repr__(self) -> str:
        """Without what it says."""
        return "_Event()"


_NOTHING: Final = _Event(leaves=[])
_END: Final = Frame(b"")
_LIKE_JSON: Final = ('{"', "[{", '["', "[[", "{}", "[]")
