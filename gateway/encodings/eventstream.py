"""Which messages does an AWS event stream hold, and how is one of them written again?

Law: both checksums and both limits hold, or the stream has failed from there on; what comes before
the fault is given, and nothing after it is guessed. A frame that is written again is byte for byte
the frame that was read.

``application/vnd.amazon.eventstream``, all numbers big-endian:

    total length (4) | headers length (4) | CRC of these eight bytes (4)
    headers | payload | CRC of everything before it (4)

Source: botocore's `eventstream` module, and its limits.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

MAX_HEADERS: Final = 128 << 10
MAX_PAYLOAD: Final = 24 << 20

_PRELUDE: Final = struct.Struct("!III")
_CRC: Final = struct.Struct("!I")
_OVERHEAD: Final = _PRELUDE.size + _CRC.size

_STRING: Final = 7
_LENGTH_OF_TYPE: Final = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a header value by its type: true, false, the integers, a time, a UUID.

Types 6 (bytes) and 7 (a string) carry their length in two bytes.
"""

type HeaderValue = str | bytes
"""A string, or the bytes of a value of another type as they stand (without their length)."""


class Fault(StrEnum):
    """Why a stream cannot be read any further."""

    PRELUDE_CHECKSUM = "prelude_checksum"
    MESSAGE_CHECKSUM = "message_checksum"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    CUT_OFF = "cut_off"


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: its headers as they stood on the wire, and its payload."""

    headers: bytes = field(repr=False)
    payload: bytes = field(repr=False)

    def header(self, name: str) -> str | None:
        """The value of a header that is a string; None when there is none of this name."""
        value = (parse_headers(self.headers) or {}).get(name)
        return value if isinstance(value, str) else None

    @property
    def message_type(self) -> str:
        """``event``, ``exception`` or ``error``; empty when not told."""
        return self.header(":message-type") or ""

    @property
    def event_type(self) -> str:
        """The name of the event; empty when not told."""
        return self.header(":event-type") or ""

    @property
    def exception_type(self) -> str:
        """The name of the exception; empty when it is none."""
        return self.header(":exception-type") or ""

    @property
    def content_type(self) -> str:
        """Media type of the payload; empty when not told."""
        return self.header(":content-type") or ""

    def with_payload(self, payload: bytes) -> Frame:
        """The same message with another payload."""
        return replace(self, payload=payload)

    def encode(self) -> bytes:
        """The message on the wire. Raises `ValueError` for one that no client would take."""
        if len(self.headers) > MAX_HEADERS or len(self.payload) > MAX_PAYLOAD:
            raise ValueError("the frame is over the limits of an event stream")
        total = _OVERHEAD + len(self.headers) + len(self.payload)
        lengths = struct.pack("!II", total, len(self.headers))
        head = lengths + _CRC.pack(zlib.crc32(lengths)) + self.headers
        return head + self.payload + _CRC.pack(zlib.crc32(self.payload, zlib.crc32(head)))


def parse_headers(data: bytes) -> dict[str, HeaderValue] | None:
    """The headers of a message by name; None when they are malformed, or a name stands twice."""
    found: dict[str, HeaderValue] = {}
    at = 0
    try:
        while at < len(data):
            end = at + 1 + data[at]
            # The type is looked up before the name is used: past the end it raises.
            kind = data[end]
            name = data[at + 1 : end].decode("utf-8")
            at = end + 1
            if kind in _LENGTH_OF_TYPE:
                size = _LENGTH_OF_TYPE[kind]
            elif kind in (6, _STRING):
                size = int.from_bytes(data[at : at + 2], "big")
                at += 2
            else:
                return None
            value = data[at : at + size]
            at += size
            if at > len(data) or name in found:
                return None
            found[name] = value.decode("utf-8") if kind == _STRING else value
    except (IndexError, UnicodeDecodeError):
        return None
    return found


def encode_headers(headers: Mapping[str, str]) -> bytes:
    """Headers of a message, whose values are strings."""
    out = bytearray()
    for name, value in headers.items():
        spelled, said = name.encode("ascii"), value.encode("utf-8")
        out += struct.pack("!B", len(spelled)) + spelled
        out += struct.pack("!BH", _STRING, len(said)) + said
    return bytes(out)


class Decoder:
    """Reads a stream as it comes.

    `fault` is set once the stream cannot be read any further; `rest` then holds the bytes from
    there on, as they came, and else those of the frame that is not complete yet.
    """

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self._buffer = bytearray()

    @property
    def rest(self) -> bytes:
        """What no frame was made of."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes."""
        self._buffer += data
        frames: list[Frame] = []
        at = 0
        # INVARIANT: a length is believed only once its checksum holds and it is within the limits,
        # so that no more than one frame is ever kept.
        while self.fault is None and len(self._buffer) - at >= _PRELUDE.size:
            total, headers, checksum = _PRELUDE.unpack_from(self._buffer, at)
            self.fault = self._of_prelude(total, headers, checksum, at)
            if self.fault is not None or len(self._buffer) - at < total:
                break
            frame = self._frame(at, total, headers)
            if frame is not None:
                frames.append(frame)
                at += total
        del self._buffer[:at]
        return frames

    def end(self) -> Fault | None:
        """The stream has ended: what was wrong with it, a last frame that is cut off included."""
        if self.fault is None and self._buffer:
            self.fault = Fault.CUT_OFF
        return self.fault

    def _of_prelude(self, total: int, headers: int, checksum: int, at: int) -> Fault | None:
        if zlib.crc32(self._buffer[at : at + 8]) != checksum:
            return Fault.PRELUDE_CHECKSUM
        payload = total - headers - _OVERHEAD
        if payload < 0:
            return Fault.MALFORMED
        if headers > MAX_HEADERS or payload > MAX_PAYLOAD:
            return Fault.TOO_LARGE
        return None

    def _frame(self, at: int, total: int, headers: int) -> Frame | None:
        """The frame at `at`, which is complete; None when it has a fault."""
        end = at + total - _CRC.size
        (checksum,) = _CRC.unpack_from(self._buffer, end)
        with memoryview(self._buffer) as view, view[at:end] as checked:
            if zlib.crc32(checked) != checksum:
                self.fault = Fault.MESSAGE_CHECKSUM
                return None
        start = at + _PRELUDE.size
        frame = Frame(
            bytes(self._buffer[start : start + headers]),
            bytes(self._buffer[start + headers : end]),
        )
        if parse_headers(frame.headers) is None:
            self.fault = Fault.MALFORMED
            return None
        return frame
