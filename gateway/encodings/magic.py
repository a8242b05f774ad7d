"""Which file format do these bytes begin with?

Law: a name is given only where the first bytes can hardly be anything else; this tells a file
from running text, and is no substitute for reading the file.
"""

from __future__ import annotations

import re
from typing import Final

_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"{\\rtf", "application/rtf"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
    (b"PAR1", "application/vnd.apache.parquet"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"\x7fELF", "application/x-executable"),
)
_ISO_BRANDS: Final = {b"avif": "image/avif", b"avis": "image/avif", b"heic": "image/heic",
                      b"heix": "image/heic", b"mif1": "image/heif", b"M4A ": "audio/mp4"}  # fmt: skip
_RIFF: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BMP: Final = re.compile(rb"BM.{4}\0\0\0\0", re.DOTALL)
_MP3: Final = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x10-\xef]")
BEGINNINGS: Final = (*(magic for magic, _ in _MAGIC), b"RIFF", b"BM")
"""First bytes of formats that have some of their own; of those that do not, ISO media, tar and MP3 are left."""
_DICOM, _DICOM_AT = b"DICM", 128
"""DICOM begins with a preamble for other programs (PS3.10, section 7.1)."""
TAR, TAR_AT = b"ustar", 257
"""Tar begins with a name; where in its first entry it says what it is (POSIX.1-2024, pax)."""


def sniff(data: bytes) -> str:
    """Media type of a well-known format by its first bytes; empty when it is none of them."""
    head = data[:16]
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[4:8] == b"ftyp":
        return _ISO_BRANDS.get(head[8:12], "video/mp4")
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], "")
    if _BMP.match(head):
        return "image/bmp"
    if data.startswith(_DICOM, _DICOM_AT):
        return "application/dicom"
    if data.startswith(TAR, TAR_AT):
        return "application/x-tar"
    if len(data) > 512 and _MP3.match(head):
        return "audio/mpeg"
    return ""


def is_notebook(data: bytes) -> bool:
    """Is this JSON a notebook of Jupyter? Its texts are lists of lines, and read together (nbformat, 4.5)."""
    return data.lstrip()[:1] == b"{" and b'"nbformat"' in data and b'"cells"' in data
