"""What all tests share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from support.postgres import Postgres
from support.tables import sqlite
from support.thorough import FULL, examples
from xdist.scheduler import LoadScopeScheduling

from gateway.database.engines import open_engine
from gateway.database.schema import migrate
from gateway.database.tables import Base

# How long an example takes is the machine's affair; benches measure time.
hypothesis.settings.register_profile(
    "untimed", deadline=None, max_examples=examples(100), derandomize=not FULL
)
hypothesis.settings.load_profile("untimed")


TOGETHER = {
    "clients/test_sweep.py": "plain",
    "clients/test_corners.py": "plain",
    "clients/test_sockets.py": "plain",
    "clients/test_bedrock.py": "mocked",
    "clients/test_browser.py": "mocked",
    "clients/test_curl.py": "mocked",
    "clients/test_sdks.py": "mocked",
    "clients/test_uploads.py": "mocked",
}
"""Files that share gateways, and a name for them: one process runs them all."""
LONG = """
plain mocked clients/test_faults.py clients/test_token_vault.py clients/test_console.py
clients/test_coaching_two.py clients/test_tokens.py clients/test_shadow.py clients/test_exports.py
test_demo.py clients/test_mcp.py test_evaluation.py test_cli.py content/test_pdfwrite.py
test_registering.py content/test_write.py test_inspection.py
""".split()
"""What takes longest, in this order."""


def _group(nodeid: str) -> str:
    """What runs in one process."""
    file = nodeid.partition("::")[0].removeprefix("tests/")
    return TOGETHER.get(file, file)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first, so that nobody waits for the last one at the end."""
    place = {name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(_group(item.nodeid), len(place)))


class _Groups(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """`--dist loadfile`, but for files that share gateways. xdist's own groups want an older pytest."""
    return _Groups(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure that shows half of a surrogate pair can be sent from one process to another."""
    report = yield
    if report.failed and report.longrepr is not None:
        said = str(report.longrepr)
        if not said.isascii():
            report.longrepr = said.encode("utf-8", "backslashreplace").decode()
    return report


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
        return f"sqlite:///{tmp_path / 'state' / 'leakgate.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.create(f"leakgate_{next(_databases)}")


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "leakgate.db"
    sqlite(path)
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: Postgres) -> str:
    if not postgres_server.running:
        postgres_server.start()
    url = postgres_server.create("leakgate_migrated")
    migrate(url)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind with all tables, and nothing in them; migrating takes a while."""
    if request.param == "sqlite":
        path = tmp_path / "state" / "leakgate.db"
        path.parent.mkdir(exist_ok=True)
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        return f"sqlite:///{path}"
    request.getfixturevalue("postgres")  # it may have been stopped
    url: str = request.getfixturevalue("migrated_postgres")
    engine = open_engine(url)
    with engine.begin() as connection:
        names = ", ".join(Base.metadata.tables)
        connection.exec_driver_sql(f"TRUNCATE {names} CASCADE")
    engine.dispose()
    return url
