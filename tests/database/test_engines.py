from __future__ import annotations

import contextlib
import sqlite3
import stat
import subprocess
import sys

import pytest

from gateway.database.engines import Patience, StoreError, open_engine
from gateway.database.schema import connected, migrate


def test_sqlite_is_private_durable_and_checks_references(tmp_path):
    url = f"sqlite:///{tmp_path / 'new' / 'leakgate.db'}"
    migrate(url)
    path = tmp_path / "new" / "leakgate.db"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with connected(url) as connection:

        def pragma(name: str) -> object:
            return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()

        assert pragma("journal_mode") == "wal"
        assert pragma("synchronous") == 2  # FULL
        assert pragma("foreign_keys") == 1
        assert pragma("busy_timeout") == Patience().lock * 1000


def test_postgresql_waits_for_nothing_without_end(postgres):
    with connected(postgres.url("postgres")) as connection:

        def show(name: str) -> object:
            return connection.exec_driver_sql(f"SHOW {name}").scalar_one()

        assert show("lock_timeout") == "5s"
        assert show("statement_timeout") == "30s"
        assert show("application_name") == "leakgate"
        assert show("synchronous_commit") == "on"


@pytest.mark.parametrize(
    ("wrong", "fix"),
    [
        ("sqlite://", "sqlite:///PATH"),
        ("sqlite:///:memory:", "sqlite:///PATH"),
        ("mysql://db/leakgate", "`mysql`"),
        ("just words", "postgresql://HOST/NAME"),
    ],
)
def test_a_url_that_cannot_keep_anything_is_refused_with_the_fix(wrong, fix):
    with pytest.raises(StoreError, match=fix):
        open_engine(wrong)


def test_the_error_about_a_url_holds_no_password():
    secret = "pass-" + "3c9e" * 3
    with pytest.raises(StoreError) as caught:
        open_engine(f"postgresql//leakgate:{secret}@db/leakgate")
    assert secret not in str(caught.value)


WRITER = """
import sys
from sqlalchemy import text
from gateway.database.engines import Patience, open_engine

first = open_engine(sys.argv[1], Patience(5, 5, 30))
held = first.connect()
held.execute(text("CREATE TABLE t (n INTEGER)"))
held.commit()
for number, line in enumerate(sys.stdin):
    held.execute(text("INSERT INTO t VALUES (:n)"), {"n": number})
    held.commit()
    second = open_engine(sys.argv[1], Patience(5, 5, 30))
    second.connect().close()
    second.dispose()
    print("written", flush=True)
"""


def test_what_is_written_is_seen_however_often_others_look_and_leave(tmp_path):
    """A second connection must not take the locks of the first away, nor a reader its log."""
    url = f"sqlite:///{tmp_path / 'some.db'}"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        seen = []
        for _ in range(4):
            writer.stdin.write("go\n")
            writer.stdin.flush()
            assert writer.stdout.readline() == "written\n"
            with contextlib.closing(sqlite3.connect(tmp_path / "some.db")) as reader:
                seen.append(reader.execute("SELECT count(*) FROM t").fetchone()[0])
        writer.stdin.close()
    assert seen == [1, 2, 3, 4]
