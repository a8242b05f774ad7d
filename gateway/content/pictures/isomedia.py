"""What stands beside the pixels of a HEIC or AVIF picture, and how does it go? Law: what goes leaves
the list of items and its bytes are overwritten; nothing moves, so the pixels stay as they are.

ISO/IEC 14496-12, section 8.11 (boxes and items); ISO/IEC 23008-12 (pictures as items).
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from gateway.content.pictures.segments import Broken, Kind

_PICTURES = frozenset(
    b"hvc1 hev1 lhv1 hvt1 av01 avc1 vvc1 evc1 jpeg j2k1 unci grid iovl iden tmap mski".split()
)
"""Types of items that hold pixels, or say how pixels are put together."""

_WORDS = frozenset({b"Exif", b"mime", b"uri "})
"""Types of items that hold none, whatever refers to them."""

_FRAME = frozenset(b"ftyp styp meta mdat moov moof sidx ssix mfra tfra mfro pdin prft".split())
_META = frozenset(b"hdlr pitm iinf iloc iref iprp idat dinf grpl ipro".split())
"""Boxes of the file, and of its list of items, without which no picture is shown."""

_SAYS = frozenset({b"udes", b"altt", b"uuid"})
"""Properties that hold words for people: what a picture shows, and keywords."""

_BLANK = frozenset({b"free", b"skip", b"wide"})
_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
"""The box type of content credentials: C2PA 2.1, section A.3."""

_MOST = 100_000
"""Boxes, items and extents of a file."""


@dataclass(frozen=True, slots=True)
class Aside:
    """Something beside the pixels: its kind, the format's name for it, and what it says."""

    kind: Kind
    name: str
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Box:
    name: bytes
    start: int
    body: int
    end: int


@dataclass(frozen=True, slots=True)
class _Item:
    """`extents` are where its bytes stand in the file; None where that is told by another item."""

    number: int
    kind: bytes
    mime: bytes
    extents: tuple[tuple[int, int], ...] | None

    @property
    def says(self) -> Kind:
        if self.kind == b"Exif":
            return Kind.EXIF
        return Kind.XMP if self.mime == b"application/rdf+xml" else Kind.OTHER


class _Fields:
    """Numbers and texts that stand one after the other. Raises `Broken` at the end."""

    def __init__(self, data: bytes | bytearray, at: int, end: int) -> None:
        self._data, self.at, self._end = data, at, end

    def number(self, size: int) -> int:
        if self.at + size > self._end:
            raise Broken("cut short")
        value = int.from_bytes(self._data[self.at : self.at + size], "big")
        self.at += size
        return value

    def text(self) -> bytes:
        end = self._data.find(b"\0", self.at, self._end)
        end = self._end if end < 0 else end
        value = bytes(self._data[self.at : end])
        self.at = min(end + 1, self._end)
        return value


def asides(data: bytes) -> Iterator[Aside]:
    """All that `data` says besides its pixels. Raises `Broken`."""
    file = _File(data)
    for item in file.beside:
        payload = b"".join(data[start:end] for start, end in item.extents or ())
        if item.kind == b"Exif":  # where the TIFF header stands comes first
            payload = payload[4 + int.from_bytes(payload[:4], "big") :]
        name = item.mime or item.kind
        yield Aside(item.says, name.decode("latin-1"), payload)
    for start, end in file.gaps():
        if payload := data[start:end].strip(b"\0"):
            yield Aside(Kind.OTHER, "mdat", payload)
    for box in (*file.strange, *file.words):
        payload = data[box.body : box.end]
        if box.name == b"uuid" and payload.startswith(_C2PA):
            yield Aside(Kind.CREDENTIALS, "uuid", payload[16:])
        elif payload[16 * (box.name == b"uuid") :].strip(b"\0"):
            outside = box in file.boxes
            yield Aside(Kind.TRAILER if outside else Kind.TEXT, box.name.decode("latin-1"), payload)


