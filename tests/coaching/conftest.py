"""A clock that is set by hand, and coaching in a fresh database of each kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.coaching.store import Ask, Store
from gateway.model import Grant

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = bytes(range(32))


class Clock:
    """Stands still until it is moved."""

    def __init__(self):
        self.now = NOON

    def __call__(self):
        return self.now

    def move(self, **by):
        self.now += timedelta(**by)


def grants(*items, rule="think", service="chatgpt"):
    return frozenset(Grant(rule, service, item) for item in items)


def ask(*items, **changes):
    values = {
        "incident": "inc-1",
        "actor": "ann@example.com",
        "source_ip": "192.0.2.7",
        "service": "chatgpt",
        "host": "chatgpt.com",
        "rule": "think",
        "lesson": "pii",
        "found": {"EMAIL_ADDRESS": len(items)},
        "asks": grants(*items),
    }
    return Ask(**(values | changes))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def stores(migrated_url, clock):
    """Makes stores on one database, as several gateways have them."""
    made = []

    def make(key=KEY):
        made.append(Store.open(migrated_url, key, clock=clock))
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(stores):
    return stores()
