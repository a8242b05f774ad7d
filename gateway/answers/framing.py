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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from gateway.encodings import eventstream

MAX_FRAME: Final = 32 << 20
"""Bytes of the largest frame that is looked at; a longer one passes as it is."""


type Rebuild = Callable[[bytes], bytes]
"""Makes a frame's bytes from another payload."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One event: its bytes, and the payload, a text at `start:end` of them; None has no text.

    `kind` is the event's type where the framing tells it. `split` frames are plain text that may
    be cut anywhere.
    """

    raw: bytes = field(repr=False)
    payload: str | None = field(default=None, repr=False)
    start: int = 0
    end: int = 0
    kind: str = ""
    split: bool = False
    around: Rebuild | None = field(default=None, repr=False)

    def with_payload(self, payload: str) -> bytes:
        """The frame's bytes with another payload."""
        data = payload.encode("utf-8", "surrogateescape")
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


class Text:
    """Plain text: every chunk is a frame, but for a character that is cut."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def feed(self, data: bytes) -> Iterator[Frame]:
        """See `Framing`."""
        yield from self._frame(self._decoder.decode(data))

    def end(self) -> Iterator[Frame]:
        """See `Framing`."""
        yield from self._frame(self._decoder.decode(b"", final=True))

    @staticmethod
    def _frame(text: str) -> Iterator[Frame]:
        if text:
            raw = text.encode("utf-8", "surrogateescape")
            yield Frame(raw, text, 0, len(raw), split=True)


# A line ends with LF, CRLF or CR; an event with an empty line (WHATWG HTML, 9.2.5).
_EVENT_END = re.compile(rb"\r\n\r\n|\n\n|\r\r|\n\r\n|\r\n\n|\r\n\r(?!\n)")
_DATA_LINE = re.compile(rb"^data:( ?)([^\r\n]*)", re.MULTILINE)
_EVENT_LINE = re.compile(rb"^event:[ ]?([^\r\n]*)", re.MULTILINE)
_CR_LINES = re.compile(rb"\r(?!\n)")


class ServerSentEvents:
    """`text/event-stream`."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._seen = 0

    def feed(self, data: bytes) -> Iterator[Frame]:
        """See `Framing`."""
        self._buffer += data
        while True:
            found = _EVENT_END.search(self._buffer, max(0, self._seen - 3))
            if found is None or (found[0].endswith(b"\r") and found.end() == len(self._buffer)):
                # A last CR may be half of a CRLF: the next chunk tells.
                self._seen = len(self._buffer)
                break
            raw = bytes(self._buffer[: found.end()])
            del self._buffer[: found.end()]
            self._seen = 0
            yield self._frame(raw)
        if len(self._buffer) > MAX_FRAME:
            yield Frame(bytes(self._buffer))
            self._buffer.clear()
            self._seen = 0

    def end(self) -> Iterator[Frame]:
        """See `Framing`. Some servers leave the last empty line out."""
        if self._buffer:
            yield self._frame(bytes(self._buffer))
            self._buffer.clear()

    @staticmethod
    def _frame(raw: bytes) -> Frame:
        lines = _CR_LINES.sub(b"\n", raw) if b"\r" in raw else raw
        event = _EVENT_LINE.search(lines)
        kind = event[1].decode("utf-8", "replace").strip() if event else ""
        data = list(_DATA_LINE.finditer(lines))
        if not data:
            return Frame(raw, kind=kind)
        if len(data) == 1:
            start, end = data[0].span(2)
            return Frame(raw, _text(raw[start:end]), start, end, kind)
        # Several data lines are one text with LF between them; it is written back as it was.
        payload = _text(b"\n".join(found[2] for found in data))
        first, last = data[0].start(), data[-1].end()
        head, tail = raw[:first], raw[last:]
        between = [lines[one.end() : two.start()] for one, two in itertools.pairwise(data)]
        if any(gap.strip(b"\r\n") for gap in between):
            return Frame(raw, kind=kind)  # other fields stand between them

        def rebuilt(new: bytes) -> bytes:
            newline = b"\r\n" if b"\r\n" in raw else b"\n"
            return head + newline.join(b"data: " + line for line in new.split(b"\n")) + tail

        return Frame(raw, payload, 0, 0, kind, around=rebuilt)


