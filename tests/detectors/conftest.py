"""What tests of detectors share: the compiled patterns, which take seconds to make."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.gateway import KEY, patterns

from gateway.detectors import Engine, Settings


@pytest.fixture(scope="session")
def cache() -> Path:
    return patterns()


@pytest.fixture(scope="session")
def engine(cache: Path) -> Engine:
    return Engine.build(Settings(), key=KEY, cache_dir=cache)
