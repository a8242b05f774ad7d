"""Keys, a clock that is set by hand, and a vault in a fresh database of each kind."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from gateway.vault.keys import Key, Keyring
from gateway.vault.store import Vault

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TTL = timedelta(days=30)
LOOKUP = random.Random("lookup").randbytes(32)


class Clock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


def a_key(identity: str, created: datetime = NOON - timedelta(days=90)) -> Key:
    return Key(identity, created, random.Random(identity).randbytes(32))


def a_ring(*keys: Key) -> Keyring:
    return Keyring(keys or (a_key("k1"),), LOOKUP, NOON)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def vaults(migrated_url: str, clock: Clock) -> Iterator[Callable[..., Vault]]:
    """Makes vaults on one database, as several gateways have them."""
    made: list[Vault] = []

    def make(ring: Keyring | None = None, ttl: timedelta = TTL) -> Vault:
        vault = Vault.open(migrated_url, ring or a_ring(), ttl=ttl, clock=clock)
        made.append(vault)
        return vault

    yield make
    for vault in made:
        vault.close()


@pytest.fixture
def vault(vaults: Callable[..., Vault]) -> Vault:
    return vaults()
