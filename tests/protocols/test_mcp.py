"""Do headers that repeat the body say the same after a redaction, by the judgement of the SDK?"""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.exchanges import exchange

from gateway import protocols
from gateway.encodings import content_encoding
from gateway.encodings.splice import CannotRewrite, apply
from gateway.model import Edit, TextPart

judge = pytest.importorskip("mcp.shared.inbound")

SCHEMA = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "deep": {"type": "object", "properties": {"er": {"type": "string", "x-mcp-header": "Er"}}},
        "n": {"type": "integer", "x-mcp-header": "N"},
    },
}
PATHS = {("region",): "Region", ("deep", "er"): "Er", ("n",): "N"}


def call(arguments, name="look", headers=None):
    """The request of a client that mirrors what the schema says, or these headers."""
    said = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    said["params"] = {"name": name, "arguments": arguments}
    if headers is None:
        headers = {"Mcp-Method": "tools/call", "Mcp-Name": judge.encode_header_value(name)}
        headers |= judge.mcp_param_headers(PATHS, arguments)
    body = json.dumps(said).encode()
    fields = tuple((name.encode(), value.encode()) for name, value in headers.items())
    return exchange(body, headers=(*fields, (b"content-length", b"%d" % len(body))))


def redacted(request, word, by, *, where="body"):
    """The request with `word` replaced, in texts of the body or of headers."""
    parts = protocols.get("mcp").extract(request, protocols.Limits()).parts
    edits = [
        Edit(part.locator, part.text.index(word), part.text.index(word) + len(word), by)
        for part in parts
        if isinstance(part, TextPart) and word in part.text and part.locator.path.startswith(where)
    ]
    assert edits
    rewrite = apply(request, edits)
    return protocols.mirrored(request, rewrite)


def agree(rewrite):
    """Does the SDK's server take headers and body for the same?"""
    said = json.loads(rewrite.body)
    headers = {name.decode(): value.decode() for name, value in rewrite.headers}
    arguments = said["params"]["arguments"]
    rejected = judge.validate_mcp_param_headers(SCHEMA, arguments, headers)
    name = judge.decode_header_value(headers["Mcp-Name"])
    return rejected is None and name == said["params"]["name"]


words = st.text("ab é\n=?", max_size=12)


@given(before=words, after=words, mark=st.sampled_from(["[SSN]", "[Ü]", "=?base64?YQ==?="]))
def test_header_follows_the_body(before, after, mark):
    request = call({"region": f"{before}Zq7{after}", "deep": {"er": "other"}, "n": 3})
    rewrite = redacted(request, "Zq7", mark)
    assert agree(rewrite)
    assert json.loads(rewrite.body)["params"]["arguments"]["region"] == f"{before}{mark}{after}"
    assert not any(b"Zq7" in value for _, value in rewrite.headers)


def test_nested_arguments_and_names_are_followed():
    request = call({"region": "r", "deep": {"er": "secret Zq7"}}, name="tool Zq7")
    assert agree(redacted(request, "Zq7", "[X]"))


def test_other_headers_stay_byte_for_byte():
    request = call({"region": "Zq7", "n": 4})
    rewrite = redacted(request, "Zq7", "[X]")
    changed = {
        new[0] for old, new in zip(request.headers, rewrite.headers, strict=True) if old != new
    }
    assert changed == {b"Mcp-Param-Region", b"content-length"} - (
        {b"content-length"} if len(rewrite.body) == len(request.body) else set()
    )


def test_a_redaction_in_the_header_alone_is_refused():
    with pytest.raises(CannotRewrite, match="differ"):
        redacted(call({"region": "Zq7"}), "Zq7", "[X]", where="header")


def test_one_value_that_becomes_two_is_refused():
    request = call({"region": "Zq7", "deep": {"er": "Zq7"}})
    parts = protocols.get("mcp").extract(request, protocols.Limits()).parts
    inside = [p for p in parts if isinstance(p, TextPart) and p.locator.path.startswith("body")]
    (region, _) = [part for part in inside if part.text == "Zq7"]
    with pytest.raises(CannotRewrite, match="differ"):
        protocols.mirrored(request, apply(request, [Edit(region.locator, 0, 3, "[X]")]))


def test_a_header_that_repeats_nothing_keeps_its_own_redaction():
    request = call({"q": "Zq7"}, headers={"Mcp-Param-Other": "another Zq8"})
    rewrite = redacted(request, "Zq8", "[X]", where="header")
    assert (b"Mcp-Param-Other", b"another [X]") in rewrite.headers


def test_a_body_that_cannot_be_read_is_refused():
    request = replace(call({"region": "Zq7"}), body=b"[1,")
    with pytest.raises(CannotRewrite, match="cannot be read"):
        protocols.mirrored(request, replace(apply(request, []), body=b"[2,"))


def test_a_compressed_body_is_followed_too():
    plain = call({"region": "Zq7"})
    request = replace(
        plain,
        body=content_encoding.encode(plain.body, "gzip"),
        headers=(*plain.headers, (b"content-encoding", b"gzip")),
    )
    rewrite = redacted(request, "Zq7", "[X]")
    assert (b"Mcp-Param-Region", b"[X]") in rewrite.headers


def test_without_such_headers_nothing_is_looked_at():
    request = exchange(b"no JSON", headers=())
    rewrite = replace(apply(request, []), body=b"other")
    assert protocols.mirrored(request, rewrite) is rewrite


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner)
    ),
    max_leaves=6,
)
bodies = st.one_of(
    st.binary(max_size=40),
    json_values.map(lambda value: json.dumps(value).encode()),
    json_values.map(lambda value: json.dumps({"params": {"arguments": value}}).encode()),
)


@given(bodies, bodies, st.binary(max_size=20), st.binary(max_size=20))
def test_any_bodies_and_headers_agree_or_are_refused(before, after, was, now):
    request = exchange(before, headers=((b"Mcp-Param-A", was),))
    rewrite = replace(apply(request, []), body=after, headers=((b"Mcp-Param-A", now),))
    try:
        fitting = protocols.mirrored(request, rewrite)
    except CannotRewrite:
        return
    assert fitting.body == after
    assert [name for name, _ in fitting.headers] == [b"Mcp-Param-A"]


def test_a_body_too_deep_to_look_through_is_refused():
    deep = b'{"params":{"arguments":' + b"[" * 5000 + b"1" + b"]" * 5000 + b"}}"
    request = exchange(deep, headers=((b"Mcp-Param-A", b"1"),))
    with pytest.raises(CannotRewrite, match="cannot be read"):
        protocols.mirrored(request, replace(apply(request, []), body=deep + b" "))
