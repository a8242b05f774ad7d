"""Settings of exports: strict, at their line, and without a secret in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.documents import DocumentError
from gateway.exporters import building
from gateway.exporters.document import Secret
from gateway.exporters.reach import forbidden
from gateway.exporters.webhook import sign
from gateway.model import Severity
from gateway.settings import gather

DOCS = Path(__file__).parents[2] / "docs" / "operations.md"
CANARY = "s3cret-" + "77aa" * 4


def settings(folder, text):
    path = folder / "leakgate.yaml"
    path.write_text(text)
    return gather(path, {}, {})


def problems(folder, text):
    with pytest.raises(DocumentError) as caught:
        settings(folder, text)
    return [
        str(problem).removeprefix(f"{folder}/leakgate.yaml:") for problem in caught.value.problems
    ]


def test_the_example_of_the_guide_is_sound(tmp_path):
    section = DOCS.read_text().split("## Telling other systems")[2 - 1]
    example = re.search(r"^    exports:\n(?:      .*\n)+", section, re.MULTILINE)[0]
    exports = settings(tmp_path, "\n".join(line[4:] for line in example.splitlines())).exports
    assert [export.kind for export in exports] == [
        "syslog",
        "splunk",
        "webhook",
        "kafka",
        "email",
        "file",
    ]
    assert exports[0].min_severity is Severity.MEDIUM
    assert exports[1].token.file == Path("/run/secrets/hec-token")


def test_the_snippet_of_the_guide_tells_genuine_from_forged():
    snippet = re.search(r"```python\n(import hashlib.*?)```", DOCS.read_text(), re.DOTALL)[1]
    space: dict[str, object] = {}
    exec(snippet, space)
    genuine = space["genuine"]
    now = int(space["time"].time())
    body = b'{"events":[]}'
    assert genuine(sign(body, CANARY, now), body, CANARY)
    assert not genuine(sign(body, CANARY, now), body + b" ", CANARY)
    assert not genuine(sign(body, "other", now), body, CANARY)
    assert not genuine(sign(body, CANARY, now - 3600), body, CANARY)
    forged = sign(body, CANARY, now - 3600).replace(f"t={now - 3600}", f"t={now}")
    assert not genuine(forged, body, CANARY)


HOOK = "exports:\n  - name: a\n    kind: webhook\n    to: https://h\n    secret: {env: X}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HOOK + "    fromat: ocsf\n", "6:5: unknown key `fromat`, did you mean `format`?"),
        (HOOK + "    format: cef\n", "6:5: `cef` is not one of json, ocsf"),
        (HOOK + "    min_severity: hihg\n", "6:5: `hihg` is not one of info, low"),
        (HOOK.replace("webhook", "webhok"), "does not match any of the expected tags"),
        (HOOK.replace("https://h", "http://h"), "4:5: would carry a secret in clear text"),
        (HOOK.replace("https://h", "https://u:p@h"), "4:5: names a user or password"),
        (HOOK.replace("https://h", "ftp://h"), "4:5: is not `https://HOST`"),
        (HOOK.replace("https://h", "https://h:0"), "4:5: has no port"),
        (HOOK.replace("https://h", "https://169.254.169.254/x"), "no export goes to"),
        (HOOK.replace("https://h", "https://[fd00:ec2::254]/x"), "no export goes to"),
        (HOOK.replace("name: a", "name: A b"), "2:5: String should match pattern"),
        (HOOK.replace("{env: X}", "{env: X, file: y}"), "write either"),
        (HOOK.replace("{env: X}", "{env: LEAKGATE_X}"), "take another name"),
        (HOOK + HOOK.removeprefix("exports:\n"), "1:1: the name `a` is given twice"),
        (
            "exports:\n  - {name: a, kind: syslog, to: 'udp://h:514'}\n",
            "2:29: is not `tls://HOST` or `tcp://HOST`",
        ),
    ],
)
def test_mistakes_are_told_at_their_place(tmp_path, text, told):
    (problem,) = problems(tmp_path, text)
    assert told in problem


def test_a_secret_in_the_settings_is_refused_and_not_quoted(tmp_path):
    (problem,) = problems(tmp_path, HOOK.replace("{env: X}", CANARY))
    assert problem.startswith("5:5: no secret stands here")
    assert CANARY not in problem


def test_secrets_and_files_that_cannot_be_read_are_told_at_start(tmp_path, monkeypatch):
    monkeypatch.delenv("X", raising=False)
    text = HOOK + "    ca: /nowhere.pem\n  - {name: b, kind: file, to: /nowhere/x}\n"
    found = [str(problem) for problem in building.problems(settings(tmp_path, text).exports)]
    assert len(found) == 3
    assert "variable `X`" in found[0]
    assert "/nowhere.pem" in found[1]
    assert "`/nowhere` is not a folder" in found[2]
    monkeypatch.setenv("X", CANARY)
    assert building.problems(settings(tmp_path, HOOK).exports) == []
    assert Secret(env="X").value() == CANARY
    assert CANARY not in repr(settings(tmp_path, HOOK))


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.0.1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "100.100.100.200",
        "192.0.0.192",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "ff02::1",
    ],
)
def test_addresses_that_only_machines_ask_are_forbidden(address):
    assert forbidden(address)


@given(st.ip_addresses(network="10.0.0.0/8"))
def test_inner_networks_are_allowed(address):
    assert not forbidden(str(address))
    assert not forbidden("127.0.0.1")
