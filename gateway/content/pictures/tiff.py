"""How does a TIFF lose its metadata without a new compression? Law: only entries of metadata and
what they point to are overwritten; offsets of everything else stay, so pixels stay as they are.

TIFF 6.0, section 2: a directory is a count, entries of twelve bytes, and where the next one stands.
"""

from __future__ import annotations

import struct

from gateway.content.rewriting import CannotRewrite

_METADATA = {
    269: "DocumentName", 270: "ImageDescription", 271: "Make", 272: "Model", 285: "PageName",
    305: "Software", 306: "DateTime", 315: "Artist", 316: "HostComputer", 337: "TargetPrinter",
    700: "XMP", 32781: "ImageID", 33432: "Copyright", 33723: "IPTC", 34377: "Photoshop",
    34665: "Exif", 34853: "GPS", 37510: "UserComment", 37724: "ImageSourceData", 40965: "Interoperability",
    42016: "ImageUniqueID", 42112: "GDAL", 50341: "PrintImageMatching", 51041: "Credentials",
}  # fmt: skip
_DIRECTORIES = {34665, 34853, 40965}
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_MOST = 1_000


def without_metadata(data: bytes) -> bytes:
    """`data` with metadata entries taken out and their values overwritten with zeros.

    Orientation and colour profile stay. Raises `CannotRewrite` for damaged files.
    """
    out = bytearray(data)
    order = "<" if data[:2] == b"II" else ">"
    try:
        (at,) = struct.unpack_from(order + "I", out, 4)
        seen: set[int] = set()
        while at:
            if at in seen or len(seen) > _MOST:
                raise CannotRewrite("the picture is damaged")
            seen.add(at)
            at = _directory(out, order, at, everything=False, seen=seen)
    except struct.error:
        raise CannotRewrite("the picture is damaged") from None
    return bytes(out)


def _directory(out: bytearray, order: str, at: int, *, everything: bool, seen: set[int]) -> int:
    (count,) = struct.unpack_from(order + "H", out, at)
    entries, (following,) = [], struct.unpack_from(order + "I", out, at + 2 + 12 * count)
    for number in range(count):
        place = at + 2 + 12 * number
        tag, kind, length, value = struct.unpack_from(order + "HHII", out, place)
        if not everything and tag not in _METADATA:
            entries.append(bytes(out[place : place + 12]))
            continue
        if tag in _DIRECTORIES and value not in seen and len(seen) < _MOST:
            seen.add(value)
            _directory(out, order, value, everything=True, seen=seen)
        size = _SIZES.get(kind, 1) * length
        if size > 4 and value + size <= len(out):
            out[value : value + size] = bytes(size)
    table = b"".join(entries) + struct.pack(order + "I", 0 if everything else following)
    size = 12 * count + 4
    struct.pack_into(order + "H", out, at, len(entries))
    out[at + 2 : at + 2 + size] = table.ljust(size, b"\0")
    return int(following)
