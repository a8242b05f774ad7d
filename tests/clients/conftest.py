"""Gateways as operators run them, and the servers behind them, for all tests here."""

from __future__ import annotations

import os

import pytest
from support import canaries, golden
from support.gateway import GatewayProcess
from support.upstream import Upstream, certificate

POLICY = """\
version: 1
rules:
  - id: secrets
    severity: critical
    when: {{entity_group: secret, min_confidence: 0.6}}
    action: {action}
    message: A secret stands in this request.
  - id: cards
    severity: critical
    when: {{entity: CREDIT_CARD, min_confidence: 0.6}}
    action: {action}
    message: A card number stands in this request.
  - id: unread
    severity: high
    when:
      unread:
        - undecodable
        - too_large
        - expands_too_far
        - malformed
        - too_deep
        - unknown_type
        - charset
        - encrypted
        - detector_failed
    action: block
    message: Part of this request could not be read.
"""
"""One action for secrets and cards wherever they stand; what cannot be read is stopped."""


@pytest.fixture(scope="session")
def tls(tmp_path_factory):
    """A certificate for upstream servers: (PEM with key, certificate alone)."""
    return certificate(tmp_path_factory.mktemp("tls"), "127.0.0.1", "localhost")


@pytest.fixture(scope="session")
def detectors():
    return canaries.engine()


@pytest.fixture(scope="session")
def secret(detectors):
    return canaries.secret(detectors)


@pytest.fixture(scope="session")
def card():
    return canaries.card()


class Place:
    """A gateway and the recording upstream that stands for every AI service behind it."""

    def __init__(self, folder, action, tls):
        self.upstream = Upstream(tls[0], http2=True)
        self.upstream.__enter__()
        self.gateway = GatewayProcess(
            folder,
            policies=POLICY.format(action=action),
            upstreams={host: self.upstream.url for host in golden.HOSTS.values()},
            trusted_ca=tls[1],
            settings={"max_body": "1m", "max_decoded": "4m"},
        )
        try:
            self.gateway.start()
        except BaseException:
            self.upstream.__exit__()
            raise

    def close(self):
        try:
            self.gateway.stop()
        finally:
            self.upstream.__exit__()

    def where(self):
        """Keyword arguments of `support.wire` for a client of this gateway."""
        return {"proxy": self.gateway.port, "cafile": self.gateway.ca}


@pytest.fixture(scope="session")
def blocking(tmp_path_factory, tls):
    """Secrets: block."""
    place = Place(tmp_path_factory.mktemp("blocking"), "block", tls)
    yield place
    place.close()


@pytest.fixture(scope="session")
def redacting(tmp_path_factory, tls):
    """Secrets: redact."""
    place = Place(tmp_path_factory.mktemp("redacting"), "redact", tls)
    yield place
    place.close()


@pytest.fixture(scope="session")
def everything():
    """Whole cross products instead of samples of them."""
    return os.environ.get("LEAKGATE_SWEEP") == "full"
