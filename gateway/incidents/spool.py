"""How does an incident survive the process that saw it? In a journal of checksummed lines.

Law: what `append` returned from is on file before the exchange is answered, and leaves the journal
only after it is stored (`commit`) or set aside in a `.corrupt` file; nothing is dropped. Reading
again what was stored already is allowed (the store ignores it), losing is not.

One directory holds one folder per owner, a process that has the spool open::

    spool/
      4711-9f3c…/            one owner; its `lock` is held (flock) while the process lives
        lock
        cursor               where the reader stands: segment, offset, checksum
        0000000000000001.seg segments, oldest first; only the newest is written to
      4711-9f3c….corrupt     what could not be read, as it stood, for people

A line is `length checksum payload` and a line break; length and checksum are eight hexadecimal
digits, the checksum is CRC-32 of the payload, the payload is JSON without line breaks. So a torn
end shows, and after a damaged line the next line break is a safe place to go on.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from gateway.incidents import record
from gateway.incidents.record import Incident, IncidentError

type Sync = Literal["always", "batch"]
"""When appended bytes are forced to disk: at each append, or when `Spool.sync` is called.

Either way a killed process loses nothing. `batch` can lose what a power cut catches between two
syncs; `always` costs a disk flush per incident on the request's path.
"""

HEADER = 18
"""Bytes before the payload: eight digits, a space, eight digits, a space."""

MAX_RECORD = 4 << 20
"""Longest payload in bytes; what `record` bounds is always below it."""

SEGMENT_BYTES = 8 << 20
"""A segment this long is closed and the next one begun."""

_READ = 1 << 20
_LONGEST = MAX_RECORD + HEADER + 1
_STALE = 60.0  # seconds after which an owner folder that never got its name is debris


class SpoolFull(OSError):  # reads as the state that it tells
    """The journal holds `max_bytes` of unstored incidents; the exchange must be refused."""

    def __init__(self, capacity: int) -> None:
        super().__init__(
            errno.ENOSPC, f"incident spool holds `spool_max_bytes` = {capacity} bytes already"
        )


@dataclass(frozen=True, slots=True)
class Spoiled:
    """Bytes of a journal that are no incident: `torn` (never acknowledged) or `corrupt`.

    A torn end comes from a power cut, or from a kill inside `write`, which Linux may end at the
    edge of a page.
    """

    owner: str
    kind: Literal["torn", "corrupt"]
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a batch ends in one owner's journal: segment number and byte offset."""

    owner: str
    segment: int
    offset: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Incidents read but not yet committed. `size` counts journal bytes, `lines` journal lines."""

    incidents: tuple[Incident, ...]
    spoiled: tuple[Spoiled, ...]
    mark: Mark
    size: int
    lines: int


@dataclass(frozen=True, slots=True)
class Depth:
    """What waits in the journal: unstored records and bytes, and the bound on the bytes.

    `corrupt` and `torn` count what was set aside since the spool was opened.
    """

    records: int
    size: int
    capacity: int
    corrupt: int
    torn: int


class _Journal:
    """One owner's folder, as its reader sees it."""

    def __init__(self, folder: Path, lock: int) -> None:
        self.folder = folder
        self.lock = lock
        self.segment, self.offset = self._read_cursor()
        self.sealed = True  # nobody writes here any more

    @property
    def owner(self) -> str:
        return self.folder.name

    def path(self, segment: int) -> Path:
        return self.folder / f"{segment:016d}.seg"

    def segments(self) -> list[int]:
        """Numbers of the segments on disk, oldest first."""
        return sorted(
            int(entry.name[:-4])
            for entry in self.folder.iterdir()
            if entry.name.endswith(".seg") and entry.name[:-4].isdecimal()
        )

    def _read_cursor(self) -> tuple[int, int]:
        """The stored place, or the very beginning when there is none that can be trusted.

        Beginning again is safe: the store ignores what it has.
        """
        try:
            text, _, check = (self.folder / "cursor").read_bytes().rpartition(b" ")
            if int(check, 16) != zlib.crc32(text):
                return 0, 0
            segment, offset = text.split()
            return int(segment), int(offset)
        except (OSError, ValueError):
            return 0, 0

    def write_cursor(self) -> None:
        """Put the place on disk, whole or not at all."""
        text = b"%d %d" % (self.segment, self.offset)
        temporary = self.folder / "cursor.new"
        temporary.write_bytes(b"%s %08x" % (text, zlib.crc32(text)))
        temporary.replace(self.folder / "cursor")

    def drop_before(self, segment: int) -> None:
        """Delete segments that are stored whole."""
        for number in self.segments():
            if number < segment:
                self.path(number).unlink(missing_ok=True)

    def pending(self) -> tuple[int, int]:
        """Lines and bytes behind the cursor, counted on disk."""
        lines = size = 0
        for number in self.segments():
            if number < self.segment:
                continue
            start = self.offset if number == self.segment else 0
            for chunk in _chunks(self.path(number), start):
                lines += chunk.count(b"\n")
                size += len(chunk)
        return lines, size

    def remove(self) -> None:
        """Delete the folder and give up its lock."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self.lock)


class Spool:
    """The journal of one process, and of those before it that died.

    `append` may be called from any thread. `read`, `commit`, `set_aside` and `sync` belong to one
    reader at a time.
    """

    def __init__(
        self, directory: Path, max_bytes: int, *, sync: Sync, segment_bytes: int, own: _Journal
    ) -> None:
        self.directory = directory
        self.capacity = max_bytes
        self._sync = sync
        self._segment_bytes = segment_bytes
        self._own = own
        self._own.sealed = False
        self._left: list[_Journal] = []
        self._lock = threading.Lock()
        self._fd = -1
        self._active = 0  # number of the segment that is written
        self._written = 0  # bytes in it that append has returned from
        self._records = 0
        self._size = 0
        self._corrupt = 0
        self._torn = 0
        self._dirty: set[int] = set()
        self._unflushed = False
        self._closed = False

    @classmethod
    def open(
        cls,
        directory: Path,
        max_bytes: int,
        *,
        sync: Sync = "batch",
        segment_bytes: int = SEGMENT_BYTES,
    ) -> Self:
        """Open the spool in `directory` (made if missing) and take over what dead owners left.

        `max_bytes` bounds the unstored bytes of this process, including what it took over; the
        disk holds at most one segment more. Raises OSError when the directory cannot be used.
        """
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        owner = f"{os.getpid()}-{secrets.token_hex(8)}"
        # The lock is held before the folder has its name: nobody can mistake it for a leftover.
        unnamed = directory / f".{owner}"
        unnamed.mkdir(mode=0o700)
        lock = _lock(unnamed)
        if lock is None:  # pragma: no cover  # the name is random
            raise OSError(errno.EBUSY, "spool folder is locked", str(unnamed))
        folder = directory / owner
        unnamed.rename(folder)
        spool = cls(
            directory,
            max_bytes,
            sync=sync,
            # One segment may stay on disk beyond the bound, so it must be small beside it.
            segment_bytes=max(1, min(segment_bytes, max_bytes // 4)),
            own=_Journal(folder, lock),
        )
        spool.adopt()
        return spool

    # --- writing ---------------------------------------------------------------------------------

    def append(self, incident: Incident) -> None:
        """Put `incident` on file. When this returns, a killed process no longer loses it.

        Raises `SpoolFull` at the bound and OSError when the disk is full or fails; then nothing of
        the incident is in the journal, and the exchange must be refused.
        """
        line = _line(record.to_json(incident))
        size = len(line)
        with self._lock:
            if self._closed:
                raise OSError(errno.EBADF, "incident spool is closed")
            if self._size + size > self.capacity:
                raise SpoolFull(self.capacity)
            if self._fd < 0 or self._written >= self._segment_bytes:
                self._rotate()
            elif os.fstat(self._fd).st_nlink == 0:
                # Somebody deleted the segment: what is written there would vanish unseen.
                self._rotate()
            self._write(line)
            self._written += size
            self._size += size
            self._records += 1
            self._unflushed = True

    def _write(self, line: bytes) -> None:
        """One write; a short or failed one is taken back, or its segment is given up."""
        try:
            written = os.write(self._fd, line)
            if written == len(line):
                if self._sync == "always":
                    os.fdatasync(self._fd)
                return
            problem = OSError(errno.ENOSPC, "disk took only part of an incident")
        except OSError as error:
            problem = error
        try:
            os.ftruncate(self._fd, self._written)
        except OSError:
            # The half line stays as a torn end; a reader sets it aside. Nothing may follow it.
            with contextlib.suppress(OSError):
                self._size += os.fstat(self._fd).st_size - self._written
            os.close(self._fd)
            self._fd = -1
        raise problem

    def _rotate(self) -> None:
        """Begin the next segment. Raises OSError and keeps the old one when that fails."""
        number = self._active + 1
        path = self._own.path(number)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        fd = os.open(path, flags, 0o600)
        if self._fd >= 0:
            if self._sync == "always":
                os.fsync(self._fd)
            os.close(self._fd)
        if self._active:
            self._dirty.add(self._active)
        self._fd, self._active, self._written = fd, number, 0
        if self._sync == "always":
            _flush(self._own.folder)

    def sync(self) -> None:
        """Force everything appended so far to disk, against a power cut; cheap if it is."""
        with self._lock:
            if not self._unflushed:
                return
            self._unflushed = False
            closed, self._dirty = self._dirty, set()
            active = os.dup(self._fd) if self._fd >= 0 else -1
        # Outside the lock: a disk flush must not hold up `append`.
        try:
            if active >= 0:
                os.fsync(active)
        finally:
            if active >= 0:
                os.close(active)
        for number in closed:
            with contextlib.suppress(FileNotFoundError):
                _flush(self._own.path(number))
        _flush(self._own.folder)

    # --- reading ---------------------------------------------------------------------------------

    def adopt(self) -> int:
        """Take over the folders of owners that died; how many records came with them."""
        found = 0
        known = {self._own.owner, *(journal.owner for journal in self._left)}
        for folder in sorted(self.directory.iterdir()):
            if folder.name in known or not folder.is_dir():
                continue
            if folder.name.startswith("."):
                _sweep(folder)
                continue
            lock = _lock(folder)
            if lock is None:
                continue
            journal = _Journal(folder, lock)
            lines, size = journal.pending()
            if size == 0:
                journal.remove()
                continue
            with self._lock:
                self._records += lines
                self._size += size
            found += lines
            self._left.append(journal)
        return found

    def read(self, limit: int) -> Batch | None:
        """The next at most `limit` lines that are not committed, oldest owner first; None if none.

        Reading twice without `commit` gives the same lines again. Raises OSError when a folder
        cannot be read and no other has anything.
        """
        with self._lock:
            records, size = self._records, self._size
        problem: OSError | None = None
        for journal in (*self._left, self._own):
            try:
                batch = self._read(journal, limit)
            except OSError as error:  # one unreadable folder must not hold up the others
                problem = error
                continue
            if batch is not None:
                return batch
        if problem is not None:
            raise problem
        # All that was counted before is committed or no longer on disk; damage to line breaks or a
        # deleted file must not leave the spool looking full for ever.
        with self._lock:
            self._records -= records
            self._size -= size
        return None

    def _read(self, journal: _Journal, limit: int) -> Batch | None:
        with self._lock:
            active, written = (-1, 0) if journal.sealed else (self._active, self._written)
        incidents: list[Incident] = []
        spoiled: list[Spoiled] = []
        segment, offset, size, lines = journal.segment, journal.offset, 0, 0
        for number in journal.segments():
            if number < journal.segment or (active >= 0 and number > active):
                continue
            start = journal.offset if number == journal.segment else 0
            # INVARIANT: of the active segment only what append returned from is read.
            end = written if number == active else None
            segment, offset = number, start
            for line in _lines(journal.path(number), start, end):
                offset += len(line)
                size += len(line)
                lines += line.endswith(b"\n")
                item = _parse(line, journal.owner)
                if isinstance(item, Spoiled):
                    spoiled.append(item)
                else:
                    incidents.append(item)
                if len(incidents) + len(spoiled) >= limit:
                    break
            if len(incidents) + len(spoiled) >= limit:
                break
        if not incidents and not spoiled:
            return None
        mark = Mark(journal.owner, segment, offset)
        return Batch(tuple(incidents), tuple(spoiled), mark, size, lines)

    def commit(self, batch: Batch) -> None:
        """The incidents of `batch` are stored: set its spoiled bytes aside and move past it."""
        # First aside, then the cursor: a crash in between sets aside twice rather than never.
        for item in batch.spoiled:
            self._put_aside(item.owner, item.data)
        journal = next(
            candidate
            for candidate in (self._own, *self._left)
            if candidate.owner == batch.mark.owner
        )
        journal.segment, journal.offset = batch.mark.segment, batch.mark.offset
        with self._lock:
            self._corrupt += sum(item.kind == "corrupt" for item in batch.spoiled)
            self._torn += sum(item.kind == "torn" for item in batch.spoiled)
            self._records -= batch.lines
            self._size -= batch.size
            self._dirty = {number for number in self._dirty if number >= batch.mark.segment}
        # Deleting comes first and the cursor may fail: on a full disk the one makes room for the
        # other. A cursor that stays behind means reading again, which the store ignores.
        journal.drop_before(batch.mark.segment)
        with contextlib.suppress(OSError):
            journal.write_cursor()
        if journal is not self._own and self._drained(journal):
            self._left.remove(journal)
            journal.remove()

    def set_aside(self, incident: Incident) -> None:
        """Put an incident that the store cannot take into the `.corrupt` file, and count it."""
        self._put_aside(self._own.owner, _line(record.to_json(incident)))
        with self._lock:
            self._corrupt += 1

    def _put_aside(self, owner: str, data: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        fd = os.open(self.directory / f"{owner}.corrupt", flags, 0o600)
        with os.fdopen(fd, "ab") as file:
            file.write(data if data.endswith(b"\n") else data + b"\n")
            file.flush()
            os.fsync(file.fileno())

    @staticmethod
    def _drained(journal: _Journal) -> bool:
        return journal.pending()[1] == 0

    # --- state -----------------------------------------------------------------------------------

    def depth(self) -> Depth:
        """What waits, and what was set aside."""
        with self._lock:
            return Depth(self._records, self._size, self.capacity, self._corrupt, self._torn)

    def close(self) -> None:
        """Stop writing, and give up the folder; what is unstored stays for the next process."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1
        for journal in self._left:
            os.close(journal.lock)
        if not self._own.folder.is_dir() or self._drained(self._own):
            self._own.remove()
        else:
            for number in self._own.segments():
                _flush(self._own.path(number))
            os.close(self._own.lock)


