"""curl through the gateway, as shell scripts and installers use it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")

VERSIONS = ("--http1.1", "--http2")


def curl(mocked, version, *arguments, path="/v1/chat/completions", direct=False):
    """Run curl; its standard output, then the status on a line of its own."""
    to = f"{mocked.upstream.url}{path}" if direct else f"https://api.openai.com{path}"
    way = (
        ["--cacert", str(mocked.certificate)]
        if direct
        else ["--proxy", mocked.gateway.url, "--cacert", str(mocked.gateway.ca)]
    )
    done = subprocess.run(
        ["curl", "-sS", version, *way, *arguments, "-w", "\n%{http_code} %{http_version}", to],
        capture_output=True,
        timeout=60,
        check=True,
    )
    body, _, status = done.stdout.rpartition(b"\n")
    code, spoken = status.decode().split()
    assert direct or spoken == version.removeprefix("--http")[:3].removesuffix(".")
    return int(code), body


def prompt(text):
    value = {"model": "gpt-5", "messages": [{"role": "user", "content": text}]}
    return ("-H", "content-type: application/json", "--data-binary", json.dumps(value, indent=1))


@pytest.fixture(autouse=True)
def fresh(mocked):
    mocked.upstream.seen.clear()


@pytest.mark.parametrize("version", VERSIONS)
def test_clean_request_arrives_as_without_a_gateway(mocked, version):
    sent = prompt("The words: \u00e4\u00f6\u00fc")
    assert curl(mocked, version, *sent, direct=True)[0] == 200
    assert curl(mocked, version, *sent)[0] == 200
    straight, passed = mocked.upstream.seen
    assert passed.body == straight.body
    assert passed.target == straight.target


@pytest.mark.parametrize("version", VERSIONS)
def test_redacted_request_arrives_without_the_value(mocked, version, ssn):
    code, body = curl(mocked, version, *prompt(f"My social security number is {ssn}."))
    assert code == 200
    assert json.loads(body)["choices"]
    (seen,) = mocked.upstream.seen
    text = json.loads(seen.body)["messages"][0]["content"]
    assert re.fullmatch(r"My social security number is US_SSN_[b-z]{18}\.", text)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("chunked", [False, True])
def test_blocked_request_is_told_and_does_not_leave(mocked, version, chunked, secret):
    extra = ("-H", "Transfer-Encoding: chunked") if chunked and version == VERSIONS[0] else ()
    code, body = curl(mocked, version, *prompt(f"Use {secret} here"), *extra)
    assert code == 400
    assert "no-secrets-at-all" in json.loads(body)["error"]["message"]
    assert mocked.upstream.seen == []


@pytest.mark.parametrize("version", VERSIONS)
def test_uploaded_file_is_read(mocked, version, secret, tmp_path):
    notes = tmp_path / "notes.txt"
    notes.write_text("harmless notes\n" * 100)
    form = ("-F", "purpose=user_data", "-F", f"file=@{notes}")
    assert curl(mocked, version, *form, path="/v1/files")[0] == 200
    assert b"harmless notes" in mocked.upstream.seen[0].body
    mocked.upstream.seen.clear()
    notes.write_text("harmless notes\n" * 100 + secret)
    code, body = curl(mocked, version, *form, path="/v1/files")
    assert code == 400
    assert b"incident" in body
    assert mocked.upstream.seen == []
