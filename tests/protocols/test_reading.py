"""Is every place of an exchange read or reported, whatever the bytes?"""

import base64
import gzip
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway import protocols
from gateway.encodings import content_encoding, splice
from gateway.model import (
    BlobPart,
    Edit,
    Exchange,
    Extraction,
    PartKind,
    TextPart,
    Transport,
    UnreadReason,
)
from gateway.protocols.reading import Limits

JSON = "application/json"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def exchange(body: bytes = b"", content_type: str | None = JSON, **more) -> Exchange:
    headers = list(more.pop("headers", ()))
    if content_type is not None:
        headers.insert(0, (b"Content-Type", content_type.encode("latin-1")))
    values = {
        "id": "x", "received_at": 0.0, "actor": "a", "source_ip": "192.0.2.1", "method": "POST",
        "scheme": "https", "host": "h.example", "port": 443, "target": "/", "headers": tuple(headers),
        "body": body, **more,
    }  # fmt: skip
    return Exchange(**values)


def read(request: Exchange, protocol: str = "generic", **limits) -> Extraction:
    return protocols.get(protocol).extract(request, Limits(**limits))


def texts(extraction: Extraction, prefix: str = "body") -> list[str]:
    return [
        item.text
        for item in extraction.parts
        if isinstance(item, TextPart) and item.locator.path.startswith(prefix)
    ]


def blobs(extraction: Extraction) -> list[BlobPart]:
    return [item for item in extraction.parts if isinstance(item, BlobPart)]


def reasons(extraction: Extraction) -> list[UnreadReason]:
    return [item.reason for item in extraction.unread]


# --- what the type says, and what the bytes say --------------------------------------------------


@pytest.mark.parametrize(
    "content_type",
    [JSON, None, "", "text/plain", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded",
     "application/octet-stream", "image/png", "application/vnd.api+json", "text/json",
     "application/x-ndjson", "application/pdf", "application/graphql", "nonsense", "a/b",
     "application/json; charset=utf-8", "APPLICATION/JSON"],
)  # fmt: skip
def test_json_is_read_as_json_whatever_its_type(content_type):
    found = read(exchange(rb'{"a": "\u0041lice"}', content_type))
    assert "Alice" in texts(found)
    assert found.unread == ()


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b'{"a": "words", }', JSON, UnreadReason.MALFORMED),
        (b"words here", JSON, UnreadReason.MALFORMED),
        (b"[" * 300 + b'"words"' + b"]" * 300, JSON, UnreadReason.TOO_DEEP),
        (b"[" * 300 + b'"words"' + b"]" * 300, "text/plain", UnreadReason.TOO_DEEP),
        (b"\x08\x01 words here \xff\xfe\0\0", "application/x-protobuf", UnreadReason.UNKNOWN_TYPE),
        (b"\x08\x01 words here \xff\xfe\0\0", None, UnreadReason.UNKNOWN_TYPE),
        (b"\0\0\0\0\x07 words here", "application/grpc", UnreadReason.UNKNOWN_TYPE),
        (b"plain words here", "application/x-something", UnreadReason.UNKNOWN_TYPE),
        (b"words here \xff\xfe", "text/plain; charset=utf-8", UnreadReason.CHARSET),
        (b'{"a": "words \xff"}', JSON, UnreadReason.CHARSET),
        (b"+AHc-words here", "text/plain; charset=utf-7", UnreadReason.CHARSET),
        (
            b"--b\nA: b\n\nwords here\n--b--",
            "multipart/form-data; boundary=b",
            UnreadReason.MALFORMED,
        ),
        (b"words here", "multipart/form-data", UnreadReason.MALFORMED),
        (b"words here", "multipart/form-data; boundary=a; boundary=b", UnreadReason.MALFORMED),
        (b"words here", 'text/plain; charset="', UnreadReason.MALFORMED),
    ],
)
def test_what_has_no_reading_is_reported_with_its_size_and_still_searched(
    body, content_type, reason
):
    found = read(exchange(body, content_type))
    assert reason in reasons(found)
    assert {item.size for item in found.unread} == {len(body)}
    assert any("words" in text for text in texts(found))


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ([(b"Content-Encoding", b"gzip")], UnreadReason.UNDECODABLE),
        ([(b"Content-Encoding", b"zstd"), (b"content-encoding", b"br")], UnreadReason.UNDECODABLE),
        ([(b"Content-Encoding", b"snappy")], UnreadReason.UNDECODABLE),
        ([(b"Transfer-Encoding", b"gzip, chunked")], UnreadReason.UNDECODABLE),
        ([(b"Content-Type", b"text/plain")], UnreadReason.MALFORMED),
    ],
)
def test_headers_that_lie_about_the_body_are_reported(headers, reason):
    found = read(exchange(b'{"a": "plain words"}', headers=headers))
    assert reason in reasons(found)
    assert any("plain words" in text for text in texts(found))


