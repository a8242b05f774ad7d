"""What of an answer may leave already, when it is looked at before anybody gets it?

Law: a text leaves only up to where it was looked at together with what comes next, so that a value
is found wherever the answer was cut. Frames leave in order, and change only where a value is taken
out. What does not get its answer does not leave.

Sans-IO: feed it, have what is `wanted` looked at, give the `answer`, take what may leave.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gateway.answers import stream
from gateway.answers.framing import Frame
from gateway.answers.passages import AHEAD, Text, texts_of
from gateway.answers.stream import Shape
from gateway.encodings import splice
from gateway.model import Looked, PartKind, Passage, Stretch
from gateway.protocols.said import Answers

STEP: Final = 48
"""Code points after which a text is looked at again: fewer read more smoothly and cost more."""

CONTEXT: Final = 256
"""Code points before what is new that are looked at once more."""

_REASONING: Final = 4096
"""Code points of reasoning, which nothing waits for, that are looked at together."""

_PATIENCE: Final = 48
"""Frames that a text waits to go on."""

_MAX_QUEUE: Final = 1 << 20
"""Bytes that wait at most."""

_MAX_CHANNELS: Final = 1024

_SHORTEST: Final = 4
"""Code points of the shortest whole text in which anything is found."""

_KEEPALIVE: Final = frozenset({"ping", "keepalive", "heartbeat"})


@dataclass(slots=True)
class _Held:
    """A frame on its way out; so many texts in it are `open`."""

    frame: Frame
    open: int = 0
    changes: list[tuple[int, int, str]] = field(default_factory=list, repr=False)

    def change(self, text: Text, new: str) -> None:
        """Put `new` in the place of a text."""
        self.changes.append((text.start, text.end, splice.json_string(new) if text.quoted else new))
        if text.numbers is not None:
            data = new.encode("utf-8", "surrogatepass")
            self.changes.append((*text.numbers, json.dumps(list(data), separators=(",", ":"))))

    def out(self) -> bytes:
        """The bytes that leave."""
        return self.frame.with_changes(self.changes)


class _Strings(NamedTuple):
    """Whether a place in a tool's arguments, which are JSON text, is in a string of them."""

    is_json: bool | None = None
    inside: bool = False
    slash: bool = False

    @property
    def bare(self) -> bool:
        """Whether it is JSON, and in no string."""
        return self.is_json is True and not self.inside

    def after(self, text: str) -> _Strings:
        """The place after `text`."""
        is_json, inside, slash = self
        if is_json is None:
            begin = text.lstrip()[:1]
            if not begin:
                return self
            is_json = begin in "{["
        if not is_json:
            return _Strings(is_json)
        if slash:
            text, slash = text[1:], not text
        for found in _MARKS.finditer(text):
            if found[0] == '"':
                inside = not inside
            elif found[0] == "\\":
                slash = True  # the last character: what follows belongs to it
        return _Strings(is_json, inside, slash)


_MARKS = re.compile(r'\\.|\\\Z|"', re.DOTALL)


