"""The certificate of a service, and a service that breaks off, for tests that run a gate."""

from __future__ import annotations

import pytest
from support.breaking import Breaking
from support.gate import AI_HOST
from support.upstream import certificate


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """A certificate with its key, and the authority that signed it."""
    return certificate(tmp_path_factory.mktemp("tls"), "127.0.0.1", AI_HOST)


@pytest.fixture(scope="module")
def service(tls):
    running = Breaking(tls[0])
    yield running
    running.close()
