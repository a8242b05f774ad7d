"""Does a gateway stop what is registered, take over what is registered anew, and keep the last good?"""

import json
import subprocess
import time

import pytest
from click.testing import CliRunner
from support.gateway import GatewayProcess
from support.upstream import Upstream

from gateway.cli import main

POLICY = """version: 1
detectors:
  nlp: {engine: blank}
  registered:
    - name: customers
      kind: table
      columns:
        email: {alone: true}
        name: {kind: name}
        birth: {kind: date}
      match: 2 of name, birth within 100
rules:
  - id: customers
    title: Customers stay
    severity: critical
    when: {entity: REGISTERED_CUSTOMERS}
    action: block
    message: No customers.
"""
HOST = "api.openai.com"
CSV = "email,name,birth\nann.miller@acme-works.com,Ann Miller,1987-03-02\n"
MORE = CSV + "kim@acme-works.com,Kim Novak,1991-05-17\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory, tls):
    folder = tmp_path_factory.mktemp("registered")
    with Upstream(tls[0], http2=True) as upstream:
        gateway = GatewayProcess(
            folder, policies=POLICY, upstreams={HOST: upstream.url}, trusted_ca=tls[1]
        )
        register(gateway, CSV)
        with gateway:
            yield gateway, upstream


def register(gateway, rows):
    table = gateway.folder / "customers.csv"
    table.write_text(rows)
    arguments = ["register", "table", "customers", str(table), "--config", str(gateway.config)]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    table.unlink()


def status(gateway, text):
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    done = subprocess.run(
        [
            *("curl", "-sS", "--proxy", gateway.url, "--cacert", gateway.ca, "-o", "/dev/null"),
            *("-w", "%{http_code}", "-H", "content-type: application/json"),
            *("-d", json.dumps(body), f"https://{HOST}/v1/chat/completions"),
        ],
        capture_output=True,
        check=True,
        timeout=120,
    )
    return int(done.stdout)


def until(told, seconds=60):
    deadline = time.monotonic() + seconds
    while not told():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_what_is_registered_does_not_leave(place):
    gateway, upstream = place
    assert status(gateway, "Ann is a name, and 1987 a year") == 200
    assert status(gateway, "Miller, Ann (2 March 1987) asks for a loan") == 400
    assert status(gateway, "write to ANN.MILLER@acme-works.com") == 400
    assert b"loan" not in upstream.everything()
    incident = gateway.incidents(at_least=2)[0]
    assert {one.entity for one in incident.findings} == {"REGISTERED_CUSTOMERS"}
    assert b"Miller" not in gateway.traces()


def test_what_is_registered_anew_holds_and_damage_changes_nothing(place):
    gateway, _ = place
    assert status(gateway, "Kim Novak, born 17.05.1991") == 200
    register(gateway, MORE)
    until(lambda: "registers loaded" in gateway.log())
    assert status(gateway, "Kim Novak, born 17.05.1991") == 400
    path = gateway.state / "registers" / "customers.register"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    until(lambda: "is damaged" in gateway.log())
    assert status(gateway, "Kim Novak, born 17.05.1991") == 400
    path.write_bytes(whole)