@dataclass(slots=True)
class _Channel:
    """A text that goes on. Offsets count from its beginning; `text` is kept from `base` on.

    Up to `released` it has left, `asked` is how far it was looked at. When `closing`, nothing more
    is waited for.
    """

    kind: PartKind
    editable: bool
    text: str = field(default="", repr=False)
    base: int = 0
    released: int = 0
    asked: int = 0
    closing: bool = False
    since: int = 0
    pieces: deque[tuple[_Held, Text, int]] = field(default_factory=deque, repr=False)
    changes: list[tuple[int, int, str]] = field(default_factory=list, repr=False)
    strings: _Strings = field(default_factory=_Strings)

    @property
    def end(self) -> int:
        """How long the text is so far."""
        return self.base + len(self.text)

    @property
    def waits(self) -> bool:
        """Whether not all of it was looked at."""
        return self.end > self.released

    def add(self, held: _Held, text: Text) -> None:
        """The text goes on."""
        if self.editable:
            held.open += 1
            self.pieces.append((held, text, self.end))
        self.text += text.text
        self.closing = False

    def wants(self) -> bool:
        """Whether it is time to look."""
        if self.end == self.released:
            return False
        if self.closing:
            return True
        fresh = self.end - max(self.asked, self.released)
        if not self.editable:
            return fresh >= _REASONING
        return fresh >= STEP and self.end - self.released >= STEP + AHEAD

    def passage(self) -> Passage:
        """What is to be looked at."""
        self.asked = self.end
        return Passage(
            self.text, self.kind, self.released - self.base, self.editable, last=self.closing
        )

    def answered(self, upto: int, stretches: Sequence[Stretch]) -> None:
        """Up to `upto` of the passage it may leave, with `stretches` changed."""
        for stretch in stretches:
            self._change(stretch)
        fresh = self.text[self.released - self.base : upto]
        if self.kind is PartKind.TOOL_CALL:
            self.strings = self.strings.after(fresh)
        self.released = self.base + upto
        while self.pieces:
            held, text, begin = self.pieces[0]
            end = begin + len(text.text)
            if end > self.released:
                break
            self.pieces.popleft()
            held.open -= 1
            new = self._changed(text.text, begin, end)
            if new is not None:
                held.change(text, new)
        self.changes = [
            change for change in self.changes if self.pieces and change[1] > self.pieces[0][2]
        ]
        # What waits in a piece that has begun to leave stays, and some of what has left.
        keep = max(self.base, self.released - CONTEXT)
        self.text = self.text[keep - self.base :]
        self.base = keep

    def _change(self, stretch: Stretch) -> None:
        start, end, new = stretch.start, stretch.end, stretch.new
        if self.kind is PartKind.TOOL_CALL:
            start, end = _between_escapes(self.text, start, end)
            begin = self.released - self.base
            if start >= end:
                return
            if self.strings.after(self.text[begin:start]).bare:
                new = json.dumps(new)  # a number's place: only a string can stand there
        self.changes.append((self.base + start, self.base + end, new))

    def _changed(self, text: str, begin: int, end: int) -> str | None:
        """What a piece becomes; what is put in stands where the value began."""
        out: list[str] = []
        at = begin
        touched = False
        for start, stop, new in sorted(self.changes):
            if stop <= begin or start >= end:
                continue
            touched = True
            if start >= begin:
                out += [text[at - begin : start - begin], new]
            at = min(max(at, stop), end)
        if not touched:
            return None
        out.append(text[at - begin :])
        return "".join(out)


_ESCAPE_BEGUN = re.compile(r"\\(?:u[0-9A-Fa-f]{0,3})?\Z")


def _between_escapes(text: str, start: int, end: int) -> tuple[int, int]:
    """A span that neither begins nor ends within an escape of JSON."""
    while (
        start < end
        and _ESCAPE_BEGUN.search(text, max(0, start - 5), start)
        and not _paired(text, start)
    ):
        start += 1
    found = _ESCAPE_BEGUN.search(text, max(start, end - 5), end)
    if found is not None and not _paired(text, found.start() + 1):
        end = found.start()
    return start, end


def _paired(text: str, end: int) -> bool:
    """Whether the backslashes before `end` are pairs."""
    count = 0
    while end - count > 0 and text[end - count - 1] == "\\":
        count += 1
    return count > 0 and count % 2 == 0