def without_metadata(data: bytes, keep: Collection[Kind] = ()) -> bytes:
    """`data`, as long as it was, without what is no picture, but for the kinds in `keep`.

    Raises `Broken` where the file is damaged, or where metadata shares bytes with the pixels or
    with the lists that say where they stand.
    """
    file = _File(data)
    out = bytearray(data)
    gone = [item for item in file.beside if item.says not in keep]
    stay = [item for item in file.items if item not in gone]
    if any(item.extents is None for item in gone):
        raise Broken("construction")
    kept = sorted(extent for item in stay for extent in item.extents or ())
    for item in gone:
        for start, end in item.extents or ():
            if _touches(kept, start, end) or not file.holds(start, end):
                raise Broken("shared")
            out[start:end] = bytes(end - start)
    for start, end in file.gaps():
        out[start:end] = bytes(end - start)
    for box in file.words:
        if box.name in _SAYS:  # a property is called by its place in the list: an empty one stays
            start = box.body + 16 * (box.name == b"uuid")
            out[start : box.end] = bytes(box.end - start)
        else:
            _blank(out, box)
    for box in file.strange:
        credentials = box.name == b"uuid" and data.startswith(_C2PA, box.body)
        if box in file.inside or (credentials and Kind.CREDENTIALS in keep):
            continue
        if Kind.TRAILER not in keep or credentials:
            _blank(out, box)
    if file.meta is not None:
        away = {item.number for item in gone}
        out[file.meta.start : file.meta.end] = _meta(out, file.meta, away)
    return bytes(out)


class _File:
    """The boxes and items of a file."""

    def __init__(self, data: bytes) -> None:
        self.boxes = _boxes(data, 0, len(data))
        self.strange = [box for box in self.boxes if box.name not in _FRAME]
        """Boxes that show nothing: of the file, and within its list of items."""
        self.inside: list[_Box] = []
        self.words: list[_Box] = []
        self.items: list[_Item] = []
        self.beside: list[_Item] = []
        metas = [box for box in self.boxes if box.name == b"meta"]
        if len(metas) > 1:
            raise Broken("lists")
        self.meta = metas[0] if metas else None
        self._stores = [box for box in self.boxes if box.name == b"mdat"]
        """Boxes that hold the bytes of items."""
        self.moving = [box for box in self.boxes if box.name in {b"moov", b"moof"}]
        for box in self.moving:
            self.words += [found for found in _deep(data, box) if found.name in {b"udta", b"meta"}]
        if self.meta is not None:
            self._list(data, self.meta)

    def _list(self, data: bytes, meta: _Box) -> None:
        children = _boxes(data, meta.body + 4, meta.end)
        named = {box.name: box for box in children}
        needed = [box for box in children if box.name in _META]
        if len(needed) != len(_META & named.keys()):
            raise Broken("lists")
        self.inside = [box for box in children if box.name not in _META]
        self.strange += self.inside
        idat = named.get(b"idat")
        self._stores += [idat] if idat else []
        places = dict(_places(data, named[b"iloc"], idat)) if b"iloc" in named else {}
        parts = _built(data, named[b"iref"]) if b"iref" in named else set()
        if b"pitm" in named:
            fields = _Fields(data, named[b"pitm"].body, named[b"pitm"].end)
            parts.add(_identity(fields, fields.number(4) >> 24))
        if b"iinf" in named:
            for number, kind, mime, _ in _infos(data, named[b"iinf"]):
                self.items.append(_Item(number, kind, mime, places.get(number, ())))
        total = sum(end - start for item in self.items for start, end in item.extents or ())
        if total > 2 * len(data):
            raise Broken("length")
        self.beside = [
            item
            for item in self.items
            if item.kind in _WORDS or (item.kind not in _PICTURES and item.number not in parts)
        ]
        if b"iprp" in named:
            self.words += [box for box in _deep(data, named[b"iprp"]) if box.name in _SAYS]

    def holds(self, start: int, end: int) -> bool:
        """Whether these are bytes of items, and none of what says where they are."""
        return any(box.body <= start and end <= box.end for box in self._stores)

    def gaps(self) -> Iterator[tuple[int, int]]:
        """What stands among the pixels and belongs to no item; nothing where that is not known."""
        if self.moving or any(item.extents is None for item in self.items):
            return
        spans = sorted(extent for item in self.items for extent in item.extents or ())
        for box in self.boxes:
            if box.name != b"mdat":
                continue
            at = box.body
            for start, end in spans:
                if end <= box.body or start >= box.end:
                    continue
                if start > at:
                    yield at, start
                at = max(at, end)
            if at < box.end:
                yield at, box.end


