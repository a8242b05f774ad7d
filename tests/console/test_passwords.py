"""What is kept of a password costs whoever steals it, and does not tell whether a name exists.

Other tests of the console go without that cost (`conftest.py`).
"""

import pytest

from gateway.console import accounts

_AS_SHIPPED = accounts._hasher
"""Taken before any test has run, and so before it is replaced."""


@pytest.fixture
def slow(monkeypatch):
    monkeypatch.setattr(accounts, "_hasher", _AS_SHIPPED)
    accounts._nobody.cache_clear()
    yield
    accounts._nobody.cache_clear()


def test_what_is_kept_of_a_password_is_slow_to_make(slow):
    # RFC 9106, section 4, the second recommended option.
    costs = "$argon2id$v=19$m=65536,t=3,p=4$"
    kept = accounts.hashed("correct horse battery")
    assert kept.startswith(costs)
    assert accounts._nobody().startswith(costs)
    assert accounts._fits(kept, "correct horse battery")
    assert not accounts._fits(kept, "correct horse batterie")