def test_bomb_is_reported_not_expanded():
    bomb = gzip.compress(b"[" + b" " * 5_000_000 + b"]")
    found = read(exchange(bomb, headers=[(b"Content-Encoding", b"gzip")]), max_decoded=1_000_000)
    assert reasons(found) == [UnreadReason.EXPANDS_TOO_FAR]


@pytest.mark.parametrize(
    "content_type", ["image/png", "application/octet-stream", None, "text/plain", "video/mp4"]
)
def test_files_are_blobs(content_type):
    found = read(exchange(PNG, content_type))
    assert [item.data for item in blobs(found)] == [PNG]
    assert found.unread == ()


def test_unlabelled_gzip_is_a_blob_not_text():
    (item,) = blobs(read(exchange(gzip.compress(b"words"), None)))
    assert item.media_type == "application/gzip"


def test_empty_body_is_nothing():
    assert texts(read(exchange(b""))) == []


# --- JSON ----------------------------------------------------------------------------------------


def test_documents_inside_texts_are_read_to_a_bounded_depth():
    value = "words"
    for _ in range(6):
        value = json.dumps({"k": value})
    found = read(exchange(value.encode()))
    assert texts(found).count("words") == 1
    assert found.unread == ()
    for _ in range(6):
        value = json.dumps({"k": value})
    found = read(exchange(value.encode()))
    assert UnreadReason.TOO_DEEP in reasons(found)


@pytest.mark.parametrize(
    "text", ["[1]", "{}", "[see note]", "{curly} and [square]", "[12, 345]", "{", "[x"]
)
def test_text_that_only_looks_like_json_stays_text(text):
    assert text in texts(read(exchange(json.dumps({"prompt": text}).encode())))


def test_every_duplicate_key_is_read():
    found = texts(read(exchange(b'{"content":"one","content":"two"}')))
    assert {"one", "two"} <= set(found)


def test_made_up_keys_are_read_and_known_ones_are_not():
    found = read(exchange(b'{"ada@x.example": {"content": 1}}'))
    (key,) = [
        item for item in found.parts if isinstance(item, TextPart) and item.kind is PartKind.KEY
    ]
    assert (key.text, key.locator.path) == ("ada@x.example", "body.*")


@pytest.mark.parametrize(
    ("protocol", "body"),
    [
        ("openai", {"input": [1, 2, 3]}),
        ("openai", {"input": [[1, 2], [3]]}),
        ("openai", {"prompt": [[1, 2]]}),
        ("ollama", {"context": [1, 2, 3]}),
    ],
)
def test_token_ids_are_unread(protocol, body):
    assert set(reasons(read(exchange(json.dumps(body).encode()), protocol))) == {
        UnreadReason.TOKEN_IDS
    }


def test_numbers_are_read_where_they_are_long():
    found = read(exchange(b'{"card": 4111111111111111, "year": 2026, "list": [411111, 1]}'))
    numbers = [
        item for item in found.parts if isinstance(item, TextPart) and item.kind is PartKind.NUMBER
    ]
    assert [(item.text, item.editable, item.label) for item in numbers] == [
        ("4111111111111111", False, "card"), ("[411111, 1]", False, "list"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("4.111111111111111E15", "4111111111111111"), ("4.111111111111111e+15", "4111111111111111"),
        ("-4.111111111111111E15", "-4111111111111111"), ("4.12345678901E9", "4123456789.01"),
        ("4.1234567E09", "4123456700"), ("[1, 4.12345678901E11]", "[1, 412345678901]"),
        ("1.51234567e-7", "1.51234567e-7"), ("1.2345678e300000000", "1.2345678e300000000"),
    ],
)  # fmt: skip
def test_numbers_with_an_exponent_are_read_as_they_are_known(written, read_as):
    assert texts(read(exchange(f'{{"card": {written}}}'.encode()))) == ["card", read_as]