def _line(payload: bytes) -> bytes:
    if len(payload) > MAX_RECORD:
        raise OSError(errno.EMSGSIZE, f"incident of {len(payload)} bytes is over {MAX_RECORD}")
    return b"%08x %08x %s\n" % (len(payload), zlib.crc32(payload), payload)


def _parse(line: bytes, owner: str) -> Incident | Spoiled:
    """One journal line as it stands on disk, with its line break if it has one."""
    if not line.endswith(b"\n"):
        # As long as a piece can be: damage in the middle, not an end that was cut off.
        return Spoiled(owner, "corrupt" if len(line) == _LONGEST else "torn", line)
    payload = line[HEADER:-1]
    header = b"%08x %08x " % (len(payload), zlib.crc32(payload))
    if line[:HEADER] != header:
        return Spoiled(owner, "corrupt", line)
    try:
        return record.from_json(payload)
    except IncidentError:
        return Spoiled(owner, "corrupt", line)


def _chunks(path: Path, start: int) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        while chunk := file.read(_READ):
            yield chunk


def _lines(path: Path, start: int, end: int | None) -> Iterator[bytes]:
    """Lines of `path` from `start` to `end` (None: the end of the file), line breaks kept.

    A damaged stretch without a line break comes in pieces of a record's size, so that no file can
    make the reader take unbounded memory.
    """
    with path.open("rb") as file:
        file.seek(start)
        at = start
        while end is None or at < end:
            line = file.readline(_LONGEST if end is None else min(_LONGEST, end - at))
            if not line:
                return
            at += len(line)
            yield line


def _lock(folder: Path) -> int | None:
    """A held lock on `folder`, or None while its owner lives or when the folder went away."""
    try:
        fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def _sweep(folder: Path) -> None:
    """Delete a folder whose owner died before it had a name; it never held an incident."""
    with contextlib.suppress(OSError):
        if time.time() - folder.stat().st_mtime > _STALE:
            shutil.rmtree(folder, ignore_errors=True)


def _flush(path: Path) -> None:
    """Force a file or a folder to disk."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
