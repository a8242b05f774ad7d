"""Are the frames of an AWS event stream those that AWS's own client sees, however they arrive?"""

import struct
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.encodings import eventstream
from gateway.encodings.eventstream import Decoder, Fault, Frame

judge = pytest.importorskip("botocore.eventstream")


def header(name, value):
    """One header; `value` is a string, or the type and bytes of another one."""
    kind, data = (7, value.encode()) if isinstance(value, str) else value
    size = struct.pack("!H", len(data)) if kind in (6, 7) else b""
    encoded = name.encode()
    return bytes([len(encoded)]) + encoded + bytes([kind]) + size + data


OTHER_TYPES = [(0, 0), (1, 0), (2, 1), (3, 2), (4, 4), (5, 8), (8, 8), (9, 16)]
values = st.one_of(
    st.text("ab:é\U0001f426", max_size=20),
    st.tuples(st.just(6), st.binary(max_size=20)),
    *(st.tuples(st.just(k), st.binary(min_size=n, max_size=n)) for k, n in OTHER_TYPES),
)
names = st.text("abc:-é", min_size=1, max_size=12)
blocks = st.dictionaries(names, values, max_size=5).map(
    lambda d: b"".join(header(name, value) for name, value in d.items())
)
frames = st.builds(Frame, blocks, st.binary(max_size=300))
streams = st.lists(frames, max_size=5)

CHUNK = Frame(
    header(":event-type", "chunk")
    + header(":content-type", "application/json")
    + header(":message-type", "event"),
    b'{"bytes":"aGk="}',
)


def as_judged(data):
    """Headers and payloads as botocore reads them; None where it refuses the stream."""
    buffer = judge.EventStreamBuffer()
    buffer.add_data(data)
    out = []
    try:
        for message in buffer:
            out.append((message.headers, message.payload))
    except (judge.ParserError, UnicodeDecodeError, KeyError, struct.error):
        return None
    return out


def strings(headers):
    return {name: value for name, value in headers.items() if isinstance(value, str)}


def fed(data, cuts=()):
    """The frames of `data`, which arrives cut at `cuts`, and what was wrong in the end."""
    decoder = Decoder()
    found = []
    at = 0
    for cut in [*sorted(cuts), len(data)]:
        found += decoder.feed(data[at:cut])
        at = cut
    return found, decoder.end()


@given(streams)
def test_what_is_written_is_what_botocore_reads(sent):
    data = b"".join(frame.encode() for frame in sent)
    read = as_judged(data)
    assert read is not None
    assert [payload for _, payload in read] == [frame.payload for frame in sent]
    for (headers, _), frame in zip(read, sent, strict=True):
        parsed = eventstream.parse_headers(frame.headers)
        assert set(parsed) == set(headers)
        # botocore gives a UUID as bytes; only what is a string here has to be equal.
        assert {name: headers[name] for name in strings(parsed)} == strings(parsed)


@given(streams, st.data())
def test_chunks_decide_nothing(sent, data):
    wire = b"".join(frame.encode() for frame in sent)
    cuts = data.draw(st.lists(st.integers(0, len(wire)), max_size=8))
    assert fed(wire, cuts) == (sent, None)
    assert fed(wire, range(len(wire))) == (sent, None)


@given(frames, st.binary(max_size=200))
def test_another_payload_leaves_the_headers_as_they_are(frame, payload):
    again = frame.with_payload(payload).encode()
    assert fed(again) == ([Frame(frame.headers, payload)], None)
    assert again[12 : 12 + len(frame.headers)] == frame.headers
    assert as_judged(again)[0][1] == payload


@given(st.lists(frames, min_size=1, max_size=3), st.data())
def test_one_wrong_byte_is_a_fault_and_what_stands_before_it_is_given(sent, data):
    wire = bytearray(b"".join(frame.encode() for frame in sent))
    at = data.draw(st.integers(0, len(wire) - 1))
    wire[at] ^= data.draw(st.integers(1, 255))
    found, fault = fed(bytes(wire))
    starts = [0]
    for frame in sent:
        starts.append(starts[-1] + len(frame.encode()))
    whole = sum(1 for end in starts[1:] if end <= at)
    assert fault is not None
    assert found == sent[:whole]


