"""Tokens over WebSocket: messages of the service get values back, whichever connection asked."""

from __future__ import annotations

import json
import re

import pytest
from support.gateway import GatewayProcess
from support.sockets import Service, ask, connect, listen

TEXT = "Please call Angela Whitfield (angela.whitfield@corp-mail.net) today."
POLICY = """\
version: 1
rules:
  - id: people
    severity: medium
    when: {entity: [PERSON, EMAIL_ADDRESS], min_confidence: 0.4}
    action: tokenise
"""


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
    service.close()


def test_messages_of_the_service_get_values_back(place):
    service, gateway = place
    service.watchers.clear()
    with connect(gateway.url, gateway.ca, "wss://api.openai.com/v1/responses") as connection:
        ask(connection, TEXT)
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
        connect(gateway.url, gateway.ca, "wss://ws.chatgpt.com/p24/ws/user/u1") as watching,
        connect(gateway.url, gateway.ca, "wss://api.openai.com/v1/responses") as asking,
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
    with connect(gateway.url, gateway.ca, "wss://api.openai.com/v1/responses") as connection:
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
    with connect(gateway.url, gateway.ca, "wss://api.openai.com/v1/responses") as connection:
        ask(connection, "Hello Angela Whitfield")
        listen(connection)
        ask(connection, "the end is PERSON")
        assert listen(connection) == ("the end is PERSON",) * 2
