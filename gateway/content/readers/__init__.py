"""Which reader reads which type of file?

Law: one file per family of formats; each reader is `read(data, budget) -> Iterator[Said]` and obeys
the law of `gateway.content.reading`. Importing this loads every library that they use, so that
nothing is loaded in the sandbox.
"""

from __future__ import annotations

import contextlib
import encodings
import functools
import importlib
import io
import pkgutil

import pikepdf
from PIL import Image, ImageDraw

from gateway.content import pictures
from gateway.content.looking import PictureSettings
from gateway.content.readers import (
    compound,
    compressed,
    database,
    flat,
    mail,
    markup,
    metafile,
    notebook,
    office,
    otherarchives,
    parquet,
    pdf,
    plain,
    postscript,
    recording,
    rtf,
    tape,
    zipped,
)
from gateway.content.reading import Budget, FileLimits, Reader

_BY_READER: tuple[tuple[Reader, str], ...] = (
    (
        office.read,
        (
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
            " application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
            " application/vnd.openxmlformats-officedocument.presentationml.presentation"
            " application/vnd.oasis.opendocument.text"
            " application/vnd.oasis.opendocument.spreadsheet"
            " application/vnd.oasis.opendocument.presentation"
            " application/vnd.oasis.opendocument.graphics application/vnd.oasis.opendocument.chart"
        ),
    ),
    (
        compound.read,
        (
            "application/x-ole-storage application/msword application/vnd.ms-excel"
            " application/vnd.ms-powerpoint application/vnd.ms-outlook"
        ),
    ),
    (rtf.read, "application/rtf"),
    (plain.read, "text/plain"),
    (markup.read, "text/html"),
    (flat.read, "text/xml"),
    (mail.read, "message/rfc822"),
    (notebook.read, "application/x-ipynb+json"),
    (database.read, "application/vnd.sqlite3"),
    (parquet.read, "application/vnd.apache.parquet"),
    (
        recording.read,
        (
            "audio/mpeg audio/flac audio/ogg audio/wav audio/mp4 video/mp4 video/webm"
            " video/x-msvideo"
        ),
    ),
    (
        pictures.read,
        (
            "image/png image/jpeg image/gif image/bmp image/tiff image/webp image/heic image/heif"
            " image/avif image/vnd.microsoft.icon image/svg+xml application/dicom"
        ),
    ),
    (metafile.read, "image/emf image/wmf image/x-svm"),
    (postscript.read, "application/postscript"),
    (pdf.read, "application/pdf"),
    (zipped.read, "application/zip application/epub+zip"),
    (tape.read, "application/x-tar"),
    (compressed.read, "application/gzip application/x-bzip2 application/x-xz application/zstd"),
    (otherarchives.read, "application/x-7z-compressed application/vnd.rar"),
)

READERS: dict[str, Reader] = {
    media_type: reader for reader, media_types in _BY_READER for media_type in media_types.split()
}
"""Media type, as `type_of` says it, to reader."""


@functools.cache
def readers(looking: PictureSettings) -> dict[str, Reader]:
    """`READERS`, with pictures looked at as `looking` says."""
    look = functools.partial(pictures.read, settings=looking)
    return {
        media_type: look if reader is pictures.read else reader
        for media_type, reader in READERS.items()
    }


@functools.cache
def prepare(looking: PictureSettings) -> None:
    """Load the networks that look at pictures; once, before the first fork.

    A picture of our own is read, for what the libraries under them set up with their first work
    they could not set up in the sandbox.
    """
    pictures.warm(looking)
    pixels_only = PictureSettings(ocr=False, faces=False, codes=False)
    picture = Image.new("RGB", (200, 80), "white")
    ImageDraw.Draw(picture).text((20, 20), "words", fill="black", font_size=28)
    for kind in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"):
        out = io.BytesIO()
        picture.save(out, kind)
        raw = out.getvalue()
        with_networks = looking if kind == "PNG" else pixels_only
        for _ in pictures.read(raw, Budget(FileLimits(), len(raw)), with_networks):
            pass


def _load_encodings() -> None:
    """Python loads a character set's module when it is first asked for: too late in the sandbox."""
    for module in pkgutil.iter_modules(encodings.__path__):
        with contextlib.suppress(ImportError):  # those of other systems
            importlib.import_module(f"encodings.{module.name}")


def _open_encrypted() -> None:
    """What deciphers a PDF (AES-256, no password to open) looks in `/dev` for chance, the first time."""
    out = io.BytesIO()
    with pikepdf.new() as document:
        document.save(out, encryption=pikepdf.Encryption(owner="", user=""))
    pikepdf.Pdf.open(out).close()


_load_encodings()
_open_encrypted()
