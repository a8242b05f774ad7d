"""Every proxy mode meets the gate; several run at once."""

from __future__ import annotations

import socket
import ssl
import subprocess

import httpx
import pytest
from support.clients import client, issuer
from support.gate import AI_HOST, GateThread, refusing
from support.upstream import Upstream

PROMPT = b'{"model":"gpt-5","messages":[{"role":"user","content":"hello"}]}'


@pytest.fixture
def upstream(tls):
    with Upstream(tls[0]) as running:
        yield running


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_several_modes_run_at_once_and_all_are_inspected(tmp_path, tls, upstream):
    reverse, socks = free_port(), free_port()
    with GateThread(
        tmp_path,
        upstreams={AI_HOST: upstream.url},
        trusted_ca=tls[1],
        modes=(
            "regular",
            f"reverse:https://{AI_HOST}@127.0.0.1:{reverse}",
            f"socks5@127.0.0.1:{socks}",
        ),
    ) as running:
        with client(running) as session:
            session.post(f"https://{AI_HOST}/v1/regular", content=PROMPT)
        httpx.post(f"http://127.0.0.1:{reverse}/v1/reverse", content=PROMPT)
        subprocess.run(
            [
                "curl",
                "-sS",
                "--fail",
                "--socks5-hostname",
                f"127.0.0.1:{socks}",
                "--cacert",
                str(running.authority.certificate_path),
                "--data-binary",
                PROMPT.decode(),
                f"https://{AI_HOST}/v1/socks",
            ],
            check=True,
            capture_output=True,
            timeout=20,
        )
        assert [exchange.target for exchange in running.exchanges] == [
            "/v1/regular",
            "/v1/reverse",
            "/v1/socks",
        ]
        assert {exchange.host for exchange in running.exchanges} == {AI_HOST}
        running.inspect = refusing(running)
        upstream.seen.clear()
        assert httpx.post(f"http://127.0.0.1:{reverse}/v1/x", content=PROMPT).status_code == 400
        assert upstream.seen == []


def test_reverse_proxy_inspects_a_host_that_no_catalogue_lists(tmp_path):
    with Upstream() as plain:
        port = free_port()
        with GateThread(
            tmp_path, modes=("regular", f"reverse:{plain.url}@127.0.0.1:{port}")
        ) as running:
            httpx.post(f"http://127.0.0.1:{port}/x", content=PROMPT)
            assert running.exchanges[0].body == PROMPT


def test_traffic_goes_on_to_an_upstream_proxy(tmp_path, tls, upstream):
    """Chained: the second proxy sees a CONNECT for what passes and for what was inspected."""
    seen, credentials = [], []

    def serve(listener):
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                head = peer.recv(4096)
                seen.append(head.split(b"\r\n")[0])
                credentials.append(b"Basic dTpw" in head)
                peer.sendall(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")

    import threading

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        port = listener.getsockname()[1]
        with GateThread(
            tmp_path, modes=(f"upstream:http://127.0.0.1:{port}",), upstream_auth="u:p"
        ) as running:
            with client(running) as session:
                answer = session.post(f"https://{AI_HOST}/v1/x", content=PROMPT)
                assert answer.status_code == 502
                with pytest.raises(httpx.TransportError):
                    session.get("https://files.example.org/")
            assert running.exchanges[0].body == PROMPT
    assert f"CONNECT {AI_HOST}:443 HTTP/1.1".encode() in seen
    assert b"CONNECT files.example.org:443 HTTP/1.1" in seen
    assert all(credentials)


def test_reverse_proxy_over_tls_presents_our_certificate(tmp_path, tls, upstream):
    port = free_port()
    with GateThread(
        tmp_path,
        modes=("regular", f"reverse:https://{AI_HOST}@127.0.0.1:{port}"),
        upstreams={AI_HOST: upstream.url},
        trusted_ca=tls[1],
    ) as running:
        context = ssl.create_default_context(cafile=str(running.authority.certificate_path))
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=AI_HOST) as secure,
        ):
            assert "Leakgate" in issuer(secure)
