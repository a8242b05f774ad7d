"""Where does one event of an answer end, and what text does it carry?

Law: frames put together again are the bytes that came, whatever the chunks were. What breaks its
own framing passes as it is, and nothing is read from it any more.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from gateway.encodings import eventstream, magic

MAX_FRAME: Final = 32 << 20
"""Bytes of the largest frame that is looked at; a longer one passes as it is."""


type Rebuild = Callable[[bytes], bytes]
"""Makes a frame's bytes from another payload."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One event: its bytes, and the payload, a text at `start:end` of them; None has no text.

    `kind` is the event's type where the framing tells it. `split` frames are plain text that may
    be cut anywhere. In place of a line break in the payload stands `glue`, where there is one.
    """

    raw: bytes = field(repr=False)
    payload: str | None = field(default=None, repr=False)
    start: int = 0
    end: int = 0
    kind: str = ""
    split: bool = False
    glue: bytes = b""
    around: Rebuild | None = field(default=None, repr=False)

    def with_changes(self, changes: Iterable[tuple[int, int, str]]) -> bytes:
        """The frame's bytes with `start:end` of its payload replaced; as it came without any."""
        payload = self.payload or ""
        pieces = []
        at = 0
        for start, end, new in sorted(changes):
            pieces += [payload[at:start], new]
            at = end
        return self.with_payload("".join((*pieces, payload[at:]))) if pieces else self.raw

    def with_payload(self, payload: str) -> bytes:
        """The frame's bytes with another payload."""
        data = payload.encode("utf-8", "surrogateescape")
        if self.glue:
            data = _LINE_BREAK.sub(self.glue, data)
        if self.around is not None:
            return self.around(data)
        return self.raw[: self.start] + data + self.raw[self.end :]


class Framing(Protocol):
    """Cuts bytes into frames."""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that `data` completes."""
        ...

    def end(self) -> Iterator[Frame]:
        """What is left when the answer ends."""
        ...


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


class Opaque:
    """Bytes that are not looked at."""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """See `Framing`."""
        yield Frame(data)

    def end(self) -> Iterator[Frame]:
        """See `Framing`."""
        yield from ()


class Untyped:
    """A file of which nobody says what it is: read at its end, as text where all of it is."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def feed(self, data: bytes) -> Iterator[Frame]:
        """See `Framing`."""
        self._held.append(data)
        yield from ()

    def end(self) -> Iterator[Frame]:
        """See `Framing`."""
        data = b"".join(self._held)
        if magic.sniff(data) or _CONTROL.search(data):
            yield Frame(data)
        elif data:
            text = Text()
            yield from text.feed(data)
            yield from text.end()


_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
"""What is in no text: a file with one of these may count its bytes."""


class Text:
    """Plain text: every chunk is a frame, but for a character that is cut.

    When it begins like the AI SDK's data streams (`0:"text"`), it is lines of JSON.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._head: bytes | None = b""
        self._lines: Lines | None = None

    def feed(self, data: bytes) -> Iterator[Frame]:
        """See `Framing`."""
        if self._head is not None:
            data = self._head + data
            if len(data) < _PARTS_HEAD and b"\n" not in data:
                self._head = data
                return
            self._head = None
            if _PARTS.match(data):
                self._lines = Lines()
        if self._lines is not None:
            yield from self._lines.feed(data)
        else:
            yield from self._frame(self._decoder.decode(data))

    def end(self) -> Iterator[Frame]:
        """See `Framing`."""
        if self._lines is not None:
            yield from self._lines.end()
            return
        data, self._head = self._head or b"", None
        yield from self._frame(self._decoder.decode(data, final=True))

    @staticmethod
    def _frame(text: str) -> Iterator[Frame]:
        if text:
            raw = text.encode("utf-8", "surrogateescape")
            yield Frame(raw, text, 0, len(raw), split=True)


_PARTS_HEAD: Final = 4

_LINE_BREAK = re.compile(rb"\r\n|\r|\n")

# A line ends with LF, CRLF or CR; an event with an empty line (WHATWG HTML, 9.2.5).
_EVENT_END = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}")
# What nearly all events look like.
_USUAL = re.compile(rb"(?:event: ?([^\r\n]*)\n)?data: ?([^\r\n]*)\n\n")
_DATA_LINE = re.compile(rb"^data:( ?)([^\r\n]*)", re.MULTILINE)
_EVENT_LINE = re.compile(rb"^event:[ ]?([^\r\n]*)", re.MULTILINE)
_CR_LINES = re.compile(rb"\r(?!\n)")
_BOM = b"\xef\xbb\xbf"


class _Delimited:
    """Frames that end with a mark. One that is longer than `MAX_FRAME` passes as it is."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._seen = 0  # how much of it holds no end

    def _ends_at(self, buffer: bytearray, seen: int) -> int:
        """The offset after the first whole frame; -1 when none is whole."""
        raise NotImplementedError

    def _frame(self, raw: bytes) -> Frame:
        raise NotImplementedError

    def feed(self, data: bytes) -> Iterator[Frame]:
        """See `Framing`."""
        self._buffer += data
        while (end := self._ends_at(self._buffer, self._seen)) >= 0:
            raw = bytes(self._buffer[:end])
            del self._buffer[:end]
            self._seen = 0
            yield self._frame(raw)
        self._seen = len(self._buffer)
        if len(self._buffer) > MAX_FRAME:
            yield Frame(bytes(self._buffer))
            self._buffer.clear()
            self._seen = 0

    def end(self) -> Iterator[Frame]:
        """See `Framing`. Some servers leave the last mark out."""
        if self._buffer:
            yield self._frame(bytes(self._buffer))
            self._buffer.clear()


