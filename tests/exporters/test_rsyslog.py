"""A server that we did not write reads our messages as they were meant: rsyslog."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from pydantic import TypeAdapter
from support.receivers import until
from support.upstream import certificate

from gateway.exporters import building
from gateway.exporters.document import Export
from gateway.exporters.reach import Reach

RSYSLOG = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"
pytestmark = pytest.mark.skipif(
    not Path(RSYSLOG).exists(), reason="rsyslog is not installed (Debian: rsyslog, rsyslog-gnutls)"
)

CONFIG = """\
global(workDirectory="{folder}" {tls})
module(load="imtcp" {driver})
input(type="imtcp" port="{port}" address="127.0.0.1" SupportOctetCountedFraming="on")
template(name="fields" type="list" option.jsonf="on") {{
  property(outname="pri" name="pri" format="jsonf")
  property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="msgid" name="msgid" format="jsonf")
  property(outname="version" name="protocol-version" format="jsonf")
  property(outname="data" name="structured-data" format="jsonf")
  property(outname="msg" name="msg" format="jsonf")
}}
action(type="omfile" file="{folder}/out" template="fields" asyncWriting="off" flushOnTXEnd="on")
"""


@pytest.fixture(params=["tcp", "tls"])
def rsyslog(request, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    tls = driver = ""
    both, alone = certificate(tmp_path, "127.0.0.1")
    if request.param == "tls":
        if not list(Path("/usr/lib").glob("*/rsyslog/lmnsd_gtls.so")):
            pytest.skip("rsyslog has no TLS (Debian: rsyslog-gnutls)")
        tls = (
            f'defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="{alone}" '
            f'defaultNetstreamDriverCertFile="{alone}" defaultNetstreamDriverKeyFile="{both}"'
        )
        driver = 'streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon"'
    config = tmp_path / "rsyslog.conf"
    config.write_text(CONFIG.format(folder=tmp_path, port=port, tls=tls, driver=driver))
    program = subprocess.Popen(
        [RSYSLOG, "-n", "-f", str(config), "-i", str(tmp_path / "pid")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def listens():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        assert until(listens)
        yield f"{request.param}://127.0.0.1:{port}", alone, tmp_path / "out"
    finally:
        program.terminate()
        program.wait(10)


@pytest.mark.parametrize("form", ["cef", "structured"])
def test_rsyslog_reads_every_field(rsyslog, incident, form):
    address, ca, out = rsyslog
    nasty = 'ann "]|=\\ 12 <13>1 - ünïcode'
    export = TypeAdapter(Export).validate_python(
        {"name": "x", "kind": "syslog", "to": address, "ca": ca, "format": form,
         "hostname": "gateway-7", "facility": "local6"}
    )  # fmt: skip
    many = [incident(n, actor=nasty) for n in range(500)]

    async def story():
        sink = building.sink(export, Reach())
        for start in range(0, len(many), sink.batch):
            await sink.send(many[start : start + sink.batch])
        await sink.close()

    asyncio.run(story())
    assert until(lambda: out.exists() and len(out.read_bytes().splitlines()) == len(many), 20)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    for number, line in enumerate(lines):
        assert line["pri"] == str(22 * 8 + 3)
        assert line["time"].startswith("2026-03-01T12:30:15.25")
        assert (line["host"], line["app"], line["msgid"], line["version"]) == (
            "gateway-7",
            "leakgate",
            "incident",
            "1",
        )
        if form == "cef":
            assert line["data"] in {"-", ""}
            assert line["msg"].lstrip().startswith("CEF:0|Leakgate|Leakgate|")
            assert f" externalId=inc-{number} " in line["msg"].replace("|ext", "| ext")
            assert r'suser=ann "]|\=\\ 12 <13>1 - ünïcode dhost=' in line["msg"]
        else:
            assert line["data"].startswith(f'[leakgate@32473 id="inc-{number}" ')
            assert r'actor="ann \"\]|=\\ 12 <13>1 - ünïcode"' in line["data"]
            assert line["msg"].strip() == "refuse: openai-api"