@given(st.binary(max_size=200))
def test_any_bytes_are_frames_or_a_fault(data):
    decoder = Decoder()
    found = decoder.feed(data)
    fault = decoder.end()
    assert b"".join(frame.encode() for frame in found) + decoder.rest == data
    assert (fault is None) == (decoder.rest == b"")


@given(st.binary(max_size=40))
def test_header_blocks_that_botocore_refuses_are_refused(block):
    # Not the other way round: botocore takes a value that is cut off for a shorter one.
    if as_judged(Frame(block, b"p").encode()) is None:
        assert eventstream.parse_headers(block) is None


@given(st.binary(max_size=40))
def test_header_blocks_are_read_to_their_last_byte(block):
    parsed = eventstream.parse_headers(block)
    if parsed is not None and block:
        assert eventstream.parse_headers(block[:-1]) != parsed


def test_a_frame_tells_its_kind():
    assert (CHUNK.message_type, CHUNK.event_type, CHUNK.content_type, CHUNK.exception_type) == (
        "event", "chunk", "application/json", "",
    )  # fmt: skip
    failed = Frame(
        header(":message-type", "exception") + header(":exception-type", "throttlingException"),
        b"{}",
    )
    assert (failed.message_type, failed.exception_type) == ("exception", "throttlingException")
    assert Frame(header("a", (4, b"\0\0\0\1")), b"").header("a") is None


def test_a_stream_that_ends_in_a_frame_says_so():
    wire = CHUNK.encode()
    for cut in range(1, len(wire)):
        assert fed(wire + wire[:cut]) == ([CHUNK], Fault.CUT_OFF)


def prelude(total, headers):
    lengths = struct.pack("!II", total, headers)
    return lengths + struct.pack("!I", zlib.crc32(lengths))


@pytest.mark.parametrize(
    ("head", "fault"),
    [
        (prelude(15, 0), Fault.MALFORMED),
        (prelude(20, 5), Fault.MALFORMED),
        (prelude(16 + (24 << 20) + 1, 0), Fault.TOO_LARGE),
        (prelude(16 + (128 << 10) + 1, (128 << 10) + 1), Fault.TOO_LARGE),
        (prelude(16, 0)[:-1] + b"\0", Fault.PRELUDE_CHECKSUM),
    ],
)
def test_a_length_that_cannot_be_is_a_fault_at_once(head, fault):
    decoder = Decoder()
    assert decoder.feed(head) == []
    assert decoder.fault is fault
    assert decoder.rest == head


def test_the_largest_frame_passes_and_a_larger_one_is_not_written():
    full = Frame(b"", bytes(24 << 20))
    (read,), fault = fed(full.encode())
    assert (len(read.payload), fault) == (24 << 20, None)
    with pytest.raises(ValueError, match="limits"):
        full.with_payload(bytes((24 << 20) + 1)).encode()
    with pytest.raises(ValueError, match="limits"):
        Frame(bytes((128 << 10) + 1), b"").encode()


def test_the_checksum_of_the_message_is_checked():
    wire = bytearray(CHUNK.encode())
    wire[-5] ^= 1
    assert fed(bytes(wire)) == ([], Fault.MESSAGE_CHECKSUM)


def test_a_header_that_stands_twice_is_a_fault():
    wire = Frame(header("a", "1") + header("a", "2"), b"").encode()
    assert fed(wire) == ([], Fault.MALFORMED)


def test_nothing_is_read_after_a_fault():
    decoder = Decoder()
    decoder.feed(prelude(15, 0))
    assert decoder.feed(CHUNK.encode()) == []
    assert decoder.rest == prelude(15, 0) + CHUNK.encode()


def test_many_small_frames_in_one_chunk_take_linear_time_and_little_memory():
    wire = CHUNK.encode() * 20_000
    tracemalloc.start()
    found, fault = fed(wire)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(found), fault) == (20_000, None)
    assert peak < 10 * len(wire)


def test_content_is_in_no_repr():
    assert "aGk" not in repr(CHUNK)
