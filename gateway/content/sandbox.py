"""How are strangers' bytes read without harm? In a child process that can only compute.

Law: `run` always ends, in time, and gives what the child had said before; a child that died, ran out
of memory or time ends in one `Missed`. Nothing that the child writes is trusted: it is plain data in
a fixed frame, and each field is checked against what it may be.

The child is forked from the worker, so that nothing has to be loaded again; it keeps no open file
but the pipe to us, and `confine` takes the rest away. It inherits the worker's memory (keys
included), which is why it must not reach anybody but us.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import struct
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gateway.content.confine import confine
from gateway.content.reading import (
    FACTS,
    REGIONS,
    Box,
    Entry,
    Fact,
    Missed,
    Region,
    Stop,
    Text,
    Told,
)
from gateway.content.rewriting import REASONS, CannotRewrite
from gateway.content.types import MEDIA_TYPES
from gateway.model import UnreadReason

_HEAD = struct.Struct("<cII")  # kind, bytes of JSON, bytes of text
_END = b"."
_GRACE = 1.0
"""Seconds over the budget's own before the child is killed."""
_MAX_FRAME = 80 << 20
_MAX_FRAMES = 2_000_000
_PLACE = re.compile(r"(?:[a-z_]+(?:\[\d{1,9}\])?(?:\.|\Z)){0,64}\Z")
_WORD = re.compile(r"[a-z0-9 _.+/-]{0,80}\Z")
_MAX_VALUE = 200
"""Characters of a fact's value that is text (the name of a label)."""


@dataclass(frozen=True, slots=True)
class _Made:
    """A file that was made, or the reason why it was not."""

    data: bytes
    reason: str = ""


class _Garbled(Exception):
    """The child wrote what it must not: it was taken over, or is broken."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a child may take: wall-clock `seconds`, `memory` and `output` in bytes.

    `threads` that compute at the same time use up processor time faster than the clock goes.
    """

    seconds: float
    memory: int
    output: int
    threads: int = 1


def run(work: Callable[[], Iterator[Told]], bounds: Bounds) -> Iterator[Told]:
    """What `work` says, run in a confined child. The child is gone when this ends or is closed."""
    child, pipe = _fork(work, bounds)
    try:
        for said in _listen(pipe, bounds):
            if isinstance(said, _Made):
                yield Missed("", UnreadReason.CRASHED, detail="garbled")
                return
            yield said
    finally:
        os.close(pipe)
        _end(child)


def make(work: Callable[[], bytes], bounds: Bounds) -> bytes:
    """The bytes that `work` makes in a confined child. Raises `CannotRewrite`, and nothing else.

    They are a stranger's: the caller must read them like what came from outside.
    """

    def made() -> Iterator[_Made]:
        try:
            yield _Made(work())
        except CannotRewrite as cannot:
            yield _Made(b"", cannot.reason)

    child, pipe = _fork(made, bounds)
    try:
        for said in _listen(pipe, bounds):
            if not isinstance(said, _Made):
                break
            if not said.reason:
                return said.data
            if said.reason in REASONS:
                raise CannotRewrite(said.reason)
    finally:
        os.close(pipe)
        _end(child)
    raise CannotRewrite("writing the file took too long or too much")


def protections() -> tuple[str, ...]:
    """Names of the layers that hold for children on this machine.

    ``limits`` (memory, time, files), ``no_new_privileges``, ``landlock``, ``seccomp``; the
    deadline holds always.
    """

    def probe() -> Iterator[Told]:
        yield Missed("", UnreadReason.CRASHED, detail=" ".join(_held))

    said = list(run(probe, Bounds(5.0, 256 << 20, 1 << 16)))
    return tuple(said[0].detail.split()) if said and isinstance(said[0], Missed) else ()


_held: tuple[str, ...] = ()  # only ever set in a child


def _fork(work: Callable[[], Iterator[Told | _Made]], bounds: Bounds) -> tuple[int, int]:
    ours, theirs = os.pipe2(os.O_CLOEXEC)
    with warnings.catch_warnings():
        # Python warns about threads; libraries' idle ones are not there in the child, and what the
        # child uses was made to be forked (memory) or is made there anew.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _child(work, bounds, theirs)
    os.close(theirs)
    return child, ours


def _child(work: Callable[[], Iterator[Told | _Made]], bounds: Bounds, pipe: int) -> None:
    """The child's life; never returns."""
    global _held  # noqa: PLW0603  # the child's own copy
    status = 1
    try:
        for caught in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
            signal.signal(caught, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            if number != pipe:
                os.dup2(nothing, number)
        os.closerange(3, pipe)
        os.closerange(pipe + 1, os.sysconf("SC_OPEN_MAX") if pipe < 3 else 1 << 20)
        _held = confine(memory=bounds.memory, seconds=bounds.seconds * bounds.threads)
        writer = _Writer(pipe)
        try:
            for said in work():
                writer.put(said)
        except MemoryError:
            writer.put(Missed("", UnreadReason.CRASHED, detail="memory"))
        except Stop as stop:
            writer.put(Missed("", stop.reason, detail=stop.detail))
        writer.end()
        status = 0
    finally:
        os._exit(status)


class _Writer:
    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def put(self, said: Told | _Made) -> None:
        kind, head, text = _encoded(said)
        raw = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "surrogatepass"
        )
        # At once: what was said before a crash stays said.
        self._write(_HEAD.pack(kind, len(raw), len(text)) + raw + text)

    def end(self) -> None:
        self._write(_HEAD.pack(_END, 0, 0))

    def _write(self, frame: bytes) -> None:
        view = memoryview(frame)
        while view:
            view = view[os.write(self._pipe, view) :]