def test_what_is_no_number_is_read_past():
    found = read(exchange(b'{"t": NaN, "u": [Infinity, -Infinity], "v": "secret words"}'))
    assert reasons(found) == []
    assert "secret words" in texts(found)


def test_the_name_in_a_gzip_header_is_read():
    body = gzip.compress(b'{"a": "words"}')
    named = body[:3] + b"\x08" + body[4:10] + b"secret.json\0" + body[10:]
    found = read(exchange(named, headers=[(b"Content-Encoding", b"gzip")]))
    assert reasons(found) == []
    (item,) = [part for part in found.parts if part.kind is PartKind.FILE_NAME]
    assert (item.text, item.editable) == ("secret.json\0", False)


def test_lone_surrogates_pass_through_and_can_be_redacted():
    request = exchange(rb'{"a": "x \ud800 secret \udc00"}')
    (item,) = [
        p
        for p in read(request).parts
        if isinstance(p, TextPart) and p.label == "a" and p.text != "a"
    ]
    at = item.text.index("secret")
    made = splice.apply(request, [Edit(item.locator, at, at + 6, "\ud800[x]")])
    assert made.body == rb'{"a": "x \ud800 \ud800[x] \udc00"}'


@pytest.mark.parametrize(
    "text",
    [
        "data:image/png;base64," + base64.b64encode(PNG).decode(),
        "look: ![p](data:image/png;base64," + base64.b64encode(PNG).decode() + ") nice",
        base64.b64encode(PNG).decode(),
        base64.encodebytes(PNG * 5).decode(),
        base64.urlsafe_b64encode(PNG).decode().rstrip("="),
    ],
)
def test_pictures_in_texts_are_blobs_that_can_be_replaced(text):
    request = exchange(json.dumps({"v": text, "name": "p.png"}).encode())
    (item,) = blobs(read(request))
    assert item.data.startswith(PNG)
    made = splice.apply(request, (), [(item.locator, b"GIF89a" + b"." * 20)])
    (after,) = blobs(read(exchange(made.body)))
    assert after.data == b"GIF89a" + b"." * 20


def test_text_in_base64_is_read_and_rewritten_inside():
    request = exchange(
        json.dumps({"v": base64.b64encode(b'{"deep": "my secret is out"}').decode()}).encode()
    )
    found = [p for p in read(request).parts if isinstance(p, TextPart) and "secret" in p.text]
    (item,) = found
    made = splice.apply(request, [Edit(item.locator, 3, 9, "***")])
    assert base64.b64decode(json.loads(made.body)["v"]) == b'{"deep": "my *** is out"}'


@pytest.mark.parametrize(
    ("protocol", "target", "body", "place"),
    [
        (
            "anthropic",
            "/v1/messages",
            (
                '{"messages": [{"role": "user", "content": [{"type": "document", "source": '
                '{"type": "base64", "media_type": "text/csv", "data": "%s"}}]}]}'
            ),
            ("messages", 0, "content", 0, "source", "data"),
        ),
        (
            "gemini",
            "/v1beta/models/gemini-3-pro:generateContent",
            '{"contents": [{"parts": [{"inlineData": {"mimeType": "text/csv", "data": "%s"}}]}]}',
            ("contents", 0, "parts", 0, "inlineData", "data"),
        ),
        ("generic", "/", '{"file": {"mime_type": "text/csv", "data": "%s"}}', ("file", "data")),
    ],
)
def test_text_where_a_file_is_expected_is_read_and_rewritten_in_its_base64_alone(
    protocol, target, body, place
):
    coded = base64.b64encode(b"name,note\nword,my secret is out\n").decode()
    request = exchange((body % coded).encode(), target=target)
    found = read(request, protocol)
    # Were the letters a text as well, what is found through them would take the whole file.
    assert coded not in texts(found)
    (item,) = [p for p in found.parts if isinstance(p, TextPart) and "secret" in p.text]
    made = splice.apply(request, [Edit(item.locator, 18, 24, "***")])
    value = json.loads(made.body)
    for key in place:
        value = value[key]
    assert base64.b64decode(value, validate=True) == b"name,note\nword,my *** is out\n"


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (b"\0" * 128 + b"DICM\2\0", "application/dicom"),
        (b"\0" * 128 + b"DICM\2\0", "application/x-radiology"),
        (b"PK\x03\x04 words", "application/x-something"),
        (b"Subject: words\n\nwords", "message/rfc822"),
        (b"From a Mon Jan  1 00:00:00 2024\nSubject: words\n\nwords", "application/mbox"),
        (b"%!PS-Adobe-3.0", "application/postscript"),
    ],
)
def test_a_body_that_is_a_file_is_opened_whatever_its_type_is_called(data, content_type):
    found = read(exchange(data, content_type))
    assert [(item.data, item.media_type) for item in blobs(found)] == [(data, content_type)]
    assert found.unread == ()


