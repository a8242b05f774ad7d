"""Consoles on fresh databases."""

from __future__ import annotations

import pytest
from support.console import Place

from gateway.database.schema import migrate


@pytest.fixture
def place(tmp_path):
    """A console of its own, on SQLite."""
    url = f"sqlite:///{tmp_path / 'console.db'}"
    migrate(url)
    here = Place(url)
    yield here
    here.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A console for tests that change nothing which others look at."""
    url = f"sqlite:///{tmp_path_factory.mktemp('console') / 'console.db'}"
    migrate(url)
    here = Place(url)
    yield here
    here.close()
