"""Transparent mode between two network namespaces: the firewall redirects, the gate inspects."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from support.gate import AI_HOST, GateThread
from support.upstream import Upstream, certificate

SPACE, OURS, THEIRS = "leakgate-t", "lgt0", "lgt1"
NEAR, FAR, DESTINATION = "10.213.77.1", "10.213.77.2", "10.213.78.5"


def sh(*command, check=True):
    return subprocess.run(command, capture_output=True, text=True, check=check, timeout=30)


def clean():
    sh("ip", "netns", "del", SPACE, check=False)
    sh("ip", "link", "del", OURS, check=False)


@pytest.fixture
def network():
    """A client's namespace whose every way out leads to us."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("ip", "nft", "curl"))):
        pytest.skip("needs root, ip and nft to build a network")
    clean()
    try:
        sh("ip", "netns", "add", SPACE)
        sh("ip", "link", "add", OURS, "type", "veth", "peer", "name", THEIRS)
        sh("ip", "link", "set", THEIRS, "netns", SPACE)
        sh("ip", "addr", "add", f"{NEAR}/24", "dev", OURS)
        sh("ip", "addr", "add", f"{DESTINATION}/32", "dev", OURS)
        sh("ip", "link", "set", OURS, "up")
        for line in (
            f"addr add {FAR}/24 dev {THEIRS}",
            f"link set {THEIRS} up",
            f"route add default via {NEAR}",
        ):
            sh("ip", "netns", "exec", SPACE, "ip", *line.split())
    except subprocess.CalledProcessError as error:
        clean()
        pytest.skip(f"the kernel allows no network namespace here: {error.stderr.strip()}")
    yield
    sh("nft", "delete", "table", "ip", SPACE, check=False)
    clean()


def test_redirected_connections_are_inspected_or_counted(network, tmp_path):
    pem, trusted = certificate(tmp_path, "127.0.0.1")
    with (
        Upstream(pem) as upstream,
        GateThread(
            tmp_path,
            upstreams={AI_HOST: upstream.url},
            trusted_ca=trusted,
            modes=(f"transparent@{NEAR}:0",),
        ) as running,
    ):
        rules = f"""
table ip {SPACE} {{
  chain pre {{
    type nat hook prerouting priority dstnat;
    iifname {OURS} tcp dport 443 redirect to :{running.port}
  }}
}}
"""
        subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True, timeout=10)

        def curl(host, *arguments):
            return sh(
                "ip",
                "netns",
                "exec",
                SPACE,
                "curl",
                "-sS",
                "--max-time",
                "10",
                "--cacert",
                str(running.authority.certificate_path),
                "--resolve",
                f"{host}:443:{DESTINATION}",
                *arguments,
                f"https://{host}/v1/x",
                check=False,
            )

        assert curl(AI_HOST, "--data", "hello").returncode == 0
        assert running.exchanges[0].host == AI_HOST
        assert running.exchanges[0].source_ip == FAR
        assert upstream.seen[0].body == b"hello"
        # Nobody answers at the destination: what counts is that the connection was passed on.
        assert curl("files.example.org").returncode != 0
        assert running.ledger.hosts["files.example.org"].why == "not_catalogued"