def _boxes(data: bytes | bytearray, start: int, end: int) -> list[_Box]:
    found: list[_Box] = []
    at = start
    while at < end:
        if at + 8 > end or len(found) > _MOST:
            raise Broken("box")
        size, name = struct.unpack_from(">I4s", data, at)
        body = at + 8
        if size == 1 and at + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        elif size == 0:
            size = end - at
        if size < body - at or at + size > end:
            raise Broken("box")
        found.append(_Box(name, at, body, at + size))
        at += size
    return found


_FOLDERS = frozenset(b"moov moof trak traf mdia minf iprp ipco".split())


def _deep(data: bytes, box: _Box) -> Iterator[_Box]:
    for inner in _boxes(data, box.body, box.end):
        yield inner
        if inner.name in _FOLDERS:
            yield from _deep(data, inner)


def _identity(fields: _Fields, version: int) -> int:
    """The number of an item: of two bytes in the first version of a box, else of four."""
    return fields.number(4 if version else 2)


def _infos(data: bytes | bytearray, box: _Box) -> Iterator[tuple[int, bytes, bytes, _Box]]:
    """Number, type, media type and entry of each item."""
    fields = _Fields(data, box.body, box.end)
    version = fields.number(4) >> 24
    fields.number(4 if version else 2)
    for entry in _boxes(data, fields.at, box.end):
        inner = _Fields(data, entry.body, entry.end)
        version = inner.number(4) >> 24
        if entry.name != b"infe" or version not in {2, 3}:
            raise Broken("version")
        number = _identity(inner, version - 2)
        inner.number(2)
        kind = inner.number(4).to_bytes(4, "big")
        inner.text()
        yield number, kind, inner.text() if kind == b"mime" else b"", entry


def _places(
    data: bytes, box: _Box, idat: _Box | None
) -> Iterator[tuple[int, tuple[tuple[int, int], ...] | None]]:
    """Where the bytes of each item stand."""
    for number, method, base, extents, _ in _located(data, box):
        if method > 1:
            yield number, None
            continue
        if method and idat is None:
            raise Broken("place")
        first, last = (idat.body, idat.end) if method and idat else (0, len(data))
        spans = []
        for offset, length in extents:
            start = first + base + offset
            end = start + length if length else last
            if not first <= start <= end <= last:
                raise Broken("place")
            spans.append((start, end))
        yield number, tuple(spans)


type _Located = tuple[int, int, int, list[tuple[int, int]], tuple[int, int]]
"""Number, way of telling, base, extents (offset and length), and where the entry itself stands."""


def _located(data: bytes | bytearray, box: _Box) -> Iterator[_Located]:
    fields = _Fields(data, box.body, box.end)
    version = fields.number(4) >> 24
    if version > 2:
        raise Broken("version")
    sizes = fields.number(2)
    offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    count = fields.number(4 if version == 2 else 2)
    left = _MOST
    for _ in range(count):
        start = fields.at
        number = fields.number(4 if version == 2 else 2)
        method = fields.number(2) & 15 if version else 0
        if fields.number(2):
            raise Broken("elsewhere")  # in another file
        begin = fields.number(base)
        extents = []
        for _ in range(fields.number(2)):
            left -= 1
            if left < 0:
                raise Broken("extents")
            fields.number(index if version else 0)
            extents.append((fields.number(offset), fields.number(length)))
        yield number, method, begin, extents, (start, fields.at)


