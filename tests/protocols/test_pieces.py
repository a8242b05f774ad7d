"""Is a piece of an upload told from a whole, and does it say where it stands?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.exchanges import exchange

from gateway import protocols
from gateway.model import Before, BlobPart, PartKind, TextPart, Transport, UnreadReason
from gateway.protocols.pieces import Piece, piece_of

BODY = b"0123456789"


def asked(target="/up", method="PUT", body=BODY, **headers):
    fields = tuple(
        (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
    )
    return exchange(body, headers=fields, method=method, target=target)


def form(data, *, more=b"", boundary=b"b7"):
    head = b'Content-Disposition: form-data; name="data"; filename="upload"\r\n'
    kind = b"Content-Type: application/octet-stream\r\n\r\n"
    return b"--" + boundary + b"\r\n" + head + kind + data + more + b"\r\n--" + boundary + b"--\r\n"


FORM = {"content_type": "multipart/form-data; boundary=b7", "method": "POST"}


def numbers(piece):
    return (piece.at, piece.after, piece.first, piece.last)


@pytest.mark.parametrize(
    ("request_", "want"),
    [
        (asked(content_range="bytes 0-9/30"), (0, 10, True, False)),
        (asked(content_range="bytes 10-19/30"), (10, 20, False, False)),
        (asked(content_range="bytes 20-29/30"), (20, 30, False, True)),
        (asked(content_range="bytes 20-29/*"), (20, 30, False, False)),
        (asked(content_range="bytes 0-9/10"), (0, 10, True, True)),
        (asked(upload_offset="10", tus_resumable="1.0.0"), (10, 20, False, False)),
        (asked(upload_offset="10", upload_length="20"), (10, 20, False, True)),
        (asked(upload_offset="0", upload_complete="?1"), (0, 10, True, True)),
        (asked(tus_resumable="1.0.0", upload_length="30"), (0, 10, True, False)),
        (asked(x_goog_upload_command="upload", x_goog_upload_offset="10"), (10, 20, False, False)),
        (
            asked(x_goog_upload_command="upload, finalize", x_goog_upload_offset="10"),
            (10, 20, False, True),
        ),
        (
            asked(x_goog_upload_command="upload, finalize", x_goog_upload_offset="0"),
            (0, 10, True, True),
        ),
        (asked("/b/k?partNumber=1&uploadId=u"), (1, 2, True, False)),
        (asked("/b/k?uploadId=u&partNumber=7"), (7, 8, False, False)),
        (asked("/c/b?comp=block&blockid=AA"), (None, None, False, False)),
        (asked("/c/b?comp=page", x_ms_range="bytes=0-9"), (0, 10, True, False)),
    ],
)
def test_where_a_piece_stands(request_, want):
    piece = piece_of(request_)
    assert numbers(piece) == want
    assert piece.readable
    assert request_.body[piece.start : piece.end] == BODY
    assert piece.whole == (want[2] and want[3])


@pytest.mark.parametrize(
    "request_",
    [
        asked(),
        asked(body=b"", content_range="bytes */30"),
        asked(body=b"{}", content_range="bytes */*"),
        asked(x_goog_upload_command="start"),
        asked("/v1/uploads", "POST"),
        asked("/v1/uploads/u/complete", "POST"),
        asked("/c/b?comp=blocklist"),
        asked("/b/k?uploadId=u"),
        asked(upload_length="30"),
    ],
)
def test_what_is_no_piece(request_):
    assert piece_of(request_) is None


@pytest.mark.parametrize(
    "request_",
    [
        asked(content_range="bytes 0-99/100"),
        asked(content_range="pages 1-2/3"),
        asked(content_range="bytes 9-0/10"),
        asked(content_range="bytes 0-9/10", content_encoding="gzip"),
        asked(upload_offset="-1"),
        asked(upload_offset="x", upload_complete="?1"),
        asked("/b/k?partNumber=one&uploadId=u"),
        asked("/c/b?comp=page"),
        asked("/v1/uploads/u/parts", body=b"no form", **FORM),
        asked("/v1/uploads/u/parts", method="POST", body=form(BODY)),
        asked("/v1/uploads/u/parts", body=form(BODY) + form(BODY), **FORM),
        asked("/v1/uploads/u/parts", body=form(BODY), content_encoding="gzip", **FORM),
    ],
)
def test_a_piece_that_is_not_as_it_says_is_one_that_cannot_be_read(request_):
    piece = piece_of(request_)
    assert not piece.readable
    assert not piece.whole


def test_part_of_a_form():
    request = asked("/v1/uploads/upload_1/parts", body=form(BODY), **FORM)
    piece = piece_of(request)
    assert piece.upload == "/v1/uploads/upload_1"
    assert request.body[piece.start : piece.end] == BODY


def test_blocks_and_parts_of_one_upload_have_one_name():
    assert piece_of(asked("/c/b?comp=block&blockid=AA")).upload == (
        piece_of(asked("/c/b?comp=block&blockid=BB")).upload
    )
    first, second, other = (
        piece_of(asked(f"/b/k?{query}")).upload
        for query in (
            "partNumber=1&uploadId=u",
            "uploadId=u&partNumber=2",
            "partNumber=1&uploadId=w",
        )
    )
    assert first == second != other


def test_a_websocket_message_is_no_piece():
    assert piece_of(exchange(BODY, transport=Transport.WEBSOCKET_BINARY)) is None


NAMES = ["content-range", "upload-offset", "upload-length", "tus-resumable", "upload-complete",
         "x-goog-upload-command", "x-goog-upload-offset", "content-type", "x-ms-range"]  # fmt: skip
VALUES = st.one_of(
    st.text("0123456789-/* bytes=?upload", max_size=20),
    st.sampled_from(["multipart/form-data; boundary=b", "bytes 0-9/10", "upload, finalize"]),
)
TARGETS = st.sampled_from(
    ["/v1/uploads/u/parts", "/x?comp=page", "/x?partnumber=1&uploadid=2", "/x?comp=block", "/"]
)


@given(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5), TARGETS, st.binary(max_size=80))
def test_any_request_is_a_piece_or_none(headers, target, body):
    fields = tuple((name.encode(), value.encode()) for name, value in headers.items())
    request = exchange(body, headers=fields, target=target)
    piece = piece_of(request)
    assert piece is None or 0 <= piece.start <= piece.end <= len(body)
    # Whatever it is, reading it raises nothing and hides nothing.
    extraction = protocols.get("generic").extract(request, protocols.Limits())
    assert not body or extraction.parts or extraction.unread
    assert piece is None or isinstance(piece, Piece)


# --- how pieces are read -------------------------------------------------------------------------


def read(data, before, **headers):
    headers = headers or {"content_range": f"bytes 100-{99 + len(data)}/*"}
    request = asked(body=data, **headers)
    request = exchange(data, headers=request.headers, method="PUT", before=before)
    return protocols.get("generic").extract(request, protocols.Limits())


def pieces_of(extraction):
    return [
        (item.before, item.text)
        for item in extraction.parts
        if isinstance(item, TextPart) and item.kind is PartKind.FILE
    ]


@given(st.text("aé€\U0001f426 \n", min_size=1, max_size=30), st.data())
def test_text_is_read_on_wherever_it_is_cut(text, data):
    whole = text.encode()
    cut = data.draw(st.integers(0, len(whole)))
    lost = data.draw(st.integers(0, min(cut, 4)))
    extraction = read(whole[cut:] or b"x", Before(whole[lost:cut]))
    if not whole[cut:]:
        return
    ((before, after),) = pieces_of(extraction)
    assert not extraction.unread
    joined = before + after
    # Half a character at either end is all that may be missing.
    assert joined in text
    assert len(joined.encode()) >= len(whole) - lost - 6


def test_pieces_do_not_change():
    (part,) = [item for item in read(b"some words", Before(b"and ")).parts
               if isinstance(item, TextPart) and item.kind is PartKind.FILE]  # fmt: skip
    assert not part.editable


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n" + bytes(40), b"\xff\xfe\x80abc", b"PK\x03\x04\0\0"]
)
def test_a_piece_of_another_file_is_unread(data):
    extraction = read(data, Before(b""))
    (unread,) = extraction.unread
    assert (unread.reason, unread.size) == (UnreadReason.PARTIAL, len(data))
    assert not [item for item in extraction.parts if isinstance(item, BlobPart)]


def test_a_piece_with_nothing_known_before_it_is_read_and_unread():
    extraction = read(b"some words", None)
    assert [unread.reason for unread in extraction.unread] == [UnreadReason.PARTIAL]
    assert pieces_of(extraction) == [("", "some words")]


def test_a_whole_upload_is_read_as_any_file():
    extraction = read(b'{"a": "\\u0062cd"}', None, content_range="bytes 0-16/17")
    assert not extraction.unread
    assert "bcd" in [item.text for item in extraction.parts if isinstance(item, TextPart)]


def test_the_part_of_a_form_is_read_on():
    request = asked("/v1/uploads/upload_1/parts", body=form(b"go on"), **FORM)
    request = exchange(
        request.body, headers=request.headers, target=request.target, before=Before(b"I ")
    )
    extraction = protocols.get("openai").extract(request, protocols.Limits())
    assert pieces_of(extraction) == [("I ", "go on")]
    assert not extraction.unread