@pytest.mark.parametrize("content_type", ["application/csv", "application/x-tex"])
def test_a_body_of_text_is_text_whatever_its_type_is_called(content_type):
    found = read(exchange(b"a,words\n", content_type))
    assert texts(found) == ["a,words\n"]
    assert found.unread == ()


def test_a_text_that_begins_like_a_file_is_read_as_both():
    secret = b"ID3 my secret words are here"
    coded = base64.b64encode(secret).decode()
    for request in (
        exchange(secret, "text/plain"),
        exchange(json.dumps({"v": coded}).encode()),
        exchange(json.dumps({"v": f"data:text/plain;base64,{coded}"}).encode()),
        exchange(
            multipart_body(b"Content-Disposition: form-data; name=a\r\n\r\n" + secret),
            "multipart/form-data; boundary=b",
        ),
    ):
        found = read(request)
        assert secret.decode() in texts(found)
        assert [item.data for item in blobs(found)] == [secret]


def test_binary_in_base64_is_a_file_only_where_a_file_is_expected():
    noise = bytes(range(128, 228))
    coded = base64.b64encode(noise).decode()
    body = json.dumps(
        {"messages": [{"content": [{"file": {"file_data": coded, "format": "bin"}}]}]}
    )
    (item,) = blobs(read(exchange(body.encode()), "openai"))
    assert (item.data, item.media_type) == (noise, "bin")
    found = read(exchange(json.dumps({"format": "x", "signature": coded}).encode()))
    assert blobs(found) == []
    assert coded in texts(found)


def test_a_made_up_method_is_read():
    assert texts(read(exchange(method="TELLALICE")), "method") == ["TELLALICE"]
    assert texts(read(exchange(method="QUERY")), "method") == []


def test_hashes_and_random_keys_stay_text():
    for text in (
        "d41d8cd98f00b204e9800998ecf8427e",
        "Zm9v" * 3,
        "wJalrXUtnFEMIK7MDENGbPxRfiCYzzzzzzzzzzzz",
    ):
        assert text in texts(read(exchange(json.dumps([text]).encode())))


# --- forms and multipart -------------------------------------------------------------------------


def test_form_names_values_and_nested_json_are_read():
    found = read(
        exchange(
            b"Odd+Name=x&prompt=a%20b&j=%7B%22k%22%3A%22v%22%7D",
            "application/x-www-form-urlencoded",
        )
    )
    assert {"Odd Name", "x", "a b", "v"} <= set(texts(found))


def test_a_form_that_is_encoded_twice_is_read_both_ways():
    body = b"p=secret%2B4111%2B1111%252C%2Bwords&q=1%2B1%253D2&r=a%252Cb&s=a%2Bb"
    said = texts(read(exchange(body, "application/x-www-form-urlencoded")))
    assert "secret 4111 1111, words" in said
    assert "secret+4111+1111%2C+words" in said
    assert "1 1=2" in said
    assert "a b" not in said  # one layer, as far as anybody can tell


def test_form_that_is_also_json_is_read_both_ways():
    body = b'{"a": "%41lice"}'
    found = texts(read(exchange(body, "application/x-www-form-urlencoded")))
    assert any("%41lice" in text for text in found)
    assert any("Alice" in text for text in found)


def multipart_body(*parts: bytes) -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"


