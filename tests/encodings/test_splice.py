"""Do edits change exactly what they name, through every layer, and nothing around it?"""

import base64
import html
import json
import re
from urllib.parse import unquote, unquote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.encodings import content_encoding, splice
from gateway.encodings.splice import CODECS, CannotRewrite
from gateway.model import Edit, Exchange, Locator, Step

any_text = st.text(st.characters(exclude_categories=()), max_size=30)
clean_text = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)


def exchange(body: bytes = b"", headers=(), target: str = "/", trailers=()) -> Exchange:
    return Exchange(
        "x",
        0.0,
        "a",
        "192.0.2.1",
        "POST",
        "https",
        "h",
        443,
        target,
        tuple(headers),
        body,
        trailers,
    )


def body_steps(body: bytes, *steps: Step) -> Locator:
    return Locator("body", (Step("body", 0, len(body)), *steps))


def edited(text: str, edits: list[tuple[int, int, str]]) -> str:
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def some_edits(data, text: str, new) -> list[tuple[int, int, str]]:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    return [
        (start, end, data.draw(new))
        for start, end in zip(cuts[::2], cuts[1::2], strict=False)
        if start < end
    ]


# --- each codec ----------------------------------------------------------------------------------

json_piece = st.one_of(
    st.text(st.characters(exclude_characters='"\\', min_codepoint=32, exclude_categories=("Cs",)), max_size=4),
    st.sampled_from([r"\n", r"\"", r"\\", r"\/", r"\u0041", r"\ud83d\ude00", r"\uD83D", r"\ude00", r"\t"]),
)  # fmt: skip
form_piece = st.one_of(
    st.text("abcä+ =", max_size=4),
    st.sampled_from(
        ["%41", "%C3%A9", "%e2%82%ac", "%ff", "%F0%9F%98%80", "%", "%zz", "%c3", "%2B"]
    ),
)
xml_piece = st.one_of(
    st.text("ab<>/é", max_size=4),
    st.sampled_from(
        ["&amp;", "&#65;", "&#x1F600;", "&lt;", "&eacute;", "&", "&nope;", "&#0;", "&acE;"]
    ),
)


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(json_piece, max_size=10).map("".join), st.data())
def test_json_string_edits_are_exact_and_leave_other_escapes(raw, data):
    codec = CODECS["json-string"]
    text = codec.decode(raw, "")
    assert text == json.loads(f'"{raw}"')
    edits = some_edits(data, text, any_text)
    splices = codec.splice(raw, edits, "")
    result = edited(raw, splices)
    want = edited(text, edits)
    # A lone high surrogate before an edit may meet a lone low one after it; then they are a pair.
    assert json.loads(f'"{result}"').encode("utf-16-le", "surrogatepass") == want.encode(
        "utf-16-le", "surrogatepass"
    )


@settings(max_examples=examples(200), deadline=None)
@given(
    st.sampled_from(["percent", "form"]), st.lists(form_piece, max_size=10).map("".join), st.data()
)
def test_percent_edits_are_exact(name, raw, data):
    codec = CODECS[name]
    text = codec.decode(raw, "")
    reference = unquote_plus if name == "form" else unquote
    assert text == reference(raw, errors="surrogateescape")
    edits = some_edits(data, text, clean_text)
    splices = codec.splice(raw, edits, "")
    result = edited(raw, splices)
    # Bytes around a cut may form a character that was not one before, and a bare `%` before it an
    # escape; only whole ones are compared.
    assume("\udcc3" not in text)
    assume(not any(re.search("%[0-9a-fA-F]?$", raw[: splice[0]]) for splice in splices))
    assert codec.decode(result, "") == edited(text, edits)


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(xml_piece, max_size=10).map("".join), st.data())
def test_entity_edits_change_what_they_cover(raw, data):
    codec = CODECS["xml"]
    text = codec.decode(raw, "")
    edits = some_edits(data, text, st.just("<&>"))
    result = edited(raw, codec.splice(raw, edits, ""))
    if "&acE;" not in raw and "&" not in raw.replace("&amp;", "").replace("&lt;", ""):
        assert html.unescape(result) == edited(text, edits)
    for _, _, new in codec.splice(raw, edits, ""):
        assert new == "&lt;&amp;&gt;"


@settings(max_examples=examples(100), deadline=None)
@given(clean_text, st.data())
def test_utf8_edits_are_exact(text, data):
    raw = text.encode()
    edits = some_edits(data, text, clean_text)
    splices = CODECS["utf-8"].splice(raw, edits, "")
    out = raw
    for start, end, new in sorted(splices, reverse=True):
        out = out[:start] + new + out[end:]
    assert out.decode() == edited(text, edits)


