"""With which keys a request comes, wherever services take them from."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Exchange
from gateway.protocols import keys_of


def exchange(target="/v1", **headers):
    return Exchange(
        id="x",
        received_at=0.0,
        actor="",
        source_ip="",
        method="POST",
        scheme="https",
        host="h",
        port=443,
        target=target,
        headers=tuple(
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ),
        body=b"",
    )


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("made", "keys"),
    [
        (exchange(Authorization="Bearer k-1"), {"k-1"}),
        (exchange(authorization="bearer   k-1 "), {"k-1"}),
        (exchange(authorization="k-1"), {"k-1"}),
        (exchange(authorization="Key a:b"), {"a:b"}),
        (exchange(authorization=basic("k-1:")), {"k-1"}),
        (exchange(authorization=basic("api:k-1")), {"api:k-1"}),
        (exchange(authorization="Basic ???"), {"???"}),
        (exchange(X_API_Key="k-1", Authorization="Bearer k-2"), {"k-1", "k-2"}),
        (exchange(**{"api-key": "k-1"}), {"k-1"}),
        (exchange("/v1?x=1&KEY=k%2D1&api_key=k-2"), {"k-1", "k-2"}),
        (
            exchange(
                authorization="AWS4-HMAC-SHA256 Credential=AKID/20270101/us-east-1/bedrock/aws4_request,"
                " SignedHeaders=host, Signature=ab"
            ),
            {"AKID"},
        ),
        (exchange("/?X-Amz-Credential=AKID%2F20270101&X-Amz-Signature=ab"), {"AKID"}),
        (
            exchange(
                sec_websocket_protocol="realtime, openai-insecure-api-key.k-1, openai-beta.v1"
            ),
            {"k-1"},
        ),
        (exchange(cookie="session=k-1", x_amz_security_token="t"), set()),
        (exchange("/v1?key="), set()),
        (exchange(), set()),
    ],
)
def test_a_key_is_found_where_services_take_it_from(made, keys):
    assert keys_of(made) == keys


def test_one_header_that_came_twice_has_two_keys():
    made = exchange()
    twice = ((b"x-api-key", b"k-1"), (b"X-API-KEY", b"k-2"))
    object.__setattr__(made, "headers", twice)
    assert keys_of(made) == {"k-1", "k-2"}


@given(st.text(alphabet=st.characters(max_codepoint=255)), st.binary())
def test_any_request_has_keys_or_none_and_nothing_else(target, value):
    made = exchange(target)
    object.__setattr__(
        made, "headers", ((b"authorization", value), (b"sec-websocket-protocol", value))
    )
    assert all(isinstance(each, str) and each for each in keys_of(made))