def test_multipart_names_headers_and_contents_are_read():
    body = multipart_body(
        b'Content-Disposition: form-data; name="odd name"; filename="C:\\plans\\x \xc3\xa9.png"\r\n'
        b"Content-Type: image/png\r\nX-Made-Up: thing\r\n\r\n" + PNG,
        b"Content-Disposition: form-data; name=prompt; filename*=UTF-8''%e2%82%ac.txt\r\n\r\nplain file",
        b'Content-Disposition: form-data; name="prompt"; color="red wine"\r\n\r\nwords',
        b'Content-Disposition: form-data; name="j"\r\nContent-Type: application/json\r\n\r\n{"k": "v"}',
        b'Content-Disposition: form-data; name="q"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=C3=A9',
    )
    found = read(exchange(body, "multipart/form-data; boundary=b"))
    assert {
        "odd name", "C:\\plans\\x é.png", "X-Made-Up", "thing", "€.txt", "words", "red wine", "color",
        "v", "café",
    } <= set(texts(found))  # fmt: skip
    assert [(item.filename, item.data) for item in blobs(found)] == [
        ("C:\\plans\\x é.png", PNG), ("€.txt", b"plain file"),
    ]  # fmt: skip
    assert found.unread == ()


def test_nested_multipart_is_read():
    inner = multipart_body(
        b"Content-Disposition: attachment; filename=x.txt\r\n\r\ninner words"
    ).replace(b"--b", b"--i")
    body = multipart_body(b"Content-Type: multipart/mixed; boundary=i\r\n\r\n" + inner)
    found = read(exchange(body, "multipart/form-data; boundary=b"))
    assert [item.data for item in blobs(found)] == [b"inner words"]


def test_a_transfer_encoding_that_servers_ignore_hides_nothing():
    body = multipart_body(
        b"Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\nplainwords"
    )
    found = read(exchange(body, "multipart/form-data; boundary=b"))
    assert "plainwords" in texts(found)


def test_entities_of_a_document_of_its_own_are_reported():
    body = b'<!DOCTYPE a [<!ENTITY x "wor"><!ENTITY y "ds">]><a>&x;&y;</a>'
    found = read(exchange(body, "application/xml"))
    assert [(item.reason, item.detail) for item in found.unread] == [
        (UnreadReason.UNKNOWN_TYPE, "dtd")
    ]


def test_an_xml_prolog_in_another_character_set_is_reported():
    body = b'<?xml version="1.0" encoding="utf-7"?><a>+AHcAbwByAGQAcw-</a>'
    assert reasons(read(exchange(body, "text/xml"))) == [UnreadReason.CHARSET]
    body = '<?xml version="1.0" encoding="iso-8859-1"?><a>é</a>'.encode("latin-1")
    found = read(exchange(body, "text/xml"))
    assert found.unread == ()
    assert "é" in texts(found)[0]


def test_a_plus_in_a_query_is_read_both_ways():
    found = texts(read(exchange(target="/?x=ab+cd", content_type=None)), "query")
    assert {"ab cd", "ab+cd"} <= set(found)


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Transfer-Encoding: x-uuencode\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Disposition: words; name=a\r\n",
        b"Content-Disposition: form-data; name*=x-odd''words\r\n",
    ],
)
def test_parts_in_an_unknown_form_are_reported(head):
    found = read(
        exchange(multipart_body(head + b"\r\nplain words!"), "multipart/form-data; boundary=b")
    )
    assert reasons(found)[0] in (UnreadReason.UNDECODABLE, UnreadReason.MALFORMED)
    assert any("plain words" in text for text in texts(found))


def test_json_files_are_read_as_json_and_reported_as_files():
    body = multipart_body(
        b'Content-Disposition: form-data; name="file"; filename="b.jsonl"\r\n\r\n{"a":"\\u0041da"}\n{"a":"x"}'
    )
    found = read(exchange(body, "multipart/form-data; boundary=b"))
    assert "Ada" in texts(found)
    assert "b.jsonl" in texts(found)
    assert [(item.media_type, item.size) for item in found.files] == [("application/json", 26)]


def test_a_notebook_is_a_file_of_its_own_whose_lines_are_read_together():
    notebook = b'{"cells": [{"source": ["card 4111 1111\\n", "1111 1111"]}], "nbformat": 4}'
    body = multipart_body(
        b'Content-Disposition: form-data; name="file"; filename="b.ipynb"\r\n\r\n' + notebook
    )
    found = read(exchange(body, "multipart/form-data; boundary=b"))
    assert [part.data for part in found.parts if isinstance(part, BlobPart)] == [notebook]


# --- request line, headers, WebSocket ------------------------------------------------------------


