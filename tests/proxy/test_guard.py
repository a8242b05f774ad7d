"""Whatever fails before a decision, nothing leaves. Each test has a gateway of its own."""

from __future__ import annotations

import httpx
import pytest
from support.clients import client, issuer, tunnel
from support.gate import AI_HOST, Boom, GateThread, refusing
from support.upstream import Upstream

PROMPT = b'{"model":"gpt-5","messages":[{"role":"user","content":"hello"}]}'


@pytest.fixture
def upstream(tls):
    with Upstream(tls[0]) as running:
        yield running


@pytest.mark.parametrize(
    "hook",
    [
        "client_connected",
        "http_connect",
        "next_layer",
        "tls_clienthello",
        "tls_start_client",
        "requestheaders",
        "request",
        "server_connect",
        "tls_start_server",
    ],
)
def test_exception_in_any_hook_before_the_request_lets_nothing_out(tmp_path, tls, upstream, hook):
    """For each hook: its failure ends in a refusal or a closed connection, never in traffic."""

    class Broken:
        pass

    def fail(_):
        raise Boom

    setattr(Broken, hook, staticmethod(fail))
    with GateThread(tmp_path, upstreams={AI_HOST: upstream.url}, trusted_ca=tls[1]) as running:
        master = running.server._master
        master.addons._handlers[hook] = (fail, *master.addons.handlers(hook))
        with client(running) as session:
            try:
                answer = session.post(f"https://{AI_HOST}/v1/chat/completions", content=PROMPT)
            except httpx.TransportError:
                pass
            else:
                # A failing tls_clienthello leaves the default: open the connection and inspect.
                assert answer.status_code >= 400 or (
                    hook == "tls_clienthello" and running.exchanges
                )
    if hook != "tls_clienthello":
        assert upstream.seen == []


def test_pinned_app_on_the_list_passes(tmp_path, tls, upstream):
    with GateThread(tmp_path, pass_through=("pinned.example.org", "*.openai.com")) as running:
        with tunnel(running, "127.0.0.1", upstream.port, "api.openai.com", None) as connection:
            assert "upstream test" in issuer(connection)
        # A listed name in front of an inspected one opens the connection all the same.
        with tunnel(running, "api.anthropic.com", 443, "pinned.example.org", None) as connection:
            assert "Leakgate" in issuer(connection)


def test_request_streaming_cannot_be_switched_on_for_inspected_hosts(tmp_path, tls, upstream):
    """Even an addon that asks for it gets the body to the gate first."""

    def before(running):
        original = running.gate.requestheaders

        def both(flow):
            original(flow)
            flow.request.stream = True

        running.gate.requestheaders = both

    with GateThread(
        tmp_path, upstreams={AI_HOST: upstream.url}, trusted_ca=tls[1], before=before
    ) as running:
        running.inspect = refusing(running)
        with client(running) as session:
            assert session.post(f"https://{AI_HOST}/v1/x", content=PROMPT).status_code == 400
    assert upstream.seen == []


def test_upstream_with_a_wrong_certificate_is_not_trusted(tmp_path, upstream):
    with GateThread(tmp_path, upstreams={AI_HOST: upstream.url}) as running:
        with client(running) as session:
            assert session.post(f"https://{AI_HOST}/v1/x", content=PROMPT).status_code == 502
    assert upstream.seen == []


def test_own_authorities_are_trusted_besides_the_usual_ones(tmp_path, tls):
    from gateway.proxy.server import StartError, trust_bundle

    bundle = trust_bundle(tls[1], tmp_path).read_text()
    assert tls[1].read_text() in bundle
    assert bundle.count("BEGIN CERTIFICATE") > 50
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    with pytest.raises(StartError, match=r"broken\.pem"):
        trust_bundle(broken, tmp_path)


@pytest.mark.parametrize("host", ["169.254.169.254", "metadata.google.internal"])
def test_denied_destinations_are_not_reached(tmp_path, host):
    with GateThread(tmp_path, denied=(host,)) as running:
        answer = httpx.get(f"http://{host}/latest/meta-data", proxy=running.url)
    assert answer.status_code == 502
    assert "not reachable" in answer.text


@pytest.mark.parametrize("http2", [False, True])
def test_connection_whose_layers_fail_is_closed_and_sends_nothing(
    tmp_path, tls, upstream, monkeypatch, http2, caplog
):
    """mitmproxy logs such an error, with what it quotes, and leaves the client waiting."""
    from gateway.proxy import layers

    def fails(self, event):
        raise Boom("canary-text")

    with GateThread(tmp_path, upstreams={AI_HOST: upstream.url}, trusted_ca=tls[1]) as running:
        monkeypatch.setattr(layers.HttpStream, "state_consume_request_body", fails)
        with client(running, http2=http2) as session, pytest.raises(httpx.TransportError):
            session.post(f"https://{AI_HOST}/v1/x", content=PROMPT)
        monkeypatch.undo()
        # Others go on.
        with client(running) as session:
            assert session.post(f"https://{AI_HOST}/v1/x", content=PROMPT).status_code == 200
    assert len(upstream.seen) == 1
    assert "canary-text" not in caplog.text
    assert "Boom at test_guard.py" in caplog.text
