"""Which reader reads which type of file?

Law: one file per family of formats; each reader is `read(data, budget) -> Iterator[Said]` and obeys
the law of `gateway.content.reading`. Importing this loads every library that they use, so that
nothing is loaded in the sandbox.
"""

from __future__ import annotations

import contextlib
import encodings.aliases
import importlib

from gateway.content.readers import (
    compressed,
    office,
    otherarchives,
    pdf,
    tape,
    zipped,
)
from gateway.content.reading import Reader

_BY_READER: tuple[tuple[Reader, str], ...] = (
    (
        office.read,
        (
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
            " application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
            " application/vnd.openxmlformats-officedocument.presentationml.presentation"
        ),
    ),
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


def _load_encodings() -> None:
    """Python loads a character set's module when it is first asked for: too late in the sandbox."""
    for name in sorted(set(encodings.aliases.aliases.values()) | {"idna", "punycode"}):
        with contextlib.suppress(ImportError):  # those of other systems
            importlib.import_module(f"encodings.{name}")


_load_encodings()