class ServerSentEvents(_Delimited):
    """`text/event-stream`."""

    def __init__(self) -> None:
        super().__init__()
        self._begun = False

    def _ends_at(self, buffer: bytearray, seen: int) -> int:
        found = _EVENT_END.search(buffer, max(0, seen - 3))
        if found is None or (found[0].endswith(b"\r") and found.end() == len(buffer)):
            return -1  # a last CR may be half of a CRLF: the next chunk tells
        return found.end()

    def _frame(self, raw: bytes) -> Frame:
        usual = _USUAL.fullmatch(raw)
        if usual is not None:
            self._begun = True
            start, end = usual.span(2)
            kind = usual[1].decode("utf-8", "replace").strip() if usual[1] else ""
            return Frame(raw, _text(usual[2]), start, end, kind, glue=b"\ndata: ")
        lines = _CR_LINES.sub(b"\n", raw) if b"\r" in raw else raw
        if not self._begun and lines.startswith(_BOM):
            lines = b"\n\n\n" + lines[len(_BOM) :]  # so that offsets stay
        self._begun = True
        event = _EVENT_LINE.search(lines)
        kind = event[1].decode("utf-8", "replace").strip() if event else ""
        data = list(_DATA_LINE.finditer(lines))
        between = [lines[one.end() : two.start()] for one, two in itertools.pairwise(data)]
        if not data or any(gap.strip(b"\r\n") for gap in between):
            return Frame(raw, kind=kind)  # nothing is said, or other fields stand in between
        newline = b"\r\n" if b"\r\n" in raw else b"\n" if b"\n" in raw else b"\r"
        # Several data lines are one text with LF between them.
        payload = _text(b"\n".join(found[2] for found in data))
        start, end = data[0].start(2), data[-1].end()
        return Frame(raw, payload, start, end, kind, glue=newline + b"data: ")


class Lines(_Delimited):
    """One JSON text on each line."""

    def _ends_at(self, buffer: bytearray, seen: int) -> int:
        at = buffer.find(b"\n", seen)
        return at + 1 if at >= 0 else -1

    def _frame(self, raw: bytes) -> Frame:
        head = _LINE_HEAD.match(raw)
        start = head.end() if head else 0
        end = len(raw.rstrip(b"\r\n"))
        if end <= start:
            return Frame(raw)
        return Frame(
            raw, _text(raw[start:end]), start, end, head[1].decode() if head and head[1] else ""
        )


# A separator of RFC 7464, or the kind of a part with a colon (the AI SDK's data streams).
_LINE_HEAD = re.compile(rb'(?:\xef\xbb\xbf)?\x1e?(?:([0-9a-z]{1,2}):(?=["\[{]))?')
_PARTS = re.compile(rb'[0-9a-z]{1,2}:["\[{]')

_STRUCTURE = re.compile(rb'["\[\]{}\\]')
_STRING_END = re.compile(rb'["\\]')
_OPENS = re.compile(rb"\s*\[\s*[\[{]")
_UNDECIDED = re.compile(rb"\s*(?:\[\s*)?\Z")
_GAP = re.compile(rb"[\s,\]]*")
_HEAD: Final = 256


