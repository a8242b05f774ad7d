"""How do incidents get into a file? One line of JSON each, at the end of it.

Law: a line is written whole or not at all, on disk before it counts as told, and the file is opened
anew for each batch, so that whoever rotates it only has to move it away.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway.exporters.document import Lines
from gateway.exporters.plain import document
from gateway.exporters.sink import Undelivered
from gateway.incidents.record import Incident


class LinesSink:
    """Appends to one file, made with mode 0600 if it is not there; its folder has to be."""

    batch = 500

    def __init__(self, export: Lines) -> None:
        self._export = export
        # A thread of its own: a file system that hangs takes this one and no other.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"export-{export.name}")

    async def send(self, incidents: Sequence[Incident]) -> None:
        """Append one line per incident."""
        text = "".join(
            json.dumps(
                document(incident, self._export.format), ensure_ascii=False, separators=(",", ":")
            )
            + "\n"
            for incident in incidents
        )
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, _append, self._export.to, text.encode())
        except OSError:
            raise Undelivered("file") from None

    async def close(self) -> None:
        """Nothing is held between batches."""


def _append(path: Path, data: bytes) -> None:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    number = os.open(path, flags, 0o600)
    try:
        # Two gateways of one machine may be set to one file.
        fcntl.flock(number, fcntl.LOCK_EX)
        before = os.fstat(number).st_size
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(number, left) :]
            os.fsync(number)
        except OSError:
            # As on a full disk: half a line would spoil the next one.
            os.ftruncate(number, before)
            raise
    finally:
        os.close(number)
