"""Consoles on fresh databases."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from support.console import Place
from support.tables import sqlite

from gateway.console import accounts


@pytest.fixture(autouse=True, scope="module")
def quick_passwords():
    """A password takes a tenth of a second, on purpose: `test_passwords.py` looks at that."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_hasher", lambda: quick)
        accounts._nobody.cache_clear()
        yield
    accounts._nobody.cache_clear()


@pytest.fixture
def place(tmp_path):
    """A console of its own, on SQLite."""
    url = sqlite(tmp_path / "console.db")
    here = Place(url)
    yield here
    here.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A console for tests that change nothing which others look at."""
    url = sqlite(tmp_path_factory.mktemp("console") / "console.db")
    here = Place(url)
    yield here
    here.close()
