"""Of what type is a file? By its first bytes, not by its name or declared type.

Law: a type is claimed only on a signature or on the bytes being text; the rest is `unknown`.
Signatures are from the formats' own documents and the IANA media type registry.
"""

from __future__ import annotations

import codecs
import re
import struct
from dataclasses import dataclass
from itertools import islice

from gateway.content import charsets
from gateway.encodings.magic import is_notebook


@dataclass(frozen=True, slots=True)
class FileType:
    """A media type and the family that policy speaks of."""

    media_type: str
    family: str


UNKNOWN = FileType("application/octet-stream", "unknown")
TEXT = FileType("text/plain", "text")
SVG = FileType("image/svg+xml", "image")
HTML = FileType("text/html", "text")
OFFICE_XML = FileType("text/xml", "text")
MAIL = FileType("message/rfc822", "text")
NOTEBOOK = FileType("application/x-ipynb+json", "text")
PDF = FileType("application/pdf", "document")
AIFF = FileType("audio/aiff", "audio")
TRANSPORT_STREAM = FileType("video/mp2t", "video")

_SIGNATURES: tuple[tuple[int, bytes, FileType], ...] = tuple(
    (offset, magic, FileType(media_type, family))
    for offset, magic, media_type, family in (
        (0, b"\x89PNG\r\n\x1a\n", "image/png", "image"),
        (0, b"\xff\xd8\xff", "image/jpeg", "image"),
        (0, b"GIF87a", "image/gif", "image"),
        (0, b"GIF89a", "image/gif", "image"),
        (0, b"BM", "image/bmp", "image"),
        (0, b"II*\x00", "image/tiff", "image"),
        (0, b"MM\x00*", "image/tiff", "image"),
        (0, b"\x00\x00\x01\x00", "image/vnd.microsoft.icon", "image"),
        (0, b"8BPS", "image/vnd.adobe.photoshop", "image"),
        (0, b"\xff\x0a", "image/jxl", "image"),
        (128, b"DICM", "application/dicom", "image"),
        (0, b"%PDF-", "application/pdf", "document"),
        (0, b"{\\rtf", "application/rtf", "document"),
        (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage", "document"),
        (0, b"PK\x03\x04", "application/zip", "archive"),
        (0, b"PK\x05\x06", "application/zip", "archive"),
        (0, b"\x1f\x8b", "application/gzip", "archive"),
        (0, b"BZh", "application/x-bzip2", "archive"),
        (0, b"\xfd7zXZ\x00", "application/x-xz", "archive"),
        (0, b"(\xb5/\xfd", "application/zstd", "archive"),
        (0, b"7z\xbc\xaf'\x1c", "application/x-7z-compressed", "archive"),
        (0, b"Rar!\x1a\x07", "application/vnd.rar", "archive"),
        (257, b"ustar", "application/x-tar", "archive"),
        (0, b"OggS", "audio/ogg", "audio"),
        (0, b"fLaC", "audio/flac", "audio"),
        (0, b"ID3", "audio/mpeg", "audio"),
        (0, b"\xff\xfb", "audio/mpeg", "audio"),
        (0, b"\xff\xf3", "audio/mpeg", "audio"),
        (0, b"\xff\xf1", "audio/aac", "audio"),
        (0, b"MThd\0\0\0\x06", "audio/midi", "audio"),
        (0, b"#!AMR", "audio/amr", "audio"),
        (0, b"\x1aE\xdf\xa3", "video/webm", "video"),
        (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf", "video"),
        (0, b"\0\0\x01\xba", "video/mpeg", "video"),
        (40, b" EMF", "image/emf", "image"),
        (0, b"\xd7\xcd\xc6\x9a", "image/wmf", "image"),
        (0, b"\x01\0\x09\0\0\x03", "image/wmf", "image"),
        (0, b"VCLMTF\1\0", "image/x-svm", "image"),
        (0, b"%!PS", "application/postscript", "image"),
        (0, b"\x04%!PS", "application/postscript", "image"),  # as printers' drivers write it
        (0, b"\xc5\xd0\xd3\xc6", "application/postscript", "image"),
        (0, b"wOFF", "font/woff", "unknown"),
        (0, b"wOF2", "font/woff2", "unknown"),
        (0, b"\0\x01\0\0\0", "font/ttf", "unknown"),
        (0, b"OTTO", "font/otf", "unknown"),
        (0, b"SQLite format 3\x00", "application/vnd.sqlite3", "unknown"),
        (0, b"PAR1", "application/vnd.apache.parquet", "unknown"),
        (0, b"PARE", "application/vnd.apache.parquet", "unknown"),
        (0, b"\x7fELF", "application/x-executable", "unknown"),
        (0, b"MZ", "application/vnd.microsoft.portable-executable", "unknown"),
    )
)

_DICOM_ELEMENT = re.compile(rb"(?:\x02\0|\x08\0)[\0-\x20]\0(?:[A-Z]{2}|[\0-\x40]\0\0\0)", re.DOTALL)
"""The first element of DICOM without its preamble: group 2 or 8, with a VR or a short length."""

_RIFF = {
    b"WEBP": ("image/webp", "image"),
    b"WAVE": ("audio/wav", "audio"),
    b"AVI ": ("video/x-msvideo", "video"),
}

_ISO_BRANDS = {
    b"heic": ("image/heic", "image"),
    b"heix": ("image/heic", "image"),
    b"mif1": ("image/heif", "image"),
    b"msf1": ("image/heif", "image"),
    b"avif": ("image/avif", "image"),
    b"avis": ("image/avif", "image"),
    b"M4A ": ("audio/mp4", "audio"),
}

_OFFICE = (
    (
        b"word/",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "document",
    ),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "spreadsheet"),
    (
        b"ppt/",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "presentation",
    ),
    (
        b"application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.text",
        "document",
    ),
    (
        b"application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.spreadsheet",
        "spreadsheet",
    ),
    (
        b"application/vnd.oasis.opendocument.presentation",
        "application/vnd.oasis.opendocument.presentation",
        "presentation",
    ),
    (
        b"application/vnd.oasis.opendocument.graphics",
        "application/vnd.oasis.opendocument.graphics",
        "document",
    ),
    (
        b"application/vnd.oasis.opendocument.chart",
        "application/vnd.oasis.opendocument.chart",
        "document",
    ),
    (b"application/epub+zip", "application/epub+zip", "document"),
)

_OLE = (
    (b"__substg1.0_", "application/vnd.ms-outlook", "document"),
    (b"WordDocument", "application/msword", "document"),
    (b"Workbook", "application/vnd.ms-excel", "spreadsheet"),
    (b"PowerPoint Document", "application/vnd.ms-powerpoint", "presentation"),
    (b"EncryptedPackage", "application/x-ole-storage", "document"),
)
"""Names of streams in the folder of a compound file, which are UTF-16 there, that tell the type."""

_MARKUP = re.compile(
    rb"(?i)\s*(?:<!--.{0,2000}?-->\s*)*<(?:!doctype\s+html|html|head|body)\b"
    rb"|\s*<\?xml.{0,300}?\?>\s*(?:<!doctype\s+html|<html)\b",
    re.DOTALL,
)
_FLAT = re.compile(
    rb"\s*(?:(?:<\?.{0,300}?\?>|<!--.{0,2000}?-->)\s*)*+<(?:office:document|pkg:package|w:wordDocument)[\s>]",
    re.DOTALL,
)
"""Of office documents that are one file of XML."""
_MAIL = re.compile(
    rb"(?i)(?:from [^\n]{1,200}\n)?(?:[a-z][a-z0-9-]{1,60}:[^\n]*\n(?:[ \t]+[^\n]*\n)*){2}"
)
_MAIL_FIELD = re.compile(
    rb"(?im)^(from|to|subject|date|received|return-path|delivered-to|message-id|mime-version"
    rb"|content-type|cc|x-[a-z-]+):"
)

ENVELOPE = re.compile(rb"From [^\n]{1,1000}\n(?=[!-9;-~]{1,76}:)")
"""The line before each mail of a file of mails (RFC 4155), and the field that it is told by: programs
write and take it without a time, and without an empty line before it."""

_LATER = re.compile(rb"\n(?=" + ENVELOPE.pattern + rb")")
"""Programs, and people who copy, leave an empty line or words before the first mail of a file."""
_MOST_LATER = 100
"""Lines that may be an envelope and are looked at, in a file that begins with something else."""

_ZIP_LOOK = 1 << 16
"""Bytes of a zip in which telling names are looked for at either end, if its directory is not found."""
_ZIP_END = struct.Struct("<4s8xII")
"""The end of a zip's directory: its signature, the directory's size and where it begins."""
_ZIP_MOST = 10_000
"""Names of a directory that are looked at; in one with more, telling ones are looked for as without it."""
_ZIP_ENTRY = 46
"""Bytes of an entry of the directory before its name."""
_MAIN = frozenset(
    {b"[Content_Types].xml", b"word/document.xml", b"xl/workbook.xml", b"ppt/presentation.xml"}
)
"""Entries that tell an Office file from an archive with a folder of such a name."""
_PDF_LOOK = 1024
"""PDF readers take files whose head begins within so many bytes (ISO 32000-1, annex H.3.4.1)."""


def type_of(data: bytes) -> FileType:
    """The type of `data` by its content."""
    if not data:
        return TEXT
    for offset, magic, file_type in _SIGNATURES:
        if data.startswith(magic, offset):
            if file_type.media_type == "application/zip":
                return _zip(data, file_type)
            if file_type.media_type == "application/x-ole-storage":
                return _ole(data, file_type)
            if magic == b"BM" and not _is_bitmap(data):
                continue
            if magic in {b"MZ", b"ID3", b"BZh", b"PAR1"} and _unicode(data) is not None:
                continue  # short ASCII signatures: text may begin so
            return file_type
    if len(data) > 64 and _DICOM_ELEMENT.match(data):
        return FileType("application/dicom", "image")
    if data[:4] == b"RIFF" and data[8:12] in _RIFF:
        return FileType(*_RIFF[data[8:12]])
    if data[:4] == b"FORM" and data[8:12] in {b"AIFF", b"AIFC"}:
        return AIFF
    if _is_transport_stream(data):
        return TRANSPORT_STREAM
    if data[4:8] == b"ftyp":
        return FileType(*_ISO_BRANDS.get(data[8:12], ("video/mp4", "video")))
    if _is_pdf_behind_other(data):
        return PDF
    if text_encoding(data) is not None:
        head = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        if head.startswith(b"<svg") or (
            head.startswith(b"<?xml") and b"<svg" in data[:4096].lower()
        ):
            return SVG
        return _text_type(data)
    return UNKNOWN


def _text_type(data: bytes) -> FileType:
    """Which of the formats that are text: told by how a reader of that format tells it."""
    head = data[:4096].removeprefix(codecs.BOM_UTF8)
    if _MARKUP.match(head):
        return HTML
    if _FLAT.match(head):
        return OFFICE_XML
    if is_notebook(data.removeprefix(codecs.BOM_UTF8)):
        return NOTEBOOK
    if begins_as_mail(head) or any(
        begins_as_mail(data[found.end() : found.end() + 4096])
        for found in islice(_LATER.finditer(data), _MOST_LATER)
    ):
        return MAIL
    return TEXT


def begins_as_mail(head: bytes) -> bool:
    """Whether these are the first lines of a mail, or of a file of mails."""
    if not _MAIL.match(head.replace(b"\r\n", b"\n")):
        return False
    names = {name.lower() for name in _MAIL_FIELD.findall(head)}
    known = {name for name in names if not name.startswith(b"x-")}
    return bool(known and ENVELOPE.match(head)) or len(known) >= 3 or b"mime-version" in known


def _is_transport_stream(data: bytes) -> bool:
    """Does each packet of 188 bytes begin with the same one (ISO/IEC 13818-1, 2.4.3.2)?"""
    return len(data) > 4 * 188 and data[: 4 * 188 + 1 : 188] == b"GGGGG" and _has_controls(data)


def _is_pdf_behind_other(data: bytes) -> bool:
    """Does a PDF begin a little later, behind what a program put before it? Text about PDFs does not count."""
    at = data.find(b"%PDF-", 0, _PDF_LOOK)
    return at >= 0 and b"startxref" in data[-_PDF_LOOK:]


UNSURE = "latin-1"
"""What `text_encoding` says of text in a character set that it cannot tell: ASCII reads right."""


def text_encoding(data: bytes) -> str | None:
    """The encoding in which `data` is text, or None when it is not text.

    UTF-8 by validity, UTF-16 and UTF-32 by their byte order mark or where zeros stand. Control characters
    (besides white space and escape) make it binary, but for those with which programs end a file, and for
    some in UTF-8, where next to nothing is valid by chance: browsers and editors show such a file. Other text is
    in the character set that it names for itself, or that `charsets` tells, or in Windows-1252 if what
    that shows looks like words, or `UNSURE`.
    """
    if (known := _unicode(data)) is not None or _has_controls(data.rstrip(_ENDS)):
        return known
    return _by_bytes(data)


def _unicode(data: bytes) -> str | None:
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return name if _is_text(data, name) else None
    if _has_controls(data) and (unmarked := _unmarked(data)) is not None:
        return unmarked
    return "utf-8" if _is_text(data, "utf-8") else None


def _unmarked(data: bytes) -> str | None:
    """UTF-16 without a mark, which shows by a zero in its first character, an ASCII one."""
    if len(data) % 2 or 0 not in data[:2]:
        return None
    name = "utf-16-le" if data[0] else "utf-16-be"
    return name if _is_text(data, name) else None


def _has_controls(data: bytes) -> bool:
    """Known by the first few bytes of nearly every file that is no text."""
    return bool(data[:_HEAD].translate(None, _TEXT_BYTES) or data.translate(None, _TEXT_BYTES))


def _by_bytes(data: bytes) -> str:
    """Which of the character sets that keep ASCII."""
    return charsets.declared(data) or charsets.told(data) or _western(data)


def _western(data: bytes) -> str:
    kinds = data.translate(_KINDS)
    if b"?" in kinds or any(odd in kinds for odd in _NOT_WESTERN):
        return UNSURE
    return UNSURE if b"xxxx" in kinds.translate(_CROWDED) else "cp1252"


_IN_NO_WORD = frozenset("†‡‰˜‹›¡¢£¤¥¦¨¬¯±³¶¸¹¼½¾¿×÷")
_IN_ROWS = frozenset("–—•…°·\xa0")


def _kind(byte: int) -> str:
    """What a byte is in Windows-1252, in a letter."""
    letter = bytes([byte]).decode("cp1252", "replace")
    if letter == "\ufffd":
        return "?"
    if byte < 128:  # ASCII
        return "a" if letter.isalpha() else " "
    if letter in _IN_NO_WORD:
        return "s"
    return "e" if letter.isalpha() and letter not in "ªºµ" else "-" if letter in _IN_ROWS else "t"


_KINDS = "".join(map(_kind, range(256))).encode()
_CROWDED = bytes(ord("x") if byte in b"est" else 32 for byte in range(256))
_NOT_WESTERN = (b"eee", b"asa", b"ase", b"esa", b"ese")
"""No word of a Western language has three letters with accents in a row, or such a sign within; nor do
four that are not ASCII follow one another."""


_HEAD = 4096
_TEXT_BYTES = bytes(byte for byte in range(256) if byte >= 32 or byte in b"\t\n\r\f\x1b\x08\x0b")


_CONTROL = re.compile(r"[\x00-\x07\x0e-\x1a\x1c-\x1f]")
_ENDS = b"\0\x1a"
"""What ends a string of C and a file of CP/M, and stands behind the last line of many a file since."""
_STRAY = 16
"""One control character in so many is let pass in UTF-8."""


def _is_text(data: bytes, name: str) -> bool:
    try:
        text = data.decode(name).rstrip(_ENDS.decode())
    except UnicodeError:
        return False
    if not name.startswith("utf-8"):
        return _CONTROL.search(text) is None
    return not _has_controls(data) or len(_CONTROL.findall(text)) * _STRAY <= len(text)


def _is_bitmap(data: bytes) -> bool:
    """The header states the file's size at offset 2 and has zeros at 6."""
    return len(data) > 14 and data[6:10] == b"\0\0\0\0"


def _ole(data: bytes, plain: FileType) -> FileType:
    for needle, media_type, family in _OLE:
        if needle.decode("ascii").encode("utf-16-le") in data:
            return FileType(media_type, family)
    return plain


def _zip(data: bytes, plain: FileType) -> FileType:
    names = _names(data)
    look = data[:_ZIP_LOOK] + data[-_ZIP_LOOK:]
    for needle, media_type, family in _OFFICE:
        if names is None:
            known = needle in look
        elif needle.endswith(b"/"):
            # Programs that read a document's text by itself do without the list of types.
            known = not names.isdisjoint(_MAIN) and any(name.startswith(needle) for name in names)
        else:
            known = b"mimetype" in names and needle in look
        if known:
            return FileType(media_type, family)
    return plain


def _names(data: bytes) -> frozenset[bytes] | None:
    """Names of the entries by the zip's directory; None where that does not stand where it should."""
    end = data.rfind(b"PK\5\6", -_ZIP_LOOK - 22)
    if end < 0 or end + _ZIP_END.size > len(data):
        return None
    _, size, _ = _ZIP_END.unpack_from(data, end)
    names: list[bytes] = []
    at = end - size
    while len(names) < _ZIP_MOST and 0 <= at <= end - _ZIP_ENTRY and data.startswith(b"PK\1\2", at):
        name, extra, comment = struct.unpack_from("<HHH", data, at + 28)
        names.append(data[at + _ZIP_ENTRY : at + _ZIP_ENTRY + name])
        at += _ZIP_ENTRY + name + extra + comment
    return frozenset(names) if at == end else None


MEDIA_TYPES: dict[str, str] = {
    **{
        kind.media_type: kind.family
        for kind in (UNKNOWN, TEXT, SVG, HTML, OFFICE_XML, MAIL, NOTEBOOK)
    },
    **{kind.media_type: kind.family for _, _, kind in _SIGNATURES},
    **dict(_RIFF.values()),
    **dict(_ISO_BRANDS.values()),
    **{media_type: family for _, media_type, family in _OFFICE + _OLE},
    AIFF.media_type: AIFF.family,
    TRANSPORT_STREAM.media_type: TRANSPORT_STREAM.family,
    "video/mp4": "video",
    "video/quicktime": "video",
}
"""Every type that `type_of` may say, and its family."""

_EXTENSIONS: dict[str, frozenset[str]] = {
    extension: frozenset(types.split())
    for extensions, types in (
        ("png", "image/png"),
        ("jpg jpeg jpe jfif", "image/jpeg"),
        ("gif", "image/gif"),
        ("bmp", "image/bmp"),
        ("tif tiff", "image/tiff"),
        ("webp", "image/webp"),
        ("heic heif", "image/heic image/heif"),
        ("avif", "image/avif"),
        ("svg", "image/svg+xml"),
        ("eps ps", "application/postscript"),
        ("pdf", "application/pdf"),
        ("rtf", "application/rtf"),
        ("docx docm dotx", f"{_OFFICE[0][1]} application/x-ole-storage"),
        ("xlsx xlsm xltx", f"{_OFFICE[1][1]} application/x-ole-storage"),
        ("pptx pptm ppsx", f"{_OFFICE[2][1]} application/x-ole-storage"),
        ("odt", _OFFICE[3][1]),
        ("ods", _OFFICE[4][1]),
        ("odp", _OFFICE[5][1]),
        ("odg", _OFFICE[6][1]),
        ("epub", "application/epub+zip"),
        ("doc dot", f"application/msword application/rtf text/html text/xml {_OFFICE[0][1]}"),
        ("xls xlt", f"application/vnd.ms-excel text/html text/plain {_OFFICE[1][1]}"),
        ("ppt pps", f"application/vnd.ms-powerpoint {_OFFICE[2][1]}"),
        ("msg", "application/vnd.ms-outlook"),
        ("zip", "application/zip"),
        ("gz tgz", "application/gzip"),
        ("bz2", "application/x-bzip2"),
        ("xz", "application/x-xz"),
        ("zst", "application/zstd"),
        ("7z", "application/x-7z-compressed"),
        ("rar", "application/vnd.rar"),
        ("tar", "application/x-tar"),
        ("mp3", "audio/mpeg"),
        ("ogg oga opus", "audio/ogg"),
        ("flac", "audio/flac"),
        ("wav", "audio/wav"),
        ("mp4 m4v mov", "video/mp4 video/quicktime"),
        ("m4a", "audio/mp4 video/mp4"),
        ("webm mkv mka", "video/webm"),
        ("avi", "video/x-msvideo"),
        ("wma wmv asf", "video/x-ms-asf"),
        ("aif aiff aifc", "audio/aiff"),
        ("sqlite sqlite3 db", "application/vnd.sqlite3"),
        ("parquet", "application/vnd.apache.parquet"),
        ("dcm dicom", "application/dicom"),
        (
            (
                "txt text md csv tsv json jsonl yaml yml xml html htm eml ipynb py js ts java c h"
                " cpp cs go rs rb php sh sql log ini toml cfg conf tex"
            ),
            "text/plain text/html text/xml message/rfc822 application/x-ipynb+json image/svg+xml",
        ),
    )
    for extension in extensions.split()
}


def belies(name: str, kind: FileType) -> bool:
    """Does the file `name` claim another type than the content's `kind`? Unknown endings do not."""
    _, dot, extension = name.rpartition(".")
    expected = _EXTENSIONS.get(extension.lower()) if dot else None
    return expected is not None and kind.media_type not in expected
