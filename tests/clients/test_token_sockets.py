"""Tokens over WebSocket: messages of the service get values back, whichever connection asked."""

from __future__ import annotations

import json
import re
import ssl
import threading

import pytest
import websockets.sync.client
import websockets.sync.server
from support.gateway import GatewayProcess

TEXT = "Please call Angela Whitfield (angela.whitfield@corp-mail.net) today."
POLICY = """\
version: 1
rules:
  - id: people
    severity: medium
    when: {entity: [PERSON, EMAIL_ADDRESS], min_confidence: 0.4}
    action: tokenise
"""


class Service:
    """Says what it hears in deltas of three letters; on a watching connection, to all watchers."""

    def __init__(self, pem):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        self.heard = []
        self.watchers = []
        self.ends = True
        self.server = websockets.sync.server.serve(self._handle, "127.0.0.1", 0, ssl=context)
        self.url = f"https://127.0.0.1:{self.server.socket.getsockname()[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _handle(self, connection):
        if connection.request.path.startswith("/p24/"):
            self.watchers.append(connection)
        for message in connection:
            self.heard.append(message)
            event = json.loads(message)
            text = event["response"]["input"]
            for target in self.watchers or [connection]:
                for at in range(0, len(text), 3):
                    delta = {"type": "response.output_text.delta", "output_index": 0}
                    target.send(json.dumps(delta | {"delta": text[at : at + 3]}))
                if self.ends:
                    done = {"type": "response.output_text.done", "text": text}
                    target.send(json.dumps(done))


@pytest.fixture(scope="module")
def place(tmp_path_factory, tls):
    service = Service(tls[0])
    hosts = ["api.openai.com", "ws.chatgpt.com"]
    folder = tmp_path_factory.mktemp("sockets")
    with GatewayProcess(
        folder,
        policies=POLICY,
        upstreams=dict.fromkeys(hosts, service.url),
        trusted_ca=tls[1],
    ) as gateway:
        yield service, gateway
    service.server.shutdown()


def connect(gateway, url):
    context = ssl.create_default_context(cafile=str(gateway.ca))
    return websockets.sync.client.connect(url, proxy=gateway.url, ssl=context, compression=None)


def ask(connection, text=TEXT):
    event = {"type": "response.create", "response": {"model": "echo", "input": text}}
    connection.send(json.dumps(event))


def listen(connection):
    text = ""
    while True:
        event = json.loads(connection.recv(timeout=20))
        if event["type"].endswith(".done"):
            return text, event["text"]
        text += event["delta"]


def test_messages_of_the_service_get_values_back(place):
    service, gateway = place
    service.watchers.clear()
    with connect(gateway, "wss://api.openai.com/v1/responses") as connection:
        ask(connection)
        assert listen(connection) == (TEXT, TEXT)
        ask(connection, "And Maria Bennett?")
        assert listen(connection) == ("And Maria Bennett?",) * 2
    heard = "".join(service.heard)
    assert re.search("PERSON_[b-z]{18}", heard)
    assert "Whitfield" not in heard
    assert "angela.whitfield@" not in heard


def test_an_answer_that_comes_over_an_older_connection_gets_values_back(place):
    service, gateway = place
    service.watchers.clear()
    with (
        connect(gateway, "wss://ws.chatgpt.com/p24/ws/user/u1") as watching,
        connect(gateway, "wss://api.openai.com/v1/responses") as asking,
    ):
        while not service.watchers:
            pass
        ask(asking, "Who is Daniel Sullivan?")
        assert listen(watching) == ("Who is Daniel Sullivan?",) * 2
    service.watchers.clear()


def test_what_may_become_a_token_is_not_held_for_ever(place):
    """The text ends in what could begin a token, and nothing follows for a while."""
    service, gateway = place
    service.watchers.clear()
    with connect(gateway, "wss://api.openai.com/v1/responses") as connection:
        ask(connection, "Hello Angela Whitfield")
        assert listen(connection)[0] == "Hello Angela Whitfield"
        service.ends = False
        try:
            ask(connection, "the end is PERSON")
            text = ""
            while text != "the end is PERSON":
                text += json.loads(connection.recv(timeout=10))["delta"]
        finally:
            service.ends = True


def test_what_waits_for_more_arrives_when_the_service_goes_on(place):
    service, gateway = place
    service.watchers.clear()
    with connect(gateway, "wss://api.openai.com/v1/responses") as connection:
        ask(connection, "Hello Angela Whitfield")
        listen(connection)
        ask(connection, "the end is PERSON")
        assert listen(connection) == ("the end is PERSON",) * 2
