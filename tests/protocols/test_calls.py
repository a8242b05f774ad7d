"""Is a remote call told from other requests, and its id from other numbers?"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.exchanges import exchange

from gateway import protocols
from gateway.model import Call, Transport
from gateway.protocols import calls

CALL = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "t"}}


def asked(value, headers=(), **more):
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return exchange(body, headers=headers, **more)


@pytest.mark.parametrize(
    ("value", "id_"),
    [
        (CALL, 7),
        ({**CALL, "id": "a-1"}, "a-1"),
        ({"method": "x", "params": {"pad": "y" * 9000}, "jsonrpc": "2.0", "id": 1}, 1),
        ({**CALL, "id": None}, None),
        ({**CALL, "id": True}, None),
        ({**CALL, "id": 1.5}, None),
        ({"jsonrpc": "2.0", "method": "notifications/x"}, None),
        ({"jsonrpc": "2.0", "id": 7, "result": {}}, None),
        ([CALL], None),
        (b'{"jsonrpc":"2.0","id":1,"method":', None),
        (b'{"jsonrpc":"2.0","a":' + b"[" * 100_000, None),
        (b'{"jsonrpc":"2.0","id":1,"method":"x","params":"' + b"y" * (5 << 20) + b'"}', None),
    ],
)
def test_a_call_is_known_and_its_id_where_there_is_one(value, id_):
    assert calls.call_of(asked(value)) == Call(id_)


@pytest.mark.parametrize("value", [{"id": 1, "method": "x"}, {"jsonrpc": "1.0"}, b"", b"\xff"])
def test_what_is_no_call_is_none(value):
    assert calls.call_of(asked(value)) is None
    assert protocols.of("generic", asked(value)).name == "generic"


def test_a_header_of_the_protocol_is_enough_to_be_read_as_one():
    said = asked({"x": 1}, ((b"MCP-Protocol-Version", b"2025-11-25"),))
    assert protocols.of("generic", said).name == "mcp"
    assert protocols.of("openai", said).name == "openai"


def test_a_websocket_message_is_no_call():
    assert not calls.is_call(asked(CALL, transport=Transport.WEBSOCKET_TEXT))


@given(st.binary(max_size=200))
def test_any_body_gives_a_call_or_none(body):
    calls.call_of(asked(b'{"jsonrpc":"2.0"' + body))
    calls.call_of(asked(body))