def _encoded(said: Told | _Made) -> tuple[bytes, list[object], bytes]:
    match said:
        case Text():
            head = [said.place, said.hidden, said.label, said.boxes, said.editable]
            return b"T", head, said.text.encode("utf-8", "surrogatepass")
        case Fact():
            return b"F", [said.name, said.value, said.place], b""
        case Missed():
            return b"M", [said.place, said.reason.value, said.size, said.detail], b""
        case Entry():
            head = [said.place, said.media_type, said.family, said.size, said.mismatch]
            return b"E", head, b""
        case _Made():
            return b"W", [said.reason], said.data
        case Region():
            return b"R", [said.place, said.kind, said.box, said.confidence], b""


def _listen(pipe: int, bounds: Bounds) -> Iterator[Told | _Made]:
    ends = time.monotonic() + bounds.seconds + _GRACE
    data = bytearray()
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    total = frames = 0
    while True:
        at = 0
        while len(data) - at >= _HEAD.size:
            kind, head, text = _HEAD.unpack_from(data, at)
            if head + text > _MAX_FRAME:
                yield Missed("", UnreadReason.CRASHED, detail="garbled")
                return
            end = at + _HEAD.size + head + text
            if len(data) < end:
                break
            if kind == _END:
                return
            middle = at + _HEAD.size + head
            try:
                told = _decoded(
                    kind, bytes(data[at + _HEAD.size : middle]), bytes(data[middle:end])
                )
            except (_Garbled, ValueError, TypeError, RecursionError):
                yield Missed("", UnreadReason.CRASHED, detail="garbled")
                return
            yield told
            frames += 1
            at = end
        del data[:at]
        if total > bounds.output or frames > _MAX_FRAMES:
            yield Missed("", UnreadReason.TOO_LARGE, detail="text")
            return
        left = ends - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            yield Missed("", UnreadReason.TIMED_OUT, detail="time")
            return
        more = os.read(pipe, 1 << 20)
        if not more:
            yield Missed("", UnreadReason.CRASHED, detail="died")
            return
        total += len(more)
        data += more


def _decoded(kind: bytes, head: bytes, text: bytes) -> Told | _Made:
    """One frame; `_Garbled`, `ValueError` or `TypeError` when it is not what a child may say."""
    values = json.loads(head.decode("utf-8", "surrogatepass"))
    match kind:
        case b"T":
            place, hidden, label, boxes, editable = values
            return Text(
                _place(place),
                text.decode("utf-8", "surrogatepass"),
                hidden=_is(hidden, bool),
                label=_is(label, str)[:_MAX_VALUE],
                boxes=tuple(_box(item) for item in _is(boxes, list)),
                editable=_is(editable, bool),
            )
        case b"F":
            name, value, place = values
            if name not in FACTS or not isinstance(value, bool | int | float | str):
                raise _Garbled
            return Fact(
                name, value[:_MAX_VALUE] if isinstance(value, str) else value, _place(place)
            )
        case b"M":
            place, reason, size, detail = values
            return Missed(_place(place), UnreadReason(reason), _is(size, int), _word(detail))
        case b"E":
            place, media_type, family, size, mismatch = values
            if MEDIA_TYPES.get(media_type) != family:
                raise _Garbled
            return Entry(_place(place), media_type, family, _is(size, int), _is(mismatch, bool))
        case b"W":
            (why,) = values
            return _Made(text, _is(why, str))
        case b"R":
            place, shown, box, confidence = values
            if shown not in REGIONS:
                raise _Garbled
            return Region(_place(place), shown, _corners(box), float(_is(confidence, float)))
    raise _Garbled


def _is[T](value: object, kind: type[T]) -> T:
    if type(value) is not kind:
        raise _Garbled
    return value


def _place(value: object) -> str:
    place = _is(value, str)
    if not _PLACE.match(place):
        raise _Garbled
    return place


def _word(value: object) -> str:
    word = _is(value, str)
    if not _WORD.match(word):
        raise _Garbled
    return word


def _box(value: object) -> tuple[int, int, Box]:
    start, end, box = _is(value, list)
    return _is(start, int), _is(end, int), _corners(box)


def _corners(value: object) -> Box:
    left, top, right, bottom = (_is(number, int) for number in _is(value, list))
    return left, top, right, bottom


def _end(child: int) -> None:
    """End the child, whatever it does, and collect it."""
    try:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    except (ProcessLookupError, ChildProcessError):
        pass
