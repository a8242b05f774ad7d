"""What a request says of its own bytes fits them after a change, or the request is refused."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.encodings import declared, splice
from gateway.encodings.declared import Change
from gateway.encodings.splice import CannotRewrite
from gateway.model import Exchange, Locator, Step

OLD, NEW = b"a picture with a face in it " * 20, b"a picture with none"


def b64(data: bytes) -> bytes:
    return base64.b64encode(data)


def crc(name: str, data: bytes) -> bytes:
    return declared._ALGORITHMS[name](data)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # Check values of the catalogue of parametrised CRC algorithms, for `123456789`.
        ("crc32", 0xCBF43926),
        ("crc32c", 0xE3069283),
        ("crc64nvme", 0xAE8B14860A799888),
    ],
)
def test_checksums_are_those_of_their_standards(name, value):
    assert int.from_bytes(crc(name, b"123456789"), "big") == value


def put(headers, body=OLD, target="/file", trailers=()) -> Exchange:
    return Exchange(
        "x", 0.0, "a", "192.0.2.1", "PUT", "https", "h", 443, target, tuple(headers), body, trailers
    )


def replaced(exchange, new=NEW):
    return splice.apply(
        exchange, (), [(Locator("body", (Step("body", 0, len(exchange.body)),)), new)]
    )


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


SAID = {
    "Content-MD5": lambda data: b64(md5(data)),
    "Digest": lambda data: b"SHA-256=" + b64(sha(data)) + b",MD5=" + b64(md5(data)),
    "Content-Digest": lambda data: (
        b"sha-256=:" + b64(sha(data)) + b":, sha-512=:" + b64(hashlib.sha512(data).digest()) + b":"
    ),
    "Repr-Digest": lambda data: b"sha-256=:" + b64(sha(data)) + b":",
    "x-amz-checksum-crc32": lambda data: b64(zlib.crc32(data).to_bytes(4, "big")),
    "x-amz-checksum-crc32c": lambda data: b64(crc("crc32c", data)),
    "x-amz-checksum-crc64nvme": lambda data: b64(crc("crc64nvme", data)),
    "x-amz-checksum-sha1": lambda data: b64(sha1(data)),
    "x-amz-checksum-sha256": lambda data: b64(sha(data)),
    "x-goog-hash": lambda data: b"crc32c=" + b64(crc("crc32c", data)) + b",md5=" + b64(md5(data)),
    "x-ms-blob-content-md5": lambda data: b64(md5(data)),
    "x-bz-content-sha1": lambda data: sha1(data).hex().encode(),
    "Content-Length": lambda data: str(len(data)).encode(),
    "X-Upload-Content-Length": lambda data: str(len(data)).encode(),
    "X-Goog-Upload-Header-Content-Length": lambda data: str(len(data)).encode(),
    "Upload-Length": lambda data: str(len(data)).encode(),
    "x-file-size": lambda data: str(len(data)).encode(),
}


@pytest.mark.parametrize("name", SAID)
def test_what_a_header_says_of_the_body_is_said_of_the_new_one(name):
    made = replaced(put([(name.encode(), SAID[name](OLD)), (b"Other", b"kept")]))
    assert made.headers == ((name.encode(), SAID[name](NEW)), (b"Other", b"kept"))
    assert made.body == NEW


def test_trailers_are_put_right_too():
    value = SAID["Content-Digest"]
    made = replaced(put([], trailers=((b"Content-Digest", value(OLD)), (b"T", b"t"))))
    assert made.trailers == ((b"Content-Digest", value(NEW)), (b"T", b"t"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-request-id", b"0" * 32),
        ("x-upload-content-length", b"99999"),
        ("x-max-size", str(len(OLD)).encode()),
        ("retry-count", str(len(OLD)).encode()),
    ],
)
def test_what_speaks_of_something_else_stays(name, value):
    assert replaced(put([(name.encode(), value)])).headers == ((name.encode(), value),)


def test_a_checksum_that_never_fitted_goes_and_what_names_its_kind_with_it():
    headers = [(b"x-amz-sdk-checksum-algorithm", b"CRC32"), (b"x-amz-checksum-crc32", b"AAAAAA==")]
    assert replaced(put(headers)).headers == ()
    fitting = SAID["x-amz-checksum-crc32"]
    headers[1] = (b"x-amz-checksum-crc32", fitting(OLD))
    assert replaced(put(headers)).headers == (headers[0], (headers[1][0], fitting(NEW)))


def test_the_entry_of_a_digest_that_is_not_known_goes_alone():
    value = b"unixsum=30637,SHA-256=" + b64(sha(OLD))
    assert replaced(put([(b"Digest", value)])).headers == (
        (b"Digest", b"SHA-256=" + b64(sha(NEW))),
    )


# --- signatures ----------------------------------------------------------------------------------

S3 = "/key?X-Amz-Credential=A%2F20260101%2Feu%2Fs3%2Faws4_request&X-Amz-Signature=0"
GOOGLE = "/key?X-Goog-Credential=a%2F20260101%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Signature=0"


@pytest.mark.parametrize(
    "target",
    [
        f"{S3}&X-Amz-SignedHeaders=host",
        f"{GOOGLE}&X-Goog-SignedHeaders=content-type%3Bhost",
        "/container/blob?sv=2026-02-06&sr=b&sp=w&sig=abc%3D",
    ],
)
def test_a_signed_url_that_leaves_its_body_open_takes_another_one(target):
    made = replaced(put([(b"Content-Length", b"560")], target=target))
    assert (made.target, made.body) == (target, NEW)


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        (f"{S3}&X-Amz-SignedHeaders=content-md5%3Bhost", []),
        (f"{S3}&X-Amz-SignedHeaders=content-length%3Bhost", []),
        (f"{S3}&X-Amz-SignedHeaders=host&x-amz-checksum-crc32=AAAAAA%3D%3D", []),
        (S3, []),
        (S3.replace("s3", "bedrock") + "&X-Amz-SignedHeaders=host", []),
        (f"{GOOGLE}&X-Goog-SignedHeaders=host%3Bx-goog-content-sha256", []),
        ("/key?AWSAccessKeyId=A&Expires=1&Signature=x", [(b"Content-MD5", b64(md5(OLD)))]),
        ("/key", [(b"Authorization", b"AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host")]),
        ("/key", [(b"x-amz-content-sha256", sha(OLD).hex().encode())]),
        ("/key", [(b"poe-tag-id", md5(OLD).hex().encode())]),
    ],
)
def test_what_a_signature_covers_is_refused(target, headers):
    with pytest.raises(CannotRewrite, match="sign"):
        replaced(put(headers, target=target))


def test_the_query_is_put_right_and_a_path_of_a_hash_is_refused():
    size, new = len(OLD), len(NEW)
    made = replaced(put([], target=f"/up?size={size}&md5={md5(OLD).hex()}&n={size}"))
    assert made.target == f"/up?size={new}&md5={md5(NEW).hex()}&n={size}"
    with pytest.raises(CannotRewrite, match="hash of what it sends"):
        replaced(put([], target=f"/api/blobs/sha256:{sha(OLD).hex()}"))


# --- inside bodies -------------------------------------------------------------------------------


def in_json(**more) -> tuple[bytes, Locator]:
    body = json.dumps({"file": {"data": b64(OLD).decode(), **more}, "max_tokens": len(OLD)})
    start = body.index(b64(OLD).decode())
    steps = (
        Step("body", 0, len(body)),
        Step("utf-8", 0, len(body)),
        Step("json-string", start, start + len(b64(OLD))),
        Step("base64", 0, len(b64(OLD))),
    )
    return body.encode(), Locator("body", steps)


def test_sizes_and_hashes_beside_a_file_in_json_follow_it():
    def said(data):
        return {
            "bytes": len(data),
            "file_size": str(len(data)),
            "md5": md5(data).hex(),
            "sha256": b64(sha(data)).decode(),
            "etag": sha1(data).hex().upper(),
            "checksum": f"sha256:{sha(data).hex()}",
            "crc32c": b64(crc("crc32c", data)).decode(),
            "width": len(OLD),
        }

    body, place = in_json(**said(OLD))
    made = json.loads(splice.apply(put([], body=body), (), [(place, NEW)]).body)
    assert made["file"] == {"data": b64(NEW).decode(), **said(NEW)}
    assert made["max_tokens"] == len(OLD)


def form(data: bytes, *more: tuple[str, bytes]) -> bytes:
    parts = [
        b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)
        for name, value in more
    ]
    parts.append(
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n'
        b"Content-Length: %d\r\nContent-MD5: %s\r\n\r\n%s\r\n--b--\r\n"
        % (len(data), b64(md5(data)), data)
    )
    return b"".join(parts)


def file_of(body: bytes, data: bytes = OLD) -> Locator:
    start = body.index(data)
    return Locator(
        "body", (Step("body", 0, len(body)), Step("multipart", start, start + len(data)))
    )


def said_in_form(data: bytes) -> list[tuple[str, bytes]]:
    return [
        ("size", str(len(data)).encode()),
        ("sha256", sha(data).hex().encode()),
        ("meta", json.dumps({"size": len(data), "md5": md5(data).hex()}).encode()),
        ("steps", str(len(OLD)).encode()),
    ]


def test_sizes_and_hashes_beside_a_file_in_a_form_follow_it():
    body = form(OLD, *said_in_form(OLD))
    made = splice.apply(put([], body=body), (), [(file_of(body), NEW)])
    assert made.body == form(NEW, *said_in_form(NEW))


def test_what_another_file_of_the_form_says_is_its_own_business():
    other = (
        b'--b\r\nContent-Disposition: form-data; name="list"; filename="sums.txt"\r\n\r\n'
        + sha(OLD).hex().encode()
        + b"\r\n"
    )
    body = other + form(OLD)
    made = splice.apply(put([], body=body), (), [(file_of(body), NEW)])
    assert made.body == other + form(NEW)


def test_a_signed_form_that_fixes_a_hash_is_refused_and_one_that_does_not_goes():
    body = form(OLD, ("policy", b"e30="), ("key", b"k"))
    plain = body.replace(b"Content-Length: %d\r\n" % len(OLD), b"")
    plain = plain.replace(b"Content-MD5: %s\r\n" % b64(md5(OLD)), b"")
    assert NEW in splice.apply(put([], body=plain), (), [(file_of(plain), NEW)]).body
    with pytest.raises(CannotRewrite, match="form is signed"):
        splice.apply(put([], body=body), (), [(file_of(body), NEW)])


def test_a_size_that_may_be_that_of_either_file_is_refused():
    other = OLD[::-1]
    body = form(OLD, ("size", str(len(OLD)).encode())) + form(other)
    blobs = [(file_of(body), NEW), (file_of(body, other), NEW + NEW)]
    with pytest.raises(CannotRewrite, match="equally long"):
        splice.apply(put([], body=body), (), blobs)


def test_a_hash_of_the_whole_form_follows_all_that_is_in_it():
    body = form(OLD, *said_in_form(OLD))
    made = splice.apply(
        put([(b"Content-MD5", b64(md5(body)))], body=body), (), [(file_of(body), NEW)]
    )
    assert made.headers == ((b"Content-MD5", b64(md5(made.body))),)


@given(st.text(max_size=200), st.binary(max_size=60), st.binary(max_size=60))
def test_no_text_is_changed_that_says_nothing_of_what_changed(text, old, new):
    found = list(declared.corrections(text, [Change(old, new)], name="size"))
    for start, end, _ in found:
        said = text[start:end]
        assert said == str(len(old)) or len(said) >= 8
    assert [span[:2] for span in found] == sorted(span[:2] for span in found)


@given(st.binary(max_size=300))
def test_any_bytes_may_stand_around_a_file_in_a_form(noise):
    body = b"--b\r\n" + noise + b"\r\n--b\r\n\r\n" + OLD + b"\r\n--b--"
    made = splice.apply(put([], body=body), (), [(file_of(body), NEW)])
    assert made.body.count(NEW) == 1