@pytest.mark.parametrize(
    ("name", "raw", "word"),
    [
        ("json-string", r"\u00e9 plain \n\ud83d\ude00 " * 900, "Q"),
        ("percent", "%C3%A9 plain %F0%9F%98%80 % " * 900, "Q"),
        ("form", "%C3%A9+plain+%F0%9F%98%80+%+" * 900, "Q"),
        ("xml", "&eacute; plain &amp; & &#65; " * 900, "Q"),
        ("quoted", 'a \\" plain \\\\ \\x ' * 900, "Q"),
    ],
)
def test_edits_far_into_a_long_text_land_where_they_should(name, raw, word):
    codec = CODECS[name]
    text = codec.decode(raw, "")
    starts = [0, 1, 2, 150, 199, 200, 201, len(text) // 2, len(text) - 7, len(text) - 1]
    edits = [(start, start + 1, word) for start in starts]
    result = edited(raw, codec.splice(raw, edits, ""))
    assert codec.decode(result, "") == edited(text, edits)
    for start in range(0, len(text), 97):
        ((at, end, _),) = codec.splice(raw, [(start, start + 1, word)], "")
        assert codec.decode(raw[at:end], "") == text[start]
        assert len(codec.decode(raw[:at], "")) == start


@pytest.mark.parametrize("alphabet", ["std", "url", "url-bare", "lines"])
def test_base64_is_written_back_in_its_own_style(alphabet):
    data = b"\xfb\xff some bytes here??>"
    raw = {
        "std": base64.b64encode(data).decode(),
        "url": base64.urlsafe_b64encode(data).decode(),
        "url-bare": base64.urlsafe_b64encode(data).decode().rstrip("="),
        "lines": base64.encodebytes(data).decode(),
    }[alphabet]
    codec = CODECS["base64"]
    assert codec.decode(raw, "") == data
    ((start, end, new),) = codec.splice(raw, [(3, 7, b"MANY")], "")
    assert (start, end) == (0, len(raw))
    assert codec.decode(new, "") == data[:3] + b"MANY" + data[7:]
    assert isinstance(new, str)
    assert ("+" in new or "/" in new) == (alphabet in ("std", "lines"))


@pytest.mark.parametrize("raw", ["a", "ab!", "é" * 8, "====a", "ab\0d", "ab=c"])
def test_what_is_no_base64_is_none(raw):
    assert splice.decode_base64(raw) is None


@pytest.mark.parametrize(
    ("url", "media", "data"),
    [
        ("data:text/plain;base64,aGk=", "text/plain", b"hi"),
        ("DATA:;base64,aGk", "", b"hi"),
        ("data:,a%20b", "", b"a b"),
        ("data:text/html;charset=utf-8,%C3%A9", "text/html", "é".encode()),
        ("data:image/png;name=x;base64,aGk%3D", "image/png", b"hi"),
    ],
)
def test_data_urls_are_decoded_and_keep_their_head(url, media, data):
    assert splice.decode_data_url(url) == data
    assert splice.data_url(url)[0] == media
    ((_, _, new),) = CODECS["data-url"].splice(url, [(0, len(data), b"new?")], "")
    assert new.startswith(url.partition(",")[0] + ",")
    assert splice.decode_data_url(new) == b"new?"


# --- the engine ----------------------------------------------------------------------------------


@settings(max_examples=examples(100), deadline=None)
@given(
    st.lists(st.sampled_from(["json-string", "base64", "content-encoding", "percent"]), max_size=4),
    clean_text.filter(bool),
    st.data(),
)
def test_edits_pass_through_any_stack_of_layers(names, text, data):
    """Build a body from the inside out; each layer stands between other bytes that must stay."""
    value: str | bytes = text
    steps: list[Step] = []
    around: list[tuple[str, str | bytes, str | bytes]] = []
    for name in names:
        if name in ("base64", "content-encoding"):
            raw = value.encode() if isinstance(value, str) else value
            if isinstance(value, str):
                steps.insert(0, Step("utf-8", 0, len(raw)))
            if name == "base64":
                encoded: str | bytes = base64.b64encode(raw).decode()
                step = Step("base64", 4, 4 + len(encoded))
                value = f"<<<<{encoded}>>"
            else:
                encoded = content_encoding.encode(raw, "gzip")
                step = Step("content-encoding", 4, 4 + len(encoded), "gzip")
                value = b"<<<<" + encoded + b">>"
        else:
            inner = value if isinstance(value, str) else None
            if inner is None:
                inner = base64.b64encode(value).decode()
                steps.insert(0, Step("base64", 0, len(inner)))
            if name == "json-string":
                raw_text = json.dumps(inner)[1:-1]
            else:
                raw_text = "".join(f"%{byte:02X}" for byte in inner.encode())
            step = Step(name, 4, 4 + len(raw_text))
            value = f"<<<<{raw_text}>>"
        steps.insert(0, step)
        around.append((name, "<<<<", ">>"))
    body = value.encode() if isinstance(value, str) else value
    if isinstance(value, str):
        steps.insert(0, Step("utf-8", 0, len(body)))
    locator = body_steps(body, *steps)
    before = exchange(body, [(b"Content-Length", str(len(body)).encode())])
    assert splice.read(before, locator) == text
    edits = some_edits(data, text, clean_text)
    made = splice.apply(before, [Edit(locator, *edit) for edit in edits])
    if not edits:
        assert made.body == body
        return
    assert made.headers == ((b"Content-Length", str(len(made.body)).encode()),)
    if names:
        assert made.body.startswith(b"<<<<")
        assert made.body.endswith(b">>")
    # Read it back: every layer reaches from its start to two characters before the end.
    after: str | bytes = made.body
    for step in steps:
        whole = step.start == 0
        raw_slice = after if whole else after[4:-2]
        after = CODECS[step.codec].decode(raw_slice, step.param)
    assert after == edited(text, edits)


def test_many_edits_in_many_layers_in_one_call():
    arguments = json.dumps({"to": "ada@x.example", "n": 1})
    body = json.dumps({"a": "ada and bob", "args": arguments, "z": "é bob"}).encode()
    text = body.decode()

    def locate(raw: str, *more: Step) -> Locator:
        at = text.index(raw)
        return body_steps(
            body, Step("utf-8", 0, len(body)), Step("json-string", at, at + len(raw)), *more
        )

    raw_arguments = json.dumps(arguments)[1:-1]
    inner = arguments.index("ada@")
    made = splice.apply(
        exchange(body, [(b"x-note", b"call bob"), (b"content-length", b"1")], "/?q=b%6Fb+x", ((b"T", b"bob"),)),
        [
            Edit(locate("ada and bob"), 8, 11, '"B"'),
            Edit(locate("ada and bob"), 0, 3, "A"),
            Edit(locate(r"\u00e9 bob"), 2, 5, "☃"),
            Edit(
                locate(raw_arguments, Step("json", 0, len(arguments)), Step("json-string", inner, inner + 13)),
                0, 13, 'q"q',
            ),
            Edit(Locator("q", (Step("target", 0, 11), Step("form", 4, 11))), 0, 3, "B&b"),
            Edit(Locator("h", (Step("header", 0, 8, "0"), Step("utf-8", 0, 8))), 5, 8, "B"),
            Edit(Locator("t", (Step("trailer", 0, 3, "0"), Step("utf-8", 0, 3))), 0, 3, "B"),
        ],
    )  # fmt: skip
    assert json.loads(made.body) == {
        "a": 'A and "B"', "args": '{"to": "q\\"q", "n": 1}', "z": "é ☃",
    }  # fmt: skip
    assert rb'"z": "\u00e9 ' in made.body
    assert made.target == "/?q=B%26b+x"
    assert made.headers == (
        (b"x-note", b"call B"), (b"content-length", str(len(made.body)).encode()),
    )  # fmt: skip
    assert made.trailers == ((b"T", b"B"),)


def text_locator(body: bytes) -> Locator:
    return body_steps(body, Step("utf-8", 0, len(body)))


@pytest.mark.parametrize(
    "spans", [[(0, 3), (2, 5)], [(0, 5), (1, 2)], [(1, 3), (1, 3)], [(0, 99)], [(3, 2)]]
)
def test_overlapping_or_outlying_edits_are_refused(spans):
    body = b"some words"
    with pytest.raises(CannotRewrite):
        splice.apply(exchange(body), [Edit(text_locator(body), *span, "x") for span in spans])


def test_an_edit_that_covers_an_inner_layer_stands_and_crossing_it_is_refused():
    body = b"see aGVsbG8gd29ybGQ= now"
    inner = body_steps(
        body, Step("utf-8", 0, len(body)), Step("base64", 4, 20), Step("utf-8", 0, 11)
    )
    outer = text_locator(body)
    both = [Edit(inner, 0, 5, "HELLO"), Edit(outer, 0, 24, "all")]
    assert splice.apply(exchange(body), both).body == b"all"
    apart = [Edit(inner, 0, 5, "HELLO"), Edit(outer, 0, 3, "SEE")]
    assert splice.apply(exchange(body), apart).body == b"SEE SEVMTE8gd29ybGQ= now"
    with pytest.raises(CannotRewrite):
        splice.apply(exchange(body), [Edit(inner, 0, 5, "HELLO"), Edit(outer, 0, 6, "x")])


def test_a_blob_is_replaced_whole():
    body = b'{"image":"aGVsbG8gd29ybGQ="}'
    locator = body_steps(
        body, Step("utf-8", 0, len(body)), Step("json-string", 10, 26), Step("base64", 0, 16)
    )
    made = splice.apply(exchange(body), (), [(locator, b"other")])
    assert made.body == b'{"image":"b3RoZXI="}'


@pytest.mark.parametrize(
    ("headers", "target"),
    [
        ([(b"Authorization", b"AWS4-HMAC-SHA256 Credential=x")], "/"),
        ([(b"X-Amz-Content-Sha256", b"UNSIGNED-PAYLOAD")], "/"),
        ([(b"poe-tag-id", b"0")], "/"),
        ([(b"Signature-Input", b"sig1=()")], "/"),
        ([], "/k?X-Amz-Signature=0"),
    ],
)
def test_signed_requests_cannot_be_rewritten(headers, target):
    body = b"words"
    before = exchange(body, headers, target)
    with pytest.raises(CannotRewrite) as caught:
        splice.apply(before, [Edit(text_locator(body), 0, 1, "W")])
    assert caught.value.reason
    assert splice.apply(before, ()).body == body


def test_a_slice_of_an_upload_keeps_its_size():
    body = b"words"
    before = exchange(body, [(b"Content-Range", b"bytes 0-4/99")])
    with pytest.raises(CannotRewrite):
        splice.apply(before, [Edit(text_locator(body), 0, 1, "longer")])
    assert splice.apply(before, [Edit(text_locator(body), 0, 1, "W")]).body == b"Words"


def test_body_checksums_are_dropped_and_chunked_bodies_get_no_length():
    body = b"words"
    headers = [
        (b"Content-MD5", b"x"),
        (b"Digest", b"y"),
        (b"Transfer-Encoding", b"chunked"),
        (b"A", b"b"),
    ]
    before = exchange(body, headers, trailers=((b"Content-Digest", b"z"), (b"T", b"t")))
    made = splice.apply(before, [Edit(text_locator(body), 0, 1, "W")])
    assert made.headers == ((b"Transfer-Encoding", b"chunked"), (b"A", b"b"))
    assert made.trailers == ((b"T", b"t"),)


def test_headers_are_edited_alone_without_touching_the_body():
    before = exchange(
        b"words", [(b"X", b"secret"), (b"Content-MD5", b"m"), (b"Content-Length", b"5")]
    )
    locator = Locator("h", (Step("header", 0, 6, "0"), Step("latin-1", 0, 6)))
    made = splice.apply(before, [Edit(locator, 0, 6, "x")])
    assert made.headers == ((b"X", b"x"), (b"Content-MD5", b"m"), (b"Content-Length", b"5"))


@pytest.mark.parametrize(
    ("locator", "new"),
    [
        (Locator("h", (Step("header", 0, 1, "0"), Step("utf-8", 0, 1))), "a\r\nb: c"),
        (Locator("h", (Step("header", 0, 1, "1"), Step("utf-8", 0, 1))), "x"),
        (Locator("t", (Step("target", 0, 1),)), "/ HTTP/1.1\r\n"),
        (Locator("n"), "x"),
        (Locator("n", (Step("elsewhere", 0, 1),)), "x"),
        (Locator("n", (Step("body", 0, 5), Step("pdf", 0, 5))), "x"),
        (Locator("n", (Step("body", 0, 5), Step("json-string", 0, 5))), "x"),
        (Locator("n", (Step("body", 0, 5), Step("utf-8", 0, 5))), "x"),
        (Locator("n", (Step("body", 0, 5), Step("base64", 0, 5))), "x"),
        (Locator("n", (Step("body", 0, 5), Step("content-encoding", 0, 5, "gzip"))), "x"),
        (Locator("n", (Step("body", 0, 5),)), "x"),
    ],
)
def test_what_would_damage_the_request_is_refused_without_content(locator, new):
    before = exchange(b"\xff\xfe\xfd!!", [(b"X", b"v"), (b"Host", b"h")])
    with pytest.raises(CannotRewrite) as caught:
        splice.apply(before, [Edit(locator, 0, 1, new)])
    assert "\xff" not in str(caught.value)


def test_replacement_outside_the_character_set_does_not_fail():
    body = "naïve".encode("cp1252")
    locator = body_steps(body, Step("charset", 0, 5, "cp1252"))
    assert splice.apply(exchange(body), [Edit(locator, 0, 2, "☃")]).body == "?ïve".encode("cp1252")
