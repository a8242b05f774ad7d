"""Hosts that were seen."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.database.engines import open_engine
from gateway.shadow.ledger import Ledger

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def ledger(migrated_url):
    engine = open_engine(migrated_url)
    yield Ledger(engine, clock=lambda: NOON)
    engine.dispose()
