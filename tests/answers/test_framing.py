"""Are frames the events that came, whatever the chunks were, and the bytes that came?"""

import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.answers import CASES, events, frame, mint

from gateway.answers import framing
from gateway.answers.framing import (
    EventStream,
    JsonText,
    Lines,
    Message,
    Opaque,
    ServerSentEvents,
    Text,
)

ALL = [EventStream, JsonText, Lines, Message, Opaque, ServerSentEvents, Text]
cuts = st.lists(st.integers(0, 400), max_size=8)


def frames(kind, data, at=()):
    made = kind()
    out, begin = [], 0
    for cut in [*sorted(min(cut, len(data)) for cut in at), len(data)]:
        out += made.feed(data[begin:cut])
        begin = cut
    return [*out, *made.end()]


def joined(found):
    return b"".join(one.raw for one in found)


def payloads(found):
    return [one.payload for one in found if one.payload is not None]


@pytest.mark.parametrize("kind", ALL)
@settings(deadline=None)
@given(data=st.binary(max_size=400), at=cuts)
def test_frames_put_together_are_the_bytes_that_came(kind, data, at):
    assert joined(frames(kind, data, at)) == data


lines = st.text('data:event {}[]"\\ \r\n\x1e0:,é', max_size=60)


@pytest.mark.parametrize("kind", ALL)
@settings(deadline=None)
@given(text=lines, at=cuts)
def test_frames_of_what_looks_like_something_are_the_bytes_too(kind, text, at):
    data = text.encode()
    found = frames(kind, data, at)
    assert joined(found) == data
    for one in found:
        if one.payload is not None and not one.glue:
            assert one.with_payload(one.payload) == one.raw


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@settings(deadline=None)
@given(at=cuts)
def test_chunks_do_not_matter(case, at):
    kind = {
        "EVENTS": ServerSentEvents, "LINES": Lines, "JSON": JsonText, "EVENT_STREAM": EventStream,
        "TEXT": Text,
    }[case.shape.name]  # fmt: skip
    data = case.write(["one", "two é"])
    found = frames(kind, data, at)
    assert joined(found) == data
    if case.name != "text":
        assert payloads(found) == payloads(frames(kind, data))
        assert all(one.with_payload(one.payload) == one.raw for one in found if one.payload)


# --- events ----------------------------------------------------------------------------------------

field_lines = st.sampled_from(
    ["data: a", "data:b", "data:", "data:  c", "event: x", ": hi", "id: 1", "retry: 5"]
)
blocks = st.lists(st.lists(field_lines, min_size=1, max_size=4), max_size=5)
newlines = st.sampled_from(["\n", "\r\n", "\r"])


@settings(deadline=None)
@given(blocks, newlines, cuts, st.booleans(), st.booleans())
def test_events_are_those_of_a_reader(found, newline, at, bom, ends):
    text = "".join("".join(f"{line}{newline}" for line in block) + newline for block in found)
    if not ends:
        text = text.removesuffix(newline)
    data = (("\ufeff" if bom else "") + text).encode()
    got = payloads(frames(ServerSentEvents, data, at))
    want = list(events(data))
    # An event in which other fields stand between its lines of data is not read.
    mixed = any(
        "data" in "".join(some[some.index(one) :])
        and not all(line.startswith("data") for line in some[first : last + 1])
        for some in found
        if (lined := [n for n, line in enumerate(some) if line.startswith("data")])
        for first, last in [(lined[0], lined[-1])]
        for one in [some[first]]
    )
    if not mixed:
        assert got == want


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("head", [b"", b"event: x\n", b"\xef\xbb\xbf", b": comment\n"])
def test_an_event_is_written_back_with_lines_in_it(newline, head):
    raw = head.replace(b"\n", newline) + b"data: a" + newline + b"data: b" + newline + newline
    (one,) = frames(ServerSentEvents, raw)
    assert one.payload == "a\nb"
    assert list(events(one.with_payload("x\ny\r\nz\rw"))) == ["x\ny\nz\nw"]
    single = head.replace(b"\n", newline) + b"data: a" + newline + newline
    (one,) = frames(ServerSentEvents, single)
    assert list(events(one.with_payload("x\n\ny"))) == ["x\n\ny"]


# --- JSON ------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.text('a"\\[]{}é', max_size=6) | st.integers() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('k"', max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.lists(json_values, max_size=4), cuts, st.sampled_from([None, 1]))
def test_all_strings_of_an_array_are_in_payloads(values, at, indent):
    data = json.dumps(values, indent=indent).encode()
    found = frames(JsonText, data, at)
    assert joined(found) == data
    said: list[object] = []
    for one in payloads(found):
        value = json.loads(one)
        said += strings(value)
    assert said == strings(values)
    assert (
        b"".join(one.with_payload(one.payload) if one.payload else one.raw for one in found) == data
    )


def strings(value):
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [found for key, some in value.items() for found in [key, *strings(some)]]
    return [found for some in value for found in strings(some)] if isinstance(value, list) else []


@settings(deadline=None)
@given(
    st.lists(st.dictionaries(st.text("k", max_size=2), json_values), min_size=1, max_size=4), cuts
)
def test_documents_one_after_the_other_are_frames(values, at):
    data = "\n".join(map(json.dumps, values)).encode()
    assert [json.loads(one) for one in payloads(frames(JsonText, data, at))] == values


def test_the_elements_of_an_array_do_not_wait_for_its_end():
    made = JsonText()
    assert not payloads(made.feed(b'[{"a": 1'))
    assert payloads(made.feed(b"}")) == ['{"a": 1}']
    assert payloads(made.feed(b',\r\n{"b": 2}')) == ['{"b": 2}']


@pytest.mark.parametrize(
    "data", [b')]}\'\n\n12\n[["a"]]\n', b'12\n[["a"]]', b'{"a": "cut', b'["a"']
)
def test_what_has_a_framing_of_its_own_or_is_cut_off_is_not_read(data):
    found = frames(JsonText, data)
    assert joined(found) == data
    assert not payloads(found)


def test_text_that_is_called_json_is_read_as_text():
    assert "".join(payloads(frames(JsonText, b"upstream failed"))) == "upstream failed"


# --- bounds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [JsonText, Lines, ServerSentEvents])
def test_a_frame_that_never_ends_is_let_go_of(kind, monkeypatch):
    monkeypatch.setattr(framing, "MAX_FRAME", 1 << 16)
    made = kind()
    begin = b'{"a": "' if kind is JsonText else b'data: {"a": "'
    size = sum(len(one.raw) for one in made.feed(begin))
    tracemalloc.start()
    for _ in range(100):
        size += sum(len(one.raw) for one in made.feed(b"x" * 4096))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 19
    size += sum(len(one.raw) for one in made.end())
    assert size == len(begin) + 100 * 4096


def test_an_event_stream_that_breaks_passes_from_there_on_once():
    good = frame("contentBlockDelta", {"delta": {"text": "a"}})
    bad = bytearray(frame("contentBlockDelta", {"delta": {"text": "b"}}))
    bad[-1] ^= 1
    data = good + bytes(bad) + good
    for step in (1, 7, len(data)):
        found = frames(EventStream, data, range(0, len(data), step))
        assert joined(found) == data
        assert len(payloads(found)) == 1


def test_an_event_that_would_be_too_large_stays():
    (one,) = frames(EventStream, frame("chunk", {"text": mint("x")}))
    assert one.with_payload("x" * (25 << 20)) == one.raw


def test_messages_with_several_texts_are_apart():
    data = b'{"a":1}\x1e{"b":2}\x1e'
    assert payloads(frames(Message, data)) == ['{"a":1}', '{"b":2}']
