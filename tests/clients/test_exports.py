"""Exports of a whole gateway: everything is told, content is not, and an outage or a kill costs nothing."""

from __future__ import annotations

import json
import ssl

import httpx
import pytest
import yaml
from click.testing import CliRunner
from support.gateway import GatewayProcess
from support.receivers import Syslog, Web, server_context, until
from support.upstream import Upstream

from gateway.cli import main

POLICY = """\
version: 1
rules:
  - id: numbers
    title: Numbers stay here
    severity: high
    when: {entity: US_SSN, min_confidence: 0.5}
    action: block
    message: No numbers, please.
"""
SECRET = "hush-" * 6


@pytest.fixture
def receivers(tls):
    web, splunk, syslog = Web(server_context(tls)), Web(server_context(tls)), Syslog()
    yield {"hook": web, "splunk": splunk, "siem": syslog}
    for server in (web, splunk, syslog):
        server.close()


def exports(folder, receivers, tls):
    (folder / "secret").write_text(SECRET)
    web = f"https://127.0.0.1:{receivers['hook'].port}/in"
    splunk = f"https://127.0.0.1:{receivers['splunk'].port}"
    secret, ca = {"file": str(folder / "secret")}, str(tls[1])
    return [
        {"name": "siem", "kind": "syslog", "to": f"tcp://127.0.0.1:{receivers['siem'].port}"},
        {
            "name": "hook",
            "kind": "webhook",
            "to": web,
            "secret": secret,
            "ca": ca,
            "format": "ocsf",
        },
        {"name": "splunk", "kind": "splunk", "to": splunk, "token": secret, "ca": ca},
        {"name": "file", "kind": "file", "to": str(folder / "told.jsonl")},
    ]


def test_what_a_gateway_tells(tmp_path, tls, receivers, ssn):
    told = tmp_path / "told.jsonl"
    receivers["hook"].script[:] = [503, "close"]
    marked = "canary-prompt-5d0c5d0c"
    with Upstream(tls[0], http2=True) as upstream:
        gateway = GatewayProcess(
            tmp_path,
            policies=POLICY,
            upstreams={"api.openai.com": upstream.url},
            trusted_ca=tls[1],
            settings={"exports": exports(tmp_path, receivers, tls)},
        )

        def prompt():
            context = ssl.create_default_context(cafile=str(gateway.ca))
            with httpx.Client(proxy=gateway.url, verify=context, timeout=30) as client:
                text = f"{marked}: my social security number is {ssn}"
                body = {"model": "gpt-5", "messages": [{"role": "user", "content": text}]}
                url = "https://api.openai.com/v1/chat/completions"
                assert client.post(url, json=body).status_code == 400

        def arrived(count):
            return (
                len(receivers["siem"].messages) == count
                and sum(len(json.loads(b)["events"]) for b in receivers["hook"].accepted) == count
                and sum(len(b.splitlines()) for b in receivers["splunk"].accepted) == count
                and told.exists()
                and len(told.read_text().splitlines()) == count
            )

        with gateway:
            for _ in range(3):
                prompt()
            assert until(lambda: arrived(3), 30), gateway.log()[-3000:]
            for name in ("siem", "hook", "splunk", "file"):
                labels = {"sink": name, "result": "delivered"}
                assert until(lambda: gateway.metric("leakgate_exported_total", **labels) == 3)  # noqa: B023  # called at once
            assert until(lambda: gateway.metric("leakgate_export_lag_seconds", sink="hook") == 0)
            assert gateway.metric("leakgate_export_failures_total", sink="hook", cause="busy") == 1
            ids = {incident.id for incident in gateway.incidents(at_least=3)}
            log = gateway.log()
        # What was told before is not told again by the next process.
        with gateway:
            prompt()
            assert until(lambda: arrived(4), 30), gateway.log()[-3000:]
            log += gateway.log()
    everything = b"\n".join(
        [
            *receivers["siem"].messages,
            *receivers["hook"].accepted,
            *receivers["splunk"].accepted,
            told.read_bytes(),
            log.encode(),
        ]
    ).decode()
    assert marked not in everything
    assert ssn not in everything
    assert SECRET not in everything
    assert ids <= {json.loads(line)["id"] for line in told.read_text().splitlines()}

    config = str(gateway.config)
    status = CliRunner().invoke(main, ["exports", "status", "--config", config])
    assert status.exit_code == 0
    rows = [line.split() for line in status.stdout.splitlines()[1:]]
    assert [row[0] for row in rows] == ["file", "hook", "siem", "splunk"]
    assert {row[5] for row in rows} == {"0"}


@pytest.mark.parametrize("name", ["siem", "hook", "splunk", "file"])
def test_the_test_command(tmp_path, tls, receivers, name):
    config = tmp_path / "leakgate.yaml"
    settings = {"state": str(tmp_path), "exports": exports(tmp_path, receivers, tls)}
    config.write_text(yaml.safe_dump(settings))
    done = CliRunner().invoke(main, ["exports", "test", name, "--config", str(config)])
    assert done.exit_code == 0, done.output
    identity = done.stdout.split()[-1].rstrip(".")
    server = receivers.get(name)

    def seen():
        if server is None:
            return (tmp_path / "told.jsonl").read_bytes()
        return b"".join(getattr(server, "messages", None) or getattr(server, "accepted", []))

    assert until(lambda: identity.encode() in seen())
    assert b"leakgate-export-test" in seen()
    if server is not None:
        server.close()
        done = CliRunner().invoke(main, ["exports", "test", name, "--config", str(config)])
        assert done.exit_code == 1
        assert done.stderr == f"`{name}` was not reached: connect\n"
    assert SECRET not in done.output


def test_commands_for_exports_that_are_not_there(tmp_path):
    config = tmp_path / "leakgate.yaml"
    config.write_text(
        f"state: {tmp_path}\nexports:\n  - {{name: siem, kind: file, to: {tmp_path}/x}}\n"
    )
    done = CliRunner().invoke(main, ["exports", "test", "sime", "--config", str(config)])
    assert done.exit_code == 2
    assert done.stderr == "setting exports: no export `sime`, did you mean `siem`?\n"
    done = CliRunner().invoke(main, ["exports", "status", "--config", str(config)])
    assert done.exit_code == 2
    assert "holds no database" in done.stderr
