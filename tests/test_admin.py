"""The admin address: its pages, and a PAC file that a real JavaScript engine evaluates."""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import subprocess
import threading

import pytest
from support.upstream import certificate

from gateway.admin import AdminServer, Pages, pac_file
from gateway.daemon import _proxy_name
from gateway.services import Catalogue

# https://developer.mozilla.org/en-US/docs/Web/HTTP/Guides/Proxy_servers_and_tunneling/Proxy_Auto-Configuration_PAC_file#shexpmatch
ENGINE = """
function shExpMatch(text, glob) {
  const source = glob.replace(/[.+^${}()|[\\]\\\\]/g, "\\\\$&").replace(/\\*/g, ".*").replace(/\\?/g, ".");
  return new RegExp("^" + source + "$").test(text);
}
const input = JSON.parse(require("fs").readFileSync(0, "utf8"));
const find = new Function("shExpMatch", input.pac + "\\nreturn FindProxyForURL;")(shExpMatch);
console.log(JSON.stringify(input.hosts.map((host) => find("https://" + host + "/", host))));
"""


def evaluate(pac, hosts):
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs a JavaScript engine: node is not installed")
    done = subprocess.run(
        [node, "-e", ENGINE],
        input=json.dumps({"pac": pac, "hosts": hosts}),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return dict(zip(hosts, json.loads(done.stdout), strict=True))


@pytest.fixture(scope="module")
def catalogue():
    return Catalogue.load()


def test_every_host_that_is_inspected_goes_to_the_proxy(catalogue):
    hosts = [host.replace("*", "some-tenant") for host in catalogue.hosts()]
    assert len(hosts) > 300
    assert all(catalogue.inspects(host) for host in hosts)
    found = evaluate(pac_file(catalogue.hosts(), "gate.example.com:8080"), hosts)
    assert set(found.values()) == {"PROXY gate.example.com:8080"}


def test_spelling_hides_no_host(catalogue):
    spelled = ["API.OpenAI.com", "api.openai.com.", "EU.API.OPENAI.COM", "ChatGPT.com."]
    found = evaluate(pac_file(catalogue.hosts(), "p:1"), spelled)
    assert set(found.values()) == {"PROXY p:1"}


def test_other_hosts_go_direct(catalogue):
    others = [
        "example.com",
        "api.openai.com.example.com",
        "notchatgpt.com",
        "localhost",
        "10.0.0.1",
        "[::1]",
        "toString",
        "constructor",
        "__proto__",
        "hasOwnProperty",
    ]
    assert not any(catalogue.inspects(host) for host in others)
    found = evaluate(pac_file(catalogue.hosts(), "p:1"), others)
    assert set(found.values()) == {"DIRECT"}


@pytest.mark.parametrize("hosts", [[], ["a.example"], ["*.a.example"]])
def test_a_short_list_is_a_valid_script_too(hosts):
    found = evaluate(pac_file(hosts, "p:1"), ["a.example", "b.a.example"])
    assert found == {
        "a.example": "PROXY p:1" if "a.example" in hosts else "DIRECT",
        "b.a.example": "PROXY p:1" if "*.a.example" in hosts else "DIRECT",
    }


def test_there_is_no_way_around_the_proxy(catalogue):
    assert "; DIRECT" not in pac_file(catalogue.hosts(), "p:1")


class Listening:
    def __init__(self, *addresses):
        self.addresses = addresses


@pytest.mark.parametrize(
    ("addresses", "name", "wanted"),
    [
        ((("192.0.2.1", 8080),), "gate", "192.0.2.1:8080"),
        ((("0.0.0.0", 8080),), "gate.example.com", "gate.example.com:8080"),
        ((("::", 3128), ("192.0.2.1", 8080)), "[2001:db8::1]", "[2001:db8::1]:3128"),
        ((("::1", 3128),), "gate", "[::1]:3128"),
        ((("0.0.0.0", 8080),), "", "127.0.0.1:8080"),
        ((), "gate", "gate:8080"),
    ],
)
def test_the_proxy_is_named_so_that_clients_reach_it(addresses, name, wanted):
    assert _proxy_name(Listening(*addresses), name) == wanted


# --- pages ----------------------------------------------------------------------------------------


class State:
    parts: dict[str, bool]

    def __init__(self):
        self.parts = {"proxy": True, "workers": True}


@pytest.fixture(scope="module")
def served():
    """The admin server on its own loop: address and the state that its pages tell."""
    state = State()
    pages = Pages(
        metrics=lambda accept: (b"leakgate_up 1\n", f"text/plain; version={accept or 'default'}"),
        ready=lambda: state.parts,
        pac=lambda name: f"// {name}",
        ca=lambda: "-----BEGIN CERTIFICATE-----\n",
    )
    server = AdminServer(pages, ("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(server.run_here()))
    thread.start()
    yield server.address, state
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()


def ask(served, path, method="GET", **headers):
    line = http.client.HTTPConnection(*served[0], timeout=10)
    line.request(method, path, headers=headers)
    answer = line.getresponse()
    body = answer.read().decode()
    line.close()
    return answer, body


@pytest.mark.parametrize(
    ("path", "media_type", "body"),
    [
        ("/metrics", "text/plain; version=", "leakgate_up 1\n"),
        ("/healthz", "text/plain", "ok\n"),
        ("/proxy.pac", "application/x-ns-proxy-autoconfig", "// 127.0.0.1"),
        ("/ca.pem", "application/x-pem-file", "-----BEGIN CERTIFICATE-----\n"),
    ],
)
def test_pages(served, path, media_type, body):
    answer, text = ask(served, path)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith(media_type)
    assert text == body
    assert "server" not in answer.headers


def test_the_form_of_the_metrics_is_the_one_asked_for(served):
    answer, _ = ask(served, "/metrics", Accept="1.0.0")
    assert answer.headers["content-type"] == "text/plain; version=1.0.0"


def test_readiness_tells_which_part_is_missing(served):
    answer, text = ask(served, "/readyz")
    assert (answer.status, json.loads(text)["ready"]) == (200, True)
    served[1].parts = {"proxy": True, "workers": False}
    answer, text = ask(served, "/readyz")
    served[1].parts = {"proxy": True}
    assert answer.status == 503
    assert json.loads(text) == {"ready": False, "proxy": True, "workers": False}


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/metrics/x", "/../state"])
def test_nothing_else_is_served(served, path):
    assert ask(served, path)[0].status == 404


def test_pages_cannot_be_written_to(served):
    assert ask(served, "/metrics", "POST")[0].status == 405


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("gate.example.com:9090", "gate.example.com"),
        ("[2001:db8::1]:9090", "[2001:db8::1]"),
        ('x";alert(1)//', ""),
        ("a b", ""),
        ("[", ""),
        ("gate:port", ""),
        ("g" * 300, ""),
    ],
)
def test_a_host_header_cannot_write_the_script(served, host, name):
    assert ask(served, "/proxy.pac", Host=host)[1] == f"// {name}"


# --- the console's place ---------------------------------------------------------------------------


async def _console(scope, receive, send):
    from starlette.responses import PlainTextResponse

    await PlainTextResponse(f"console at {scope['path']}")(scope, receive, send)


def test_the_console_gets_what_is_left_and_tls_covers_all(tmp_path):
    import ssl

    certified, authority = certificate(tmp_path, "127.0.0.1")
    pages = Pages(
        metrics=lambda _: (b"leakgate_up 1\n", "text/plain"),
        ready=dict,
        pac=lambda _: "",
        ca=lambda: "",
    )
    server = AdminServer(pages, ("127.0.0.1", 0), console=_console, tls=(certified, certified))
    thread = threading.Thread(target=lambda: asyncio.run(server.run_here()))
    thread.start()
    try:
        context = ssl.create_default_context(cafile=authority)
        for path, body in (
            ("/metrics", "leakgate_up 1\n"),
            ("/console/x", "console at /console/x"),
            ("/api/v1/me", "console at /api/v1/me"),
        ):
            line = http.client.HTTPSConnection(*server.address, timeout=10, context=context)
            line.request("GET", path)
            assert line.getresponse().read().decode() == body
            line.close()
        plain = http.client.HTTPConnection(*server.address, timeout=10)
        plain.request("GET", "/metrics")
        with pytest.raises((http.client.HTTPException, OSError)):
            plain.getresponse()
        plain.close()
    finally:
        server.should_exit = True
        thread.join(10)