def test_headers_are_sorted_by_what_they_carry():
    headers = [
        (b"Authorization", b"Bearer abc"), (b"User-Agent", b"curl"), (b"X-Api-Key", b"k"), (b"Referer", b"u"),
        (b"X-Made-Up", b"\xe9t\xe9"), (b"Cookie", b"c"),
    ]  # fmt: skip
    found = {
        item.text: (item.kind, item.editable, item.locator.path)
        for item in read(exchange(headers=headers, content_type=None)).parts
        if isinstance(item, TextPart)
    }
    assert found["Bearer abc"] == (PartKind.CREDENTIAL, False, "header.authorization")
    assert found["curl"] == (PartKind.PROTOCOL_HEADER, False, "header.user-agent")
    assert found["u"] == (PartKind.HEADER, True, "header.referer")
    assert found["X-Made-Up"] == (PartKind.KEY, False, "header.*.name")
    assert found["été"] == (PartKind.HEADER, True, "header.*")


def test_query_values_are_decoded_and_credentials_known():
    request = exchange(target="/a%20b/c?q=x+y&KEY=abc&%41da=1&q=2&empty", content_type=None)
    found = [(item.text, item.kind) for item in read(request).parts if isinstance(item, TextPart)]
    assert found == [
        ("h.example", PartKind.PROTOCOL_HEADER),
        ("a b", PartKind.URL_PATH), ("c", PartKind.URL_PATH), ("x y", PartKind.QUERY), ("x+y", PartKind.QUERY),
        ("abc", PartKind.CREDENTIAL), ("Ada", PartKind.KEY), ("1", PartKind.QUERY), ("2", PartKind.QUERY),
        ("empty", PartKind.KEY),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("transport", "body", "want"),
    [
        (Transport.WEBSOCKET_TEXT, b'{"a": "words"}', "words"),
        (Transport.WEBSOCKET_TEXT, b"plain words", "plain words"),
        (Transport.WEBSOCKET_TEXT, b'{"a":"x"}\x1e{"a":"words"}\x1e', "words"),
        (Transport.WEBSOCKET_TEXT, b'42/chat,["e","words"]', "words"),
        (Transport.WEBSOCKET_BINARY, b'{"a": "words"}', "words"),
        (Transport.WEBSOCKET_BINARY, b"plain words", "plain words"),
    ],
)
def test_websocket_messages_are_read_without_the_upgrade(transport, body, want):
    found = read(exchange(body, transport=transport, target="/not?read=1"))
    assert want in texts(found, "")
    assert found.unread == ()
    assert all(item.locator.path.startswith("body") for item in found.parts)


def test_binary_websocket_messages_are_sniffed_or_unread():
    assert blobs(read(exchange(PNG, transport=Transport.WEBSOCKET_BINARY)))
    found = read(exchange(b"\x82\xa4words\xc3\0\x01", transport=Transport.WEBSOCKET_BINARY))
    assert reasons(found) == [UnreadReason.UNKNOWN_TYPE]


# --- limits and hostile bytes --------------------------------------------------------------------


def test_too_many_parts_are_reported_once():
    found = read(exchange(json.dumps(["x"] * 500).encode()), max_parts=100)
    assert len(found.parts) == 100
    assert reasons(found) == [UnreadReason.TOO_DEEP]


def test_too_many_values_are_reported():
    found = read(exchange(json.dumps([True] * 500).encode()), max_values=100)
    assert reasons(found) == [UnreadReason.TOO_DEEP]


pieces = st.sampled_from([
    b"{", b"}", b"[", b"]", b'"', b":", b",", b"\\", b"\\u00", b"\\ud800", b"a", b"data:", b";base64,",
    b"aGVsbG8gd29ybGQsIGhlbGxv", b"--b", b"--b--", b"\r\n", b"\n", b"%", b"%41", b"&", b"=", b"+", b"\0",
    b"\xff", b"\xc3\xa9", b"Content-Disposition: form-data; name=a", b"Content-Type: multipart/x; boundary=b",
    b"\r\nX-Odd: a\r\nX-Odd: b", b'; OdD="x"', b"\r\nContent-Transfer-Encoding: base64",
    b"--b\r\nContent-Disposition: form-data; name=q\r\n\r\nwords\r\n--b--", b"\x1e", b"42", b"1234567", b"\x1f\x8b\x08", b"=?base64?", b"?=", b" ",
])  # fmt: skip
TYPES = st.sampled_from([
    None, JSON, "text/plain", "multipart/form-data; boundary=b", "application/x-www-form-urlencoded",
    "text/html; charset=utf-16", "application/json; charset=big5", "image/png", "x", 'a/b; c="', "text/xml",
])  # fmt: skip