class Lines:
    """One JSON text on each line."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._seen = 0

    def feed(self, data: bytes) -> Iterator[Frame]:
        """See `Framing`."""
        self._buffer += data
        while True:
            at = self._buffer.find(b"\n", self._seen)
            if at < 0:
                self._seen = len(self._buffer)
                break
            raw = bytes(self._buffer[: at + 1])
            del self._buffer[: at + 1]
            self._seen = 0
            yield self._frame(raw)
        if len(self._buffer) > MAX_FRAME:
            yield Frame(bytes(self._buffer))
            self._buffer.clear()
            self._seen = 0

    def end(self) -> Iterator[Frame]:
        """See `Framing`."""
        if self._buffer:
            yield self._frame(bytes(self._buffer))
            self._buffer.clear()

    @staticmethod
    def _frame(raw: bytes) -> Frame:
        end = len(raw.rstrip(b"\r\n"))
        return Frame(raw, _text(raw[:end]), 0, end) if end else Frame(raw)


_STRUCTURE = re.compile(rb'["\[\]{}\\]')
_STRING_END = re.compile(rb'["\\]')


class JsonText:
    """One JSON text; of an array at the top each element is a frame, so that it is not held back."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._seen = 0
        self._depth = 0
        self._in_string = False
        self._floor: int | None = None  # depth at which frames end: 1 in an array, else 0
        self._broken = False

    def feed(self, data: bytes) -> Iterator[Frame]:
        """See `Framing`."""
        if self._broken:
            yield Frame(data)
            return
        self._buffer += data
        if self._floor is None:
            begin = bytes(self._buffer[:64]).lstrip(b" \t\r\n\xef\xbb\xbf")
            if not begin:
                return
            self._floor = 1 if begin[:1] == b"[" else 0
        yield from self._frames(self._floor)
        if len(self._buffer) > MAX_FRAME:
            yield Frame(bytes(self._buffer))
            self._buffer.clear()
            self._broken = True

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
            elif char == b'"':
                self._in_string = not self._in_string
            elif char in b"[{":
                self._depth += 1
                if floor == 1 and self._depth == 1:
                    yield Frame(bytes(buffer[:at]))
                    del buffer[:at]
                    at = 0
            else:
                self._depth -= 1
                if self._depth == floor or (floor == 1 and self._depth == 0):
                    raw = bytes(buffer[:at])
                    del buffer[:at]
                    at = 0
                    yield self._frame(raw) if self._depth == floor else Frame(raw)
        self._seen = at

    @staticmethod
    def _frame(raw: bytes) -> Frame:
        start = next((at for at, byte in enumerate(raw) if byte in b"[{"), len(raw))
        return Frame(raw, _text(raw[start:]), start, len(raw))

    def end(self) -> Iterator[Frame]:
        """See `Framing`. What is left is what stands after the text, or a text that is cut off."""
        if self._buffer:
            raw = bytes(self._buffer)
            self._buffer.clear()
            yield Frame(raw, _text(raw), 0, len(raw))


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
            yield from self.end()

    @staticmethod
    def _frame(frame: eventstream.Frame) -> Frame:
        payload = frame.payload

        def rebuilt(new: bytes) -> bytes:
            return frame.with_payload(new).encode()

        raw = frame.encode()
        inner = _inner(payload)
        if inner is None:
            return Frame(raw, _text(payload), 0, 0, frame.event_type, around=rebuilt)
        said, start, end = inner

        def wrapped(new: bytes) -> bytes:
            return rebuilt(payload[:start] + base64.b64encode(new) + payload[end:])

        return Frame(raw, said, 0, 0, "", around=wrapped)

    def end(self) -> Iterator[Frame]:
        """See `Framing`."""
        if self._decoder.rest:
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
