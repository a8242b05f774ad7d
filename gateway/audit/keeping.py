"""What does this machine keep of the audit log? Its key, and how far the log was when last seen.

Law: both files are their owner's alone. What was seen only grows; it is how a database that was put
back to an older state shows, though all of its seals are right.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from gateway.audit.chain import AuditError, Head
from gateway.secret import NoKey, key_in


def key(path: Path, *, make: bool = True) -> bytes:
    """The key in `path`; made if there is none and `make` says so. Raises `AuditError`.

    Gateways that share a database need the same one.
    """
    try:
        return key_in(path, make=make)
    except NoKey as error:
        raise AuditError(f"the audit log has no key: {error}") from None


class Seen:
    """The furthest head that this machine has seen, in a file. All methods may be called from any
    process at any time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def last(self) -> Head | None:
        """The head; None when none was seen yet. Raises `AuditError` when the file is damaged."""
        try:
            text = self.path.read_text("ascii", "replace")
        except OSError:
            return None
        return Head.parse(text) if text.strip() else None

    def note(self, head: Head) -> None:
        """Remember `head` if it is further than what was seen.

        Never raises: the entry is written already, and the next one is noted anyhow.
        """
        with contextlib.suppress(OSError, AuditError), self._alone():
            known = self.last()
            if known is None or known.seq < head.seq:
                self._write(head)

    def begin(self, head: Head) -> None:
        """Remember `head`, whatever was seen: the log began anew. Raises `OSError`."""
        with self._alone():
            self._write(head)

    def _write(self, head: Head) -> None:
        new = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{head.text}\n")
        new.replace(self.path)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        descriptor = os.open(
            self.path.with_name(f"{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600
        )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