class Ahead:
    """One answer that is looked at before it leaves."""

    def __init__(self, shape: Shape, answers: Answers) -> None:
        self._framing = stream.framing_of(shape)
        self._answers = answers
        self._queue: deque[_Held] = deque()
        self._size = 0
        self._number = 0
        self._channels: dict[tuple[object, ...], _Channel] = {}
        self._known: dict[tuple[str, PartKind], Sequence[Stretch]] = {}
        self._whole: list[tuple[_Held, Text]] = []
        self._asked: list[_Channel | list[tuple[_Held, Text]]] = []
        self.wanted: tuple[Passage, ...] = ()
        self.named = False
        """Whether the events of this answer have names."""
        self.left = 0
        """Frames that have left."""
        self.last = b""
        """The last of them."""
        self.in_array = False
        """Whether the answer is an array of which each element is a frame."""

    def feed(self, data: bytes) -> None:
        """Bytes of the answer, in whatever chunks."""
        for frame in self._framing.feed(data):
            self._enqueue(frame)
        self._want()

    def end(self) -> None:
        """The answer has ended."""
        for frame in self._framing.end():
            self._enqueue(frame)
        self._close(self._channels.values())
        self._want()

    @property
    def holds(self) -> bool:
        """Whether something waits for more to come."""
        return bool(self._queue)

    def flush(self) -> None:
        """Nothing has come for a while: what waits is not to wait for more."""
        self._close(self._channels.values())
        self._want()

    def answer(self, looked: Looked) -> None:
        """What came of `wanted`."""
        passages, asked = self.wanted, self._asked
        self.wanted, self._asked = (), []
        by_passage: dict[int, list[Stretch]] = {}
        for stretch in looked.stretches:
            by_passage.setdefault(stretch.passage, []).append(stretch)
        for number, (passage, whose) in enumerate(zip(passages, asked, strict=True)):
            stretches = by_passage.get(number, [])
            if isinstance(whose, _Channel):
                whose.answered(looked.upto[number], stretches)
                continue
            if len(self._known) >= _MAX_CHANNELS:
                self._known.clear()
            self._known[passage.text, passage.kind] = stretches
            for held, text in whose:
                self._decide(held, text, stretches)
        self._want()

    def take_frames(self) -> list[bytes]:
        """What may leave now, frame by frame."""
        out: list[bytes] = []
        while self._queue and not self._queue[0].open:
            held = self._queue.popleft()
            self._size -= len(held.frame.raw)
            self.in_array = self.in_array or (not self.left and held.frame.raw.strip() == b"[")
            self.left += 1
            self.last = held.frame.raw
            out.append(held.out())
        return out

    # --- frames ----------------------------------------------------------------------------------

    def _enqueue(self, frame: Frame) -> None:
        self._number += 1
        self.named = self.named or bool(frame.kind)
        held = _Held(frame)
        self._queue.append(held)
        self._size += len(frame.raw)
        goes_on = False
        for text in texts_of(frame, self._answers):
            if text.key is not None:
                goes_on = True
                self._channel(text).add(held, text)
            else:
                self._wait(held, text)
        if not goes_on and frame.payload is not None and not _keeps_alive(frame):
            self._close(self._channels.values())
        late = self._number - _PATIENCE
        self._close(one for one in self._channels.values() if one.since <= late)
        if self._size > _MAX_QUEUE:
            self._close(self._channels.values())

    def _channel(self, text: Text) -> _Channel:
        key = text.key or ()
        channel = self._channels.get(key)
        if channel is None:
            if len(self._channels) >= _MAX_CHANNELS:
                self._channels = {k: one for k, one in self._channels.items() if one.waits}
            channel = self._channels[key] = _Channel(text.kind, text.editable)
        channel.since = self._number
        return channel

    def _wait(self, held: _Held, text: Text) -> None:
        """A whole text waits to be looked at, unless the same one was, or it is too short."""
        if len(text.text) < _SHORTEST:
            return
        known = self._known.get((text.text, text.kind))
        held.open += 1
        if known is not None:
            self._decide(held, text, known)
        else:
            self._whole.append((held, text))

    @staticmethod
    def _decide(held: _Held, text: Text, stretches: Sequence[Stretch]) -> None:
        held.open -= 1
        if not stretches or not text.editable:
            return
        out = []
        at = 0
        for one in sorted(stretches, key=lambda one: one.start):
            start, end, new = one.start, one.end, one.new
            if text.kind is PartKind.TOOL_CALL:
                start, end = _between_escapes(text.text, start, end)
                if _Strings().after(text.text[:start]).bare:
                    new = json.dumps(new)
            if start >= end:
                continue
            out += [text.text[at:start], new]
            at = end
        held.change(text, "".join((*out, text.text[at:])))

    @staticmethod
    def _close(channels: Iterable[_Channel]) -> None:
        for channel in channels:
            channel.closing = True

    def _want(self) -> None:
        if self.wanted:
            return
        passages: list[Passage] = []
        for channel in self._channels.values():
            if channel.wants():
                passages.append(channel.passage())
                self._asked.append(channel)
        alike: dict[tuple[str, PartKind], list[tuple[_Held, Text]]] = {}
        for held, text in self._whole:
            alike.setdefault((text.text, text.kind), []).append((held, text))
        for (said, kind), some in alike.items():
            passages.append(Passage(said, kind, editable=some[0][1].editable))
            self._asked.append(some)
        self._whole = []
        self.wanted = tuple(passages)


def _keeps_alive(frame: Frame) -> bool:
    return frame.kind in _KEEPALIVE or any(
        f'"{word}"' in (frame.payload or "")[:64] for word in _KEEPALIVE
    )