class JsonText:
    """One JSON text; of an array of objects each is a frame, so that it is not held back.

    What does not begin like JSON is plain text, or in a framing of its own (lengths, and the guard
    of Google's sites, `)]}'`), in which nothing is changed.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._seen = 0
        self._depth = 0
        self._in_string = False
        self._floor: int | None = None  # depth at which frames end: 1 in an array, else 0
        self._instead: Framing | None = None

    def feed(self, data: bytes) -> Iterator[Frame]:
        """See `Framing`."""
        if self._instead is not None:
            yield from self._instead.feed(data)
            return
        self._buffer += data
        if self._floor is None:
            yield from self._begin()
            if self._floor is None:
                return
        yield from self._frames(self._floor)
        if len(self._buffer) > MAX_FRAME:
            yield from self._give_up(Opaque())

    def _begin(self) -> Iterator[Frame]:
        head = bytes(self._buffer[:_HEAD]).removeprefix(_BOM)
        if _BOM.startswith(head) or (len(head) < _HEAD and _UNDECIDED.match(head)):
            return
        first = head.lstrip()[:1]
        if first and first in b'{["':
            self._floor = 1 if _OPENS.match(head) else 0
        else:
            yield from self._give_up(Opaque() if first in b")0123456789" else Text())

    def _give_up(self, instead: Framing) -> Iterator[Frame]:
        self._instead = instead
        data = bytes(self._buffer)
        self._buffer.clear()
        yield from instead.feed(data)

    def _frames(self, floor: int) -> Iterator[Frame]:
        at = self._seen
        buffer = self._buffer
        while at < len(buffer):
            found = (_STRING_END if self._in_string else _STRUCTURE).search(buffer, at)
            if found is None:
                at = len(buffer)
                break
            at = found.end()
            char = found[0]
            if char == b"\\":
                if at >= len(buffer):
                    at -= 1
                    break
                at += 1
                continue
            if char == b'"':
                self._in_string = not self._in_string
                ends = not self._in_string and self._depth == 0
            elif char in b"[{":
                self._depth += 1
                if floor == 1 and self._depth <= 2:
                    yield from self._gap(bytes(buffer[: at - 1]))
                    del buffer[: at - 1]
                    at = 1
                    if self._depth == 1:
                        yield Frame(bytes(buffer[:1]))
                        del buffer[:1]
                        at = 0
                ends = False
            else:
                self._depth -= 1
                if floor == 1 and self._depth == 0:
                    yield from self._gap(bytes(buffer[:at]))
                    del buffer[:at]
                    at = 0
                    continue
                ends = self._depth == floor
            if ends:
                raw = bytes(buffer[:at])
                del buffer[:at]
                at = 0
                yield self._frame(raw)
        self._seen = at

    @staticmethod
    def _frame(raw: bytes) -> Frame:
        start = next((at for at, byte in enumerate(raw) if byte in b'[{"'), len(raw))
        return Frame(raw, _text(raw[start:]), start, len(raw))

    @staticmethod
    def _gap(raw: bytes) -> Iterator[Frame]:
        """What stands between the objects of an array; strings in it are read as an array."""
        if not raw:
            return
        head = _GAP.match(raw)
        start = head.end() if head else 0
        inside = raw[start:].rstrip(b" \t\r\n,]")
        if not inside:
            yield Frame(raw)
            return
        end = start + len(inside)

        def rebuilt(new: bytes) -> bytes:
            return raw[:start] + new[1:-1] + raw[end:]

        yield Frame(raw, f"[{_text(inside)}]", around=rebuilt)

    def end(self) -> Iterator[Frame]:
        """See `Framing`. What is left is what stands after the text, or a text that is cut off."""
        if self._instead is not None:
            yield from self._instead.end()
        elif self._buffer:
            raw = bytes(self._buffer)
            self._buffer.clear()
            yield Frame(raw)


class EventStream:
    """AWS event streams; the payload is JSON, or JSON in base64 under `bytes`."""

    def __init__(self) -> None:
        self._decoder = eventstream.Decoder()
        self._broken = False

    def feed(self, data: bytes) -> Iterator[Frame]:
        """See `Framing`."""
        if self._broken:
            yield Frame(data)
            return
        for frame in self._decoder.feed(data):
            yield self._frame(frame)
        if self._decoder.fault is not None:
            self._broken = True
            yield Frame(self._decoder.rest)

    @staticmethod
    def _frame(frame: eventstream.Frame) -> Frame:
        payload = frame.payload

        raw = frame.encode()

        def rebuilt(new: bytes) -> bytes:
            try:
                return frame.with_payload(new).encode()
            except ValueError:  # over the limits of an event stream
                return raw

        inner = _inner(payload)
        if inner is None:
            return Frame(raw, _text(payload), 0, 0, frame.event_type, around=rebuilt)
        said, start, end = inner

        def wrapped(new: bytes) -> bytes:
            return rebuilt(payload[:start] + base64.b64encode(new) + payload[end:])

        return Frame(raw, said, 0, 0, "", around=wrapped)

    def end(self) -> Iterator[Frame]:
        """See `Framing`."""
        if self._decoder.rest and not self._broken:
            yield Frame(self._decoder.rest)


_BYTES = re.compile(rb'"bytes"\s*:\s*"([A-Za-z0-9+/=]*)"')


def _inner(payload: bytes) -> tuple[str, int, int] | None:
    """The text that stands in base64 in the payload of an InvokeModel chunk, and where."""
    found = _BYTES.search(payload)
    if found is None:
        return None
    try:
        said = base64.b64decode(found[1], validate=True).decode("utf-8")
        json.loads(said)
    except (binascii.Error, ValueError):
        return None
    return said, *found.span(1)


class Message:
    """One WebSocket message is one frame; some carry several JSON texts, each ended by U+001E."""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """See `Framing`."""
        text = _text(data)
        if "\x1e" not in text:
            yield Frame(data, text, 0, len(data))
            return
        for piece in re.findall(r"[^\x1e]*\x1e?", text):
            if piece:
                raw = piece.encode("utf-8", "surrogateescape")
                end = len(raw) - piece.endswith("\x1e")
                yield Frame(raw, piece.removesuffix("\x1e"), 0, end)

    def end(self) -> Iterator[Frame]:
        """See `Framing`."""
        yield from ()
