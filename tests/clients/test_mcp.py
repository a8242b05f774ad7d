"""The official client and server of the Model Context Protocol, with the gateway between them.

In both generations of the protocol: with a handshake, and with headers that repeat the body.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import threading
import time
from typing import Annotated

import pytest
import uvicorn
from support.gateway import GatewayProcess
from support.policies import POLICY

mcp = pytest.importorskip("mcp")
httpx2 = pytest.importorskip("httpx2")
mcpserver = pytest.importorskip("mcp.server.mcpserver")
pydantic = pytest.importorskip("pydantic")
streamable = pytest.importorskip("mcp.client.streamable_http")

HOST = "tools.example.com"
MODES = ["legacy", "2026-07-28"]

Region = Annotated[str, pydantic.Field(json_schema_extra={"x-mcp-header": "Region"})]


class Server:
    """An MCP server on a free port; `calls` are what its tools were called with, `raw` what came."""

    def __init__(self):
        self.calls = []
        self.raw = []
        server = mcpserver.MCPServer("tools")

        @server.tool()
        def look(region: Region, text: str) -> str:
            self.calls.append((region, text))
            return f"seen: {text}"

        @server.resource("notes://{name}")
        def notes(name: str) -> str:
            return f"notes of {name}"

        app = server.streamable_http_app()

        async def recording(scope, receive, send):
            if scope["type"] == "http":
                self.raw += [b"%s: %s" % header for header in scope["headers"]]

            async def received():
                message = await receive()
                self.raw.append(message.get("body") or b"")
                return message

            await app(scope, received, send)

        config = uvicorn.Config(
            recording, host="127.0.0.1", port=0, log_level="error", lifespan="on", ws="none"
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        deadline = time.monotonic() + 20
        while not self.server.started:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_):
        self.server.should_exit = True
        self.thread.join(10)


@pytest.fixture(scope="module")
def server():
    with Server() as running:
        yield running


def gateway(folder, server, action):
    return GatewayProcess(
        folder,
        policies=POLICY.format(action=action) + f"inspect_hosts: [{HOST}]\n",
        upstreams={HOST: f"http://127.0.0.1:{server.port}"},
    )


@pytest.fixture(scope="module")
def redacting(tmp_path_factory, server):
    with gateway(tmp_path_factory.mktemp("mcp-redact"), server, "redact") as running:
        yield running


@pytest.fixture(scope="module")
def blocking(tmp_path_factory, server):
    with gateway(tmp_path_factory.mktemp("mcp-block"), server, "block") as running:
        yield running


@pytest.fixture(scope="module")
def tokenising(tmp_path_factory, server):
    with gateway(tmp_path_factory.mktemp("mcp-token"), server, "tokenise") as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(server):
    server.calls.clear()
    server.raw.clear()


def through(place, mode, work):
    """What `work` gives for a client behind the gateway."""

    async def run():
        context = ssl.create_default_context(cafile=str(place.ca))
        async with (
            httpx2.AsyncClient(proxy=place.url, verify=context, timeout=60) as http,
            asyncio.timeout(100),
        ):
            transport = streamable.streamable_http_client(f"https://{HOST}/mcp", http_client=http)
            async with mcp.Client(transport, mode=mode) as client:
                # The client repeats arguments in headers for tools that it has seen listed.
                await client.list_tools()
                return await work(client)

    return asyncio.run(run())


def look(region, text):
    return lambda client: client.call_tool("look", {"region": region, "text": text})


@pytest.mark.parametrize("mode", MODES)
def test_clean_call_is_answered(redacting, server, mode):
    answer = through(redacting, mode, look("north", "a héron"))
    assert answer.content[0].text == "seen: a héron"
    assert server.calls == [("north", "a héron")]
    mirrored = b"mcp-param-region: north" in server.raw
    assert mirrored == (mode != "legacy")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("around", ["key={}", "schlüssel={}"])
def test_redacted_call_is_answered_and_its_headers_agree(redacting, server, secret, mode, around):
    answer = through(redacting, mode, look(around.format(secret), f"use {secret} now"))
    assert not answer.is_error
    ((region, text),) = server.calls
    assert secret not in region + text
    assert region.startswith(around.split("=")[0])
    arrived = b"\n".join(server.raw)
    assert secret.encode() not in arrived
    assert base64.b64encode(around.format(secret).encode()) not in arrived


@pytest.mark.parametrize("mode", MODES)
def test_tokens_reach_the_server_and_values_come_back(tokenising, server, card, mode):
    answer = through(tokenising, mode, look(f"card {card}", f"charge card {card} now"))
    assert not answer.is_error
    assert answer.content[0].text == f"seen: charge card {card} now"
    ((region, text),) = server.calls
    assert card not in region + text
    # One value, one token: in the argument, in its header, and in the other argument.
    assert region.removeprefix("card ") == text.removeprefix("charge card ").removesuffix(" now")
    assert card.encode() not in b"\n".join(server.raw)


@pytest.mark.parametrize("mode", MODES)
def test_refused_call_is_an_error_of_the_call_and_the_session_lives_on(
    blocking, server, secret, mode
):
    async def work(client):
        with pytest.raises(mcp.MCPError) as raised:
            await client.call_tool("look", {"region": "north", "text": f"use {secret} now"})
        return raised.value, await client.call_tool("look", {"region": "south", "text": "fine"})

    error, after = through(blocking, mode, work)
    assert "A secret stands in this request." in str(error)
    assert "rule `secrets`" in str(error)
    assert secret not in str(error)
    assert after.content[0].text == "seen: fine"
    assert server.calls == [("south", "fine")]
    assert secret.encode() not in b"\n".join(server.raw)


@pytest.mark.parametrize("mode", MODES)
def test_resource_is_read(redacting, mode):
    answer = through(redacting, mode, lambda client: client.read_resource("notes://herons"))
    assert answer.contents[0].text == "notes of herons"
    json.dumps(answer.contents[0].text)
