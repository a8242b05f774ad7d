"""The gateway as an operator runs it: `leakgate run` in a process of its own, real inspection.

Law: what is asserted comes from outside (the proxy, the admin address, the database, the files
that it leaves); nothing here reaches into the process.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import yaml
from sqlalchemy import func, select

from gateway.incidents.record import Incident
from gateway.incidents.store import Store
from gateway.incidents.tables import IncidentRow

TESTS = Path(__file__).parent.parent
WARM = TESTS.parent / ".tools" / "warm"
"""Key and compiled patterns that all gateways of all sessions share: compiling takes seconds."""

START_SECONDS = 240
STOP_SECONDS = 20

_READY = "Ctrl-C stops it."


KEY = b"k" * 32
"""The key of all gateways and detectors in tests: what is compiled is sealed with it."""


@functools.cache
def warm() -> Path:
    """The shared folder, with the key and a folder `cache` in it."""
    folder = WARM
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not os.access(folder, os.W_OK):
        folder = Path(tempfile.mkdtemp(prefix="leakgate-warm-"))
    key = folder / "fingerprint.key"
    if not key.exists() or key.read_bytes() != KEY:
        # Renamed into place: two sessions that start together must see the same whole key.
        fresh = folder / f"key.{os.getpid()}"
        fresh.touch(mode=0o600)
        fresh.write_bytes(KEY)
        fresh.replace(key)
    (folder / "cache").mkdir(exist_ok=True, mode=0o700)
    return folder


def patterns() -> Path:
    """Where what is compiled is kept, from one test and one run to the next."""
    return warm() / "cache"


class GatewayProcess:
    """One gateway on free ports, with its state in `folder / "state"`.

    `policies` is a folder, or the text of one policy file. `settings` are further settings.
    `faulty` starts it with an inspector that fails on command (`support.faulty`).
    """

    def __init__(
        self,
        folder: Path,
        *,
        policies: Path | str,
        upstreams: Mapping[str, str] | None = None,
        trusted_ca: Path | None = None,
        settings: Mapping[str, Any] | None = None,
        faulty: bool = False,
    ) -> None:
        self.folder = folder
        self.state = folder / "state"
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(policies, str):
            self.policies = folder / "policies"
            self.policies.mkdir(exist_ok=True)
            (self.policies / "policy.yaml").write_text(policies)
        else:
            self.policies = policies
        self.config = folder / "config.yaml"
        values: dict[str, Any] = {
            "listen": "127.0.0.1:0",
            "admin": "127.0.0.1:0",
            "state": str(self.state),
            "policies": str(self.policies),
            "workers": 2,
            "upstreams": dict(upstreams or {}),
        }
        if trusted_ca is not None:
            values["trusted_ca"] = str(trusted_ca)
        values.update(settings or {})
        self.settings = values
        self.config.write_text(yaml.safe_dump(values))
        self.log_path = folder / "log"
        self.port = 0
        self.admin_url = ""
        self.started_in = 0.0
        self.output: list[str] = []
        self._faulty = faulty
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    # --- life -------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self.stop()
        else:
            self.kill()

    def start(self) -> None:
        """Start; returns when `/readyz` says so."""
        began = time.monotonic()
        self._share_what_is_compiled()
        if self._faulty:
            command = [sys.executable, "-m", "support.faulty"]
        else:
            installed = Path(sys.executable).with_name("leakgate")
            command = (
                [str(installed)]
                if installed.exists()
                else [sys.executable, "-c", "from gateway.cli import main; main()"]
            )
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LEAKGATE_")}
        # The gateway of this folder, wherever one is installed.
        environment["PYTHONPATH"] = os.pathsep.join([str(TESTS), str(TESTS.parent)])
        self.output = []
        with self.log_path.open("a") as log:
            self._process = subprocess.Popen(
                [*command, "run", "--config", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment,
                cwd=self.folder,
            )
        announced = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(announced,), daemon=True)
        self._reader.start()
        while not announced.wait(0.05):
            if self._process.poll() is not None or time.monotonic() - began > START_SECONDS:
                self.kill()
                raise AssertionError(f"the gateway did not start: {self.log()[-2000:]}")
        text = "".join(self.output)
        self.port = int(re.search(r"proxy +http://[\d.]+:(\d+)", text)[1])
        self.admin_url = re.search(r"admin +(http://[\d.]+:\d+)", text)[1]
        while not self.ready():
            assert time.monotonic() - began < START_SECONDS, self.log()[-2000:]
            time.sleep(0.05)
        self.started_in = time.monotonic() - began

    def _read(self, announced: threading.Event) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.output.append(line)
            if _READY in line:
                announced.set()
        self._process.stdout.close()

    def _share_what_is_compiled(self) -> None:
        """Compiled patterns are sealed with the fingerprint key, so both are shared."""
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (self.state / "fingerprint.key").exists():
            shutil.copy(warm() / "fingerprint.key", self.state / "fingerprint.key")
        if not (self.state / "cache").exists():
            (self.state / "cache").symlink_to(patterns())

    def stop(self) -> None:
        """Stop as Ctrl-C does; the exit must be clean, and nothing may have gone wrong."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"no end after SIGINT: {self.log()[-2000:]}") from None
        self._join()
        assert code == 0, f"ended with {code}: {self.log()[-2000:]}"
        assert "Traceback" not in self.log(), self.log()[-4000:]

    def kill(self) -> None:
        """SIGKILL to the gateway's main process, and to nothing else."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_SECONDS)
            self._join()

    def _join(self) -> None:
        if self._reader is not None:
            self._reader.join(5)

    # --- what can be seen from outside ------------------------------------------------------------

    @property
    def url(self) -> str:
        """The proxy, for clients."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ca(self) -> Path:
        """The certificate that clients have to trust."""
        return self.state / "ca" / "leakgate-ca-cert.pem"

    @property
    def database_url(self) -> str:
        return self.settings.get("database") or f"sqlite:///{self.state / 'leakgate.db'}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def workers(self) -> list[int]:
        """Process ids of the inspection workers: grandchildren, under the fork server."""
        found = []
        for child in _children(self.pid):
            found += _children(child)
        return found

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.admin_url}/readyz", timeout=5) as answer:
                return json.load(answer)["ready"] is True
        except urllib.error.HTTPError as error:
            error.close()
        except OSError:
            pass
        return False

    def metrics(self) -> str:
        with urllib.request.urlopen(f"{self.admin_url}/metrics", timeout=5) as answer:
            return answer.read().decode()

    def metric(self, name: str, **labels: str) -> float:
        """The sum of all series of `name` that have `labels`."""
        total = 0.0
        for line in self.metrics().splitlines():
            found = re.match(rf"{name}(?:\{{(.*)\}})? ([\d.e+-]+|NaN)", line)
            if found and all(f'{k}="{v}"' in (found[1] or "") for k, v in labels.items()):
                total += float(found[2])
        return total

    def requests(self) -> float:
        """Exchanges that the gateway has decided about."""
        return self.metric("leakgate_requests_total")

    @contextlib.contextmanager
    def store(self) -> Iterator[Store]:
        store = Store.open(self.database_url)
        try:
            yield store
        finally:
            store.close()

    def incidents(self, *, at_least: int = 0, seconds: float = 15) -> list[Incident]:
        """The incidents in the database, newest first, once there are `at_least` so many."""
        deadline = time.monotonic() + seconds
        while True:
            with self.store() as store:
                page = list(store.list(limit=10_000))
            if len(page) >= at_least or time.monotonic() > deadline:
                return page
            time.sleep(0.1)

    def stored(self, *, at_least: int = 0, seconds: float = 60) -> int:
        """How many incidents the database holds, once there are `at_least` so many."""
        deadline = time.monotonic() + seconds
        with self.store() as store, store.engine.connect() as connection:
            while True:
                count = connection.scalar(select(func.count()).select_from(IncidentRow)) or 0
                if count >= at_least or time.monotonic() > deadline:
                    return count
                connection.rollback()
                time.sleep(0.1)

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def traces(self) -> bytes:
        """Everything that it has written down or shows: files, log, output, metrics."""
        parts = [self.log().encode(), "".join(self.output).encode()]
        with contextlib.suppress(OSError):
            parts.append(self.metrics().encode())
        parts += [
            path.read_bytes()
            for path in sorted(self.state.rglob("*"))
            if path.is_file() and "cache" not in path.relative_to(self.state).parts
        ]
        return b"\n".join(parts)


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(c) for t in tasks for c in (t / "children").read_text().split()]
    except OSError:
        return []