def _built(data: bytes, box: _Box) -> set[int]:
    """Items that others are put together from, or show smaller: pictures, whatever their type."""
    return {
        to
        for entry, _, targets in _references(data, box)
        if entry.name in {b"dimg", b"thmb", b"auxl"}
        for to in targets
    }


def _references(data: bytes | bytearray, box: _Box) -> Iterator[tuple[_Box, int, tuple[int, ...]]]:
    fields = _Fields(data, box.body, box.end)
    version = fields.number(4) >> 24
    for entry in _boxes(data, fields.at, box.end):
        inner = _Fields(data, entry.body, entry.end)
        origin = _identity(inner, version)
        yield entry, origin, tuple(_identity(inner, version) for _ in range(inner.number(2)))


def _touches(spans: Sequence[tuple[int, int]], start: int, end: int) -> bool:
    return any(a < end and start < b for a, b in spans)


def _blank(out: bytearray, box: _Box) -> None:
    out[box.start + 4 : box.start + 8] = b"free"
    out[box.body : box.end] = bytes(box.end - box.body)


# --- the list of items, written anew -------------------------------------------------------------


def _meta(out: bytearray, meta: _Box, away: set[int]) -> bytes:
    """The list of items without those `away`, and as long as it was."""
    body = bytearray(out[meta.body : meta.body + 4])
    for box in _boxes(out, meta.body + 4, meta.end):
        match box.name:
            case b"iinf":
                body += _list_of_items(out, box, away)
            case b"iloc":
                body += _list_of_places(out, box, away)
            case b"iref":
                body += _list_of_references(out, box, away)
            case b"iprp":
                parts = [
                    _associations(out, inner, away)
                    if inner.name == b"ipma"
                    else bytes(out[inner.start : inner.end])
                    for inner in _boxes(out, box.body, box.end)
                ]
                body += _box(b"iprp", b"".join(parts))
            case name if name in _META:
                body += out[box.start : box.end]
    made = _box(b"meta", bytes(body))
    spare = meta.end - meta.start - len(made)
    if spare == 0:
        return made
    if spare < 8:
        raise Broken("length")
    return made + _box(b"free", bytes(spare - 8))


def _box(name: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(payload), name) + payload


def _list_of_items(out: bytearray, box: _Box, away: set[int]) -> bytes:
    kept = [entry for number, _, _, entry in _infos(out, box) if number not in away]
    head = bytes(out[box.body : box.body + 4])
    count = len(kept).to_bytes(4 if head[0] else 2, "big")
    return _box(box.name, head + count + b"".join(out[e.start : e.end] for e in kept))


def _list_of_places(out: bytearray, box: _Box, away: set[int]) -> bytes:
    kept = [entry for number, *_, entry in _located(out, box) if number not in away]
    head = bytes(out[box.body : box.body + 6])
    count = len(kept).to_bytes(4 if head[0] == 2 else 2, "big")
    return _box(box.name, head + count + b"".join(out[start:end] for start, end in kept))


def _list_of_references(out: bytearray, box: _Box, away: set[int]) -> bytes:
    kept = [
        bytes(out[entry.start : entry.end])
        for entry, origin, targets in _references(out, box)
        if origin not in away and not away.intersection(targets)
    ]
    # A list of none is no list: readers take it for damage.
    return _box(box.name, bytes(out[box.body : box.body + 4]) + b"".join(kept)) if kept else b""


def _associations(out: bytearray, box: _Box, away: set[int]) -> bytes:
    fields = _Fields(out, box.body, box.end)
    head = fields.number(4)
    wide = 2 if head & 1 else 1
    kept = []
    for _ in range(fields.number(4)):
        start = fields.at
        number = _identity(fields, head >> 24)
        for _ in range(fields.number(1)):
            fields.number(wide)
        if number not in away:
            kept.append(bytes(out[start : fields.at]))
    return _box(box.name, head.to_bytes(4, "big") + len(kept).to_bytes(4, "big") + b"".join(kept))
