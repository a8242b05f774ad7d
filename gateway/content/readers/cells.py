"""What does a value in a table of a file say, when it is bytes? Law: words that can be read are read,
a file of a known type is kept to be opened, and of anything else it is counted that it was not read.
"""

from __future__ import annotations

from gateway.content.readers.strings import printable
from gateway.content.types import UNKNOWN, UNSURE, text_encoding, type_of

_SMALL = 24
"""Bytes of a value that is not text and too short to be a file: ids and hashes."""


class Cells:
    """The bytes of one table: `files` that stand in it, and how many values are `unknown`."""

    def __init__(self) -> None:
        self.files: list[bytes] = []
        self.unknown = 0

    def words(self, value: bytes) -> str | None:
        """What is to be read in `value`; None for a file, which is kept."""
        encoding = text_encoding(value)
        if encoding == UNSURE or type_of(value) == UNKNOWN:
            self.unknown += len(value) > _SMALL
            return printable(value)
        if encoding == "utf-8" or (encoding and not encoding.startswith("utf-")):
            return value.decode(encoding)
        self.files.append(value)
        return None

    def taken(self) -> list[bytes]:
        """The files since the last time."""
        files, self.files = self.files, []
        return files
