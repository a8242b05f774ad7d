"""How does one get to the bottom of an upload? File by file, each opened by its true type.

Law: runs in the sandbox only. Every file ends in what its reader says, in text, or in a `Missed`;
one that is damaged or over a limit does not keep the others from being read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from gateway.content.looking import PictureSettings
from gateway.content.readers import READERS, prepare, readers
from gateway.content.reading import (
    Budget,
    Embedded,
    Entry,
    Fact,
    FileLimits,
    Missed,
    Reader,
    Region,
    Stop,
    Text,
    Told,
)
from gateway.content.rewriting import CONTAINERS, PDF, PICTURES, TEXTS
from gateway.content.types import UNSURE, belies, text_encoding, type_of
from gateway.model import UnreadReason

__all__ = ["has_reader", "prepare", "walk"]


_WRITTEN = PICTURES | CONTAINERS | TEXTS | {PDF}


@dataclass(frozen=True, slots=True)
class _File:
    """A file on the way down: where it stands in the upload, and what was said of it."""

    place: str
    data: bytes
    name: str = ""
    hidden: bool = False
    depth: int = 0
    editable: bool = True
    removable: bool = False

    def within(self, place: str) -> str:
        """`place` of this file as a place of the upload."""
        return f"{self.place}.{place}" if self.place and place else self.place or place


@dataclass(frozen=True, slots=True)
class _Means:
    """What an upload is opened with: what may still be spent, and who reads which type."""

    budget: Budget
    readers: Mapping[str, Reader]


def walk(data: bytes, *, limits: FileLimits, looking: PictureSettings) -> Iterator[Told]:
    """All that is in the upload `data`, apart from its own text, which the caller has."""
    yield from _open(_File("", data), _Means(Budget(limits, len(data)), readers(looking)))


def has_reader(media_type: str) -> bool:
    """Is there anything to be read in a file of this type, beyond text as it stands?"""
    return media_type in READERS


def _open(file: _File, means: _Means) -> Iterator[Told]:
    kind = type_of(file.data)
    encoding = text_encoding(file.data)
    text = ""
    written = file.removable or kind.media_type in _WRITTEN
    file = replace(file, editable=file.editable and written)
    if file.place:
        mismatch = bool(file.name) and belies(file.name, kind)
        yield Entry(file.place, kind.media_type, kind.family, len(file.data), mismatch)
        if mismatch:
            yield Fact("mismatch", value=True, place=file.place)
    if encoding is not None:
        text = file.data.decode(encoding)
        if file.place and text:
            means.budget.text(len(text))
            yield Text(file.place, text, hidden=file.hidden, editable=file.editable)
            # A PDF says of each text how it is written; what no character set explains is a remark,
            # which many programs put below the first line to show that the file is none of text.
            if encoding == UNSURE and kind.media_type != PDF:
                yield _missed(file, UnreadReason.CHARSET)
    reader = means.readers.get(kind.media_type)
    if reader is not None:
        yield from _guarded(file, reader, means, text)
    elif encoding is None or kind.family not in {"text", "image"}:
        yield _missed(file, UnreadReason.UNSUPPORTED_FILE, kind.media_type)


def _guarded(file: _File, reader: Reader, means: _Means, text: str) -> Iterator[Told]:
    """What `reader` says, and how it ended when it did not end well."""
    try:
        yield from _read(file, reader, means, text)
    except Stop as stop:
        yield _missed(file, stop.reason, stop.detail)
    except MemoryError:
        yield _missed(file, UnreadReason.CRASHED, "memory")
    except RecursionError:
        yield _missed(file, UnreadReason.TOO_DEEP, "recursion")
    except Exception:  # noqa: BLE001  # the law of `reading`: a defect of the file
        yield _missed(file, UnreadReason.MALFORMED)


def _read(file: _File, reader: Reader, means: _Means, text: str) -> Iterator[Told]:
    at = 0  # texts come in the order of the file, so most are found from here on
    for said in reader(file.data, means.budget):
        match said:
            case Text():
                if text and said.text:
                    found = text.find(said.text, at)
                    if found >= 0:
                        at = found
                        continue
                    if said.text in text:
                        continue
                yield replace(
                    said,
                    place=file.within(said.place),
                    hidden=said.hidden or file.hidden,
                    editable=(said.editable or file.removable) and file.editable,
                )
            case Fact():
                yield replace(said, place=file.place)
            case Missed():
                yield replace(said, place=file.within(said.place))
            case Embedded():
                yield from _embedded(file, said, means)
            case Region():
                yield replace(said, place=file.within(said.place))
            case Entry():
                pass  # `walk` makes entries itself
            case other:
                assert_never(other)


def _embedded(file: _File, said: Embedded, means: _Means) -> Iterator[Told]:
    inner = _File(
        place=file.within(said.place),
        data=said.data,
        name=said.name,
        hidden=said.hidden or file.hidden,
        depth=file.depth + 1,
        editable=file.editable,
        removable=said.removable or file.removable,
    )
    budget = means.budget
    budget.file()
    yield Fact("files", 1, file.place)
    if said.name:
        budget.text(len(said.name))
        can_go = file.editable and file.removable
        yield Text(f"{inner.place}.name", said.name, hidden=inner.hidden, editable=can_go)
    if inner.depth > budget.limits.depth:
        yield _missed(inner, UnreadReason.TOO_DEEP, "depth")
    else:
        yield from _open(inner, means)


def _missed(file: _File, reason: UnreadReason, detail: str = "") -> Missed:
    return Missed(file.place, reason, len(file.data), detail)
