"""What is in a 7z or rar archive? What the system's libarchive can read of it.

Law: streamed within the budget. Without the library the archive is `unsupported_file`: Debian calls
it ``libarchive13t64``. No Python package reads both, and those that read one are under the LGPL or
call a program; these few calls by ctypes need nothing more.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
from collections.abc import Iterator

from gateway.content.reading import Budget, Embedded, Missed, Said, Stop, Text
from gateway.model import UnreadReason

_OK, _EOF, _WARN = 0, 1, -20
_REGULAR = 0o100000
_CHUNK = 1 << 16


def _load() -> ctypes.CDLL | None:
    for name in ("libarchive.so.13", ctypes.util.find_library("archive")):
        if name:
            with contextlib.suppress(OSError):
                return _declared(ctypes.CDLL(name))
    return None


def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    for name, result, arguments in (
        ("archive_read_new", pointer, []),
        ("archive_read_free", ctypes.c_int, [pointer]),
        ("archive_read_support_format_7zip", ctypes.c_int, [pointer]),
        ("archive_read_support_format_rar", ctypes.c_int, [pointer]),
        ("archive_read_support_format_rar5", ctypes.c_int, [pointer]),
        ("archive_read_open_memory", ctypes.c_int, [pointer, ctypes.c_char_p, size]),
        ("archive_read_next_header", ctypes.c_int, [pointer, ctypes.POINTER(pointer)]),
        ("archive_read_data", ctypes.c_ssize_t, [pointer, ctypes.c_char_p, size]),
        ("archive_read_has_encrypted_entries", ctypes.c_int, [pointer]),
        ("archive_entry_pathname_utf8", ctypes.c_char_p, [pointer]),
        ("archive_entry_pathname", ctypes.c_char_p, [pointer]),
        ("archive_entry_filetype", ctypes.c_uint, [pointer]),
        ("archive_entry_is_encrypted", ctypes.c_int, [pointer]),
    ):
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


_LIBRARY = _load()


def read(data: bytes, budget: Budget) -> Iterator[Said]:
    """Every entry as a file of its own."""
    library = _LIBRARY
    if library is None:
        raise Stop(UnreadReason.UNSUPPORTED_FILE, "libarchive")
    archive = library.archive_read_new()
    try:
        library.archive_read_support_format_7zip(archive)
        library.archive_read_support_format_rar(archive)
        library.archive_read_support_format_rar5(archive)
        if library.archive_read_open_memory(archive, data, len(data)) != _OK:
            raise Stop(UnreadReason.MALFORMED, "archive")
        yield from _entries(library, archive, budget)
    finally:
        library.archive_read_free(archive)


def _entries(library: ctypes.CDLL, archive: int, budget: Budget) -> Iterator[Said]:
    entry = ctypes.c_void_p()
    number = 0
    while True:
        budget.tick()
        status = library.archive_read_next_header(archive, ctypes.byref(entry))
        if status == _EOF:
            break
        if status < _WARN:
            encrypted = library.archive_read_has_encrypted_entries(archive) > 0
            raise Stop(UnreadReason.ENCRYPTED if encrypted else UnreadReason.MALFORMED, "archive")
        place = f"entry[{number}]"
        number += 1
        raw = library.archive_entry_pathname_utf8(entry) or library.archive_entry_pathname(entry)
        name = (raw or b"").decode("utf-8", "replace")
        if library.archive_entry_filetype(entry) & 0o170000 != _REGULAR:
            yield Text(f"{place}.name", name)
            continue
        if library.archive_entry_is_encrypted(entry):
            yield Text(f"{place}.name", name)
            yield Missed(place, UnreadReason.ENCRYPTED, detail="archive entry")
            continue
        out = bytearray()
        buffer = ctypes.create_string_buffer(_CHUNK)
        while (count := library.archive_read_data(archive, buffer, _CHUNK)) > 0:
            budget.expand(count)
            out += buffer.raw[:count]
        yield Embedded(place, bytes(out), name=name)
        if count < 0:
            yield Missed(place, UnreadReason.MALFORMED, detail="archive entry")
