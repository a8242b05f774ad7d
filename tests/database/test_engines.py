from __future__ import annotations

import stat

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
