"""What tests of detectors share: the compiled patterns, which take seconds to make."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.gateway import patterns

from gateway.detectors import Engine, Settings


@pytest.fixture(scope="session")
def cache() -> Path:
    return patterns(b"test")


@pytest.fixture(scope="session")
def engine(cache: Path) -> Engine:
    return Engine.build(Settings(), key=b"test", cache_dir=cache)
