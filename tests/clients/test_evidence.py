"""A real gateway that keeps evidence and house: what is sealed opens elsewhere, what is old is gone."""

from __future__ import annotations

import dataclasses
import ssl
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from support.gateway import GatewayProcess

from gateway import evidence
from gateway.database.schema import migrate
from gateway.incidents.record import Incident
from gateway.incidents.store import Store
from gateway.incidents.tables import EvidenceRow
from gateway.model import Severity, Verdict

DAY = timedelta(days=1)
RECORD = Incident(
    id="", exchange="", at=datetime.now(UTC), actor="", source_ip="192.0.2.7", service="chatgpt",
    category="chat", operation="other", act="prompt", host="chatgpt.com", method="POST",
    verdict=Verdict.LOG, monitored=Verdict.LOG, enforcement="forward", cause="",
    severity=Severity.HIGH, policy_revision="p", detector_revision="d", inspected=1,
)  # fmt: skip
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
    # What is there from a time before.
    migrate(made.database_url)
    store = Store.open(made.database_url)
    for name, age in (("old", 31), ("recent", 29)):
        store.add([dataclasses.replace(RECORD, id=name, at=datetime.now(UTC) - age * DAY)])
    store.close()
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
    answer = send(gateway)
    assert answer.status_code == 400
    until = time.monotonic() + 60
    while len(found := [one for one in gateway.incidents() if one.service == "openai-api"]) < 1:
        assert time.monotonic() < until, gateway.log()
        time.sleep(0.05)
    (incident,) = found
    with gateway.store() as store, store.engine.connect() as connection:
        table = EvidenceRow.__table__
        (row,) = connection.execute(table.select()).all()
    found = evidence.unseal(row.sealed, incident.id, keys[0])
    assert SSN in found["pieces"][0]["text"]
    assert row.at == incident.at
    assert CANARY.encode() not in gateway.traces()
    assert SSN.encode() not in gateway.traces()
    assert "audit log at 0:" in gateway.log()


def test_what_is_old_is_purged_while_the_gateway_runs(gateway):
    until = time.monotonic() + 60
    with gateway.store() as store:
        while store.get("old") is not None:
            assert time.monotonic() < until, gateway.log()
            time.sleep(0.05)
        assert store.get("recent") is not None
    assert "not kept in order" not in gateway.log()
