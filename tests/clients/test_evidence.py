"""A real gateway that keeps evidence and house: what is sealed opens elsewhere, what is old is gone."""

from __future__ import annotations

import dataclasses
import json
import ssl
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from support.gateway import GatewayProcess

from gateway import evidence
from gateway.database.schema import migrate
from gateway.incidents.store import Store
from gateway.incidents.tables import EvidenceRow

SSN = "536-90-4399"
CANARY = "the-canary-" + "5e1d" * 3
POLICY = """\
version: 1
rules:
  - {id: numbers, severity: high, when: {entity: US_SSN, min_confidence: 0.5}, action: block}
"""


@pytest.fixture(scope="module")
def keys():
    return evidence.make_keys()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, keys):
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "public.pem").write_bytes(keys[1])
    made = GatewayProcess(
        folder,
        policies=POLICY,
        settings={
            "evidence": {"key": str(folder / "public.pem"), "keep": "part"},
            "retention": {"high": "30d"},
        },
    )
    with made:
        yield made


def send(gateway):
    context = ssl.create_default_context(cafile=str(gateway.ca))
    with httpx.Client(proxy=gateway.url, verify=context, timeout=30) as client:
        said = f"{CANARY}: my social security number is {SSN}."
        return client.post(
            "https://api.openai.com/v1/chat/completions",
            json={"model": "m", "messages": [{"role": "user", "content": said}]},
        )


def test_evidence_of_a_refused_prompt_opens_elsewhere_and_only_there(gateway, keys):
    assert send(gateway).status_code == 400
    (incident,) = gateway.incidents(at_least=1)
    with gateway.store() as store, store.engine.connect() as connection:
        table = EvidenceRow.__table__
        (row,) = connection.execute(table.select()).all()
    found = evidence.unseal(row.sealed, incident.id, keys[0])
    assert SSN in found["pieces"][0]["text"]
    assert row.at == incident.at
    assert CANARY.encode() not in gateway.traces()
    assert SSN.encode() not in gateway.traces()
    assert "audit log at 0:" in gateway.log()


def test_what_is_old_is_purged_while_the_gateway_runs(gateway, keys):
    """Told to the database as another gateway would, and found at the next start."""
    send(gateway)
    recent = gateway.incidents(at_least=1)[0]
    gateway.stop()
    migrate(gateway.database_url)
    store = Store.open(gateway.database_url)
    old = dataclasses.replace(recent, id="old", at=datetime.now(UTC) - timedelta(days=31))
    store.add([old])
    gateway.start()
    until = time.monotonic() + 30
    while store.get("old") is not None:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert store.get(recent.id) is not None
    store.close()
    assert json.dumps(gateway.log()).count("not kept in order") == 0
