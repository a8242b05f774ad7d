"""Gateways as operators run them, and the servers behind them, for all tests here."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

import pytest
from support import bedrock, canaries, golden
from support.gateway import GatewayProcess
from support.mock import ANSWER, MISSING, Mock, Relay, available
from support.policies import POLICY
from support.thorough import FULL
from support.upstream import Upstream, certificate

ROOT = Path(__file__).parents[2]


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


@pytest.fixture(scope="session")
def ssn():
    return canaries.ssn()


class Place:
    """A gateway and the recording upstream that stands for every AI service behind it."""

    def __init__(self, folder, action, tls):
        self.upstream = Upstream(tls[0], http2=True)
        self.upstream.__enter__()
        self.gateway = GatewayProcess(
            folder,
            policies=POLICY.format(action=action),
            upstreams=dict.fromkeys(golden.HOSTS.values(), self.upstream.url),
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


STRICTER = """\
version: 1
rules:
  - id: no-secrets-at-all
    severity: critical
    when: {entity_group: secret, min_confidence: 0.6}
    action: block
    message: Secrets do not go to AI services.
"""
"""Beside the shipped policies, which take a secret out of a prompt instead of stopping it."""

PAGE = b"""<!doctype html><title>chat</title><h1>A page of the service</h1>
<form method="post" action="/upload" enctype="multipart/form-data">
<input name="note"><input type="file" name="attachment"></form>"""


JSON = "application/json"
PART = b'{"id":"part_1","object":"upload.part","created_at":1,"upload_id":"upload_1"}'


def upload_said(status):
    """What OpenAI's API says of an upload in parts."""
    said = {"id": "upload_1", "object": "upload", "bytes": 1, "created_at": 1, "expires_at": 2}
    return json.dumps(said | {"filename": "f", "purpose": "batch", "status": status}).encode()


class Mocked:
    """A gateway with the shipped policies, and aimock behind it."""

    def __init__(self, folder, tls):
        self.stack = contextlib.ExitStack()
        with self.stack:
            mock = self.stack.enter_context(Mock(folder / "mock"))
            own = {
                "/v1/messages/count_tokens": ("application/json", b'{"input_tokens":7}'),
                "/page": ("text/html", PAGE),
                "/upload": ("text/html", b"<!doctype html><h1>Thank you</h1>"),
                # AWS's client does not take aimock's own.
                bedrock.CONVERSE: (bedrock.STREAM, bedrock.converse_stream(ANSWER)),
                bedrock.INVOKE: (bedrock.STREAM, bedrock.invoke_stream(ANSWER)),
                "/v1/uploads": (JSON, upload_said("pending")),
                "/v1/uploads/upload_1/parts": (JSON, PART),
                "/v1/uploads/upload_1/complete": (JSON, upload_said("completed")),
                "/api/say": ("application/json", b'{"said":true}'),
            }
            self.upstream = self.stack.enter_context(Relay(tls[0], mock.port, own))
            policies = folder / "policies"
            shutil.copytree(ROOT / "policies", policies)
            (policies / "90-stricter.yaml").write_text(STRICTER)
            hosts = [golden.HOSTS[name] for name in ("openai", "anthropic", "gemini", "bedrock")]
            self.gateway = self.stack.enter_context(
                GatewayProcess(
                    folder,
                    policies=policies,
                    upstreams=dict.fromkeys([*hosts, "chatgpt.com"], self.upstream.url),
                    trusted_ca=tls[1],
                )
            )
            self.stack = self.stack.pop_all()
        self.certificate = tls[1]

    def close(self):
        self.stack.close()


@pytest.fixture(scope="session")
def mocked(tmp_path_factory, tls):
    if not available():
        pytest.skip(MISSING)
    place = Mocked(tmp_path_factory.mktemp("mocked"), tls)
    yield place
    place.close()


@pytest.fixture(scope="session")
def everything():
    """Whole cross products instead of samples of them."""
    return FULL