@settings(max_examples=examples(400), deadline=None)
@given(
    body=st.lists(pieces, max_size=25).map(b"".join) | st.binary(max_size=100),
    content_type=TYPES,
    encoding=st.sampled_from(["", "", "gzip", "br", "zstd, gzip", "odd"]),
    honest=st.booleans(),
    target=st.text('/?&=%41+é;{}"', max_size=12),
    headers=st.lists(
        st.tuples(st.binary(max_size=6), st.lists(pieces, max_size=4).map(b"".join)), max_size=2
    ),
    transport=st.sampled_from(Transport),
    protocol=st.sampled_from(["generic", "openai", "anthropic", "gemini"]),
)
def test_any_bytes_give_an_extraction_whose_texts_read_back_and_rewrite(
    *, body, content_type, encoding, honest, target, headers, transport, protocol
):
    if encoding and honest and encoding != "odd":
        body = content_encoding.encode(body, encoding)
    if encoding:
        headers = [*headers, (b"Content-Encoding", encoding.encode())]
    request = exchange(body, content_type, target=target, headers=headers, transport=transport)
    found = read(request, protocol, max_nested=3)
    edits = []
    for item in found.parts:
        assert (
            splice.read(request, item.locator)
            == (item.text if isinstance(item, TextPart) else item.data)
            if item.locator.steps
            else not item.editable
        )
        if isinstance(item, TextPart) and item.editable:
            edits.append(Edit(item.locator, 0, len(item.text), "X"))
    try:
        made = splice.apply(request, edits)
    except splice.CannotRewrite:
        return
    if not edits:
        assert (made.body, made.target) == (request.body, request.target)


secret_text = st.lists(
    st.sampled_from(
        ["SECRET", "a", '"', "\\", "\n", "é", "\U0001f600", "\ud800", " ", "{", "%41", "&amp;"]
    ),
    max_size=5,
).map("".join)
documents = st.recursive(
    secret_text | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(secret_text, inner, max_size=4)
    | st.dictionaries(secret_text, inner, min_size=1, max_size=2).map(json.dumps),
    max_leaves=12,
)  # fmt: skip


def redacted(value):
    """What a document is once each SECRET in a string or key is X, inside nested documents too."""
    match value:
        case dict():
            return [(redacted(key), redacted(item)) for key, item in value.items()]
        case list():
            return [redacted(item) for item in value]
        case str():
            if value[:1] == "{":
                try:
                    return redacted(json.loads(value))
                except ValueError:
                    pass
            return value.replace("SECRET", 'X"é')
        case _:
            return value


def as_pairs(value):
    match value:
        case dict():
            return [(as_pairs(key), as_pairs(item)) for key, item in value.items()]
        case list():
            return [as_pairs(item) for item in value]
        case str() if value[:1] == "{":
            try:
                return as_pairs(json.loads(value))
            except ValueError:
                return value
        case _:
            return value


@settings(max_examples=examples(200), deadline=None)
@given(
    document=documents, ascii_only=st.booleans(), encoding=st.sampled_from(["", "gzip", "br, zstd"])
)
def test_redacting_a_document_is_redacting_its_strings(*, document, ascii_only, encoding):
    text = json.dumps({"root": document}, ensure_ascii=ascii_only)
    try:
        body = content_encoding.encode(text.encode(), encoding)
    except UnicodeEncodeError:
        return  # a lone surrogate cannot leave unescaped
    headers = [(b"Content-Encoding", encoding.encode())] if encoding else []
    request = exchange(body, headers=headers)
    edits = [
        Edit(item.locator, match.start(), match.end(), 'X"é')
        for item in read(request).parts
        if isinstance(item, TextPart)
        for match in re.finditer("SECRET", item.text)
    ]
    made = splice.apply(request, edits)
    plain = content_encoding.decode(made.body, encoding, 1 << 20)
    assert as_pairs(json.loads(plain)) == [("root", redacted(document))]
    if not edits:
        assert made.body == body
