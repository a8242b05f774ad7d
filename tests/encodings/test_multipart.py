"""Does a multipart body have one reading, and is every other one refused?"""

import email
import email.policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.encodings import multipart
from gateway.encodings.multipart import MultipartError
from gateway.model import UnreadReason


def body(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + end


FIELD = b'Content-Disposition: form-data; name="a"\r\n\r\nvalue'


def contents(data: bytes) -> list[bytes]:
    return [data[part.start : part.end] for part in multipart.parse(data, "b")]


def test_parts_and_their_spans():
    data = body(
        FIELD,
        b'content-disposition: form-data; name=x; filename="a \\"b\\".txt"; filename*=UTF-8\'\'%e2%82%ac\r\n'
        b"Content-Type: text/plain; charset=utf-8\r\nX-Odd:  thing \r\nContent-Transfer-Encoding: BASE64\r\n"
        b"\r\naGk=",
    )  # fmt: skip
    first, second = multipart.parse(data, "b")
    assert data[first.start : first.end] == b"value"
    assert data[second.start : second.end] == b"aGk="
    assert {key: data[p.start : p.end] for key, p in second.params.items()} == {
        "name": b"x", "filename": rb'a \"b\".txt', "filename*": b"%e2%82%ac",
    }  # fmt: skip
    assert [p.codec for p in second.params.values()] == ["slice", "quoted", "percent"]
    assert second.params["filename*"].charset == "utf-8"
    assert second.content_type == "text/plain; charset=utf-8"
    assert second.transfer_encoding == "base64"
    odd = second.fields[2]
    assert (odd.name, data[odd.value_start : odd.value_end]) == (b"X-Odd", b"thing")


@pytest.mark.parametrize(
    ("data", "want"),
    [
        (b"--b--", []),
        (body(FIELD), [b"value"]),
        (b"\r\n" + body(FIELD), [b"value"]),
        (body(b"\r\nno headers"), [b"no headers"]),
        (body(b"A: b\r\n\r\n"), [b""]),
        (body(b"A: b\r\n"), [b""]),
        (body(b"\r\na --b inside a line"), [b"a --b inside a line"]),
        (body(b"\r\nline\r\nline\n"), [b"line\r\nline\n"]),
    ],
)
def test_what_clients_send_is_read(data, want):
    assert contents(data) == want


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"words",
        b"--b\r\n" + FIELD + b"\r\n",  # never closed
        body(FIELD).replace(b"\r\n", b"\n"),
        body(FIELD, end=b"\n--b--\r\n"),
        b"before\r\n" + body(FIELD),
        body(FIELD) + b"after",
        body(FIELD) + body(FIELD),  # goes on after the end
        body(FIELD, b"\r\nx\r\n--bb\r\ny"),  # a longer line that some take for a delimiter
        body(b"\r\nx\r\n--b \r\ny"),  # padding
        body(b"\r\nx\n--b\r\ny"),
        body(b"no colon\r\n\r\nx"),
        body(b" A: folded\r\n\r\nx"),
        body(b"A: b\r\n folded\r\n\r\nx"),
        body(b"A : b\r\n\r\nx"),
        body(b"A: b\x00\r\n\r\nx"),
        body(b"A: b\rc\r\n\r\nx"),
        body(b"A: b"),  # headers without their end
        body(b'Content-Disposition: form-data; name="a"; name="b"\r\n\r\nx'),
        body(b'Content-Disposition: form-data; filename="a"; FILENAME="b"\r\n\r\nx'),
        body(b'Content-Disposition: form-data; name="a\r\n\r\nx'),
        body(b'Content-Disposition: form-data; name="a" junk\r\n\r\nx'),
        body(b"Content-Disposition: form-data; filename*=plain\r\n\r\nx"),
        body(
            b'Content-Disposition: form-data; name="a"\r\nContent-Disposition: form-data\r\n\r\nx'
        ),
        body(b"Content-Type: a/b\r\ncontent-type: c/d\r\n\r\nx"),
        body(b"A: " + b"x" * 70_000 + b"\r\n\r\nx"),
    ],
)
def test_what_could_be_read_otherwise_is_refused(data):
    with pytest.raises(MultipartError) as caught:
        multipart.parse(data, "b")
    assert caught.value.reason is UnreadReason.MALFORMED


@pytest.mark.parametrize("boundary", ["", " b", "b ", "é", "b" * 201])
def test_a_boundary_that_is_none_is_refused(boundary):
    with pytest.raises(MultipartError):
        multipart.parse(body(FIELD), boundary)


def test_the_number_of_parts_is_bounded():
    with pytest.raises(MultipartError) as caught:
        multipart.parse(body(*[FIELD] * 11), "b", max_parts=10)
    assert caught.value.reason is UnreadReason.TOO_DEEP


@pytest.mark.parametrize(
    ("value", "want"),
    [
        ("text/plain; charset=utf-8", "utf-8"),
        ('text/plain;CHARSET="a\\"b"', 'a"b'),
        ("text/plain", None),
        ("", None),
        ("text/plain; ", None),
        (";charset=x", "x"),
    ],
)
def test_parameters_of_a_value(value, want):
    assert multipart.parameter(value, "charset") == want


def test_a_parameter_given_twice_is_refused():
    with pytest.raises(MultipartError):
        multipart.parameter("multipart/form-data; boundary=a; boundary=b", "boundary")


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.tuples(st.text("abc-é ", max_size=8), st.binary(max_size=60)), max_size=5))
def test_reads_what_the_standard_library_reads(parts):
    data = body(
        *(
            f'Content-Disposition: form-data; name="{name}"\r\nContent-Type: application/x\r\n\r\n'.encode()
            + content.replace(b"--b", b"")
            for name, content in parts
        )
    )
    try:
        mine = contents(data)
    except MultipartError:
        return
    message = email.message_from_bytes(
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n" + data, policy=email.policy.HTTP
    )
    if parts and not any(b"\r" in content or b"\n" in content for _, content in parts):
        theirs = [item.get_payload(decode=True) for item in message.get_payload()]
        assert mine == theirs


@settings(max_examples=examples(300), deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [b"--b", b"--b--", b"\r\n", b"\n", b"\r", b":", b"A: b", b"x", b";", b'"', b"="]
        ),
        max_size=20,
    ).map(b"".join)
)
def test_any_bytes_are_read_or_give_the_one_error(data):
    try:
        parts = multipart.parse(data, "b")
    except MultipartError:
        return
    at = 0
    for part in parts:
        assert at <= part.start <= part.end <= len(data)
        at = part.end
