"""Words in files of text: what is named is gone, and the source is otherwise as it was."""

from __future__ import annotations

import base64
import email
import email.message
import email.policy
import io
import json
import re
import zipfile

import pytest
from corpus.files import make
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.content import CannotRewrite, open_blob, textwrite, write_blob
from gateway.content.rewriting import TEXTS, Change
from gateway.model import BlobPart, Edit, Locator, Step

PLACE = Locator("body.file", (Step("body", 0, 0),))
NEW = '[GO<&>"NE]'
VALUE = "457-55-5462"


def opened(data):
    blob = BlobPart(PLACE, data)
    return blob, open_blob(blob, max_bytes=1 << 24)


def without(data, *values, new=NEW):
    """`data` with `values` replaced, wherever they were read."""
    blob, found = opened(data)
    pattern = "|".join(map(re.escape, values))
    texts = [part for part in found.parts if re.search(pattern, part.text)]
    assert texts
    assert all(part.editable for part in texts)
    edits = [
        Edit(part.locator, match.start(), match.end(), new)
        for part in texts
        for match in re.finditer(pattern, part.text)
    ]
    return write_blob(blob, found, edits, (), key=b"key")


def said(data):
    return "\n".join(part.text for part in opened(data)[1].parts)


def zipped(**entries):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


def page(body):
    return f"<!DOCTYPE html>\n<html><head><title>t</title></head><body>\n{body}</body></html>\n".encode()


def test_words_that_tags_cut_go_and_the_tags_stay():
    data = page("<p>call &lt;457-<b class='x'>55-\n</b>5462&gt; now &amp then</p><p>other</p>")
    after = without(data, "457-55-\n5462")
    assert after == data.replace(b"457-", b"[GO&lt;&amp;&gt;&quot;NE]").replace(
        b"55-\n", b""
    ).replace(b"5462", b"")


@pytest.mark.parametrize(
    "value",
    ["4111&nbsp;1111  1111\u00a01111", "4111<font>\r\n1111</font>&nbsp;<i> 1111</i> 1111"],
)
def test_what_is_shown_as_a_space_is_one(value):
    shown = re.sub(r"<[^>]*>", "", value)
    data = page(f"<p>a {value} b</p><p>other</p>")
    after = without(data, "4111 1111 1111 1111", "4111\n1111 1111 1111").decode()
    assert shown not in re.sub(r"<[^>]*>", "", after)
    assert "1111" not in after
    assert "<p>other</p>" in after


def test_words_in_entities_go():
    data = page("<p>a &#52;57-55-546&#x32; b <i>c</i></p>")
    assert without(data, VALUE) == page("<p>a [GO&lt;&amp;&gt;&quot;NE] b <i>c</i></p>")


def test_an_entity_without_its_end_is_read_as_browsers_read_it():
    data = page("<p>a &lt 457-55-5462 <i>c</i></p>")
    assert "457" not in said(without(data, VALUE))


def test_words_in_attributes_go_in_every_quoting():
    data = page("<img alt='x &amp; 457-55-5462'><a title=\"x &amp; 457-55-5462\" id=k>k</a>")
    after = without(data, VALUE)
    assert after.count(b"[GO&lt;&amp;&gt;&quot;NE]") == 2
    assert b"id=k" in after


def test_a_file_in_an_address_is_rewritten():
    inner = base64.b64encode(f"ssn {VALUE}".encode()).decode()
    after = without(page(f"<a href='data:text/plain;base64,{inner}'>x</a>"), VALUE)
    address = re.search(rb"base64,([^']*)'", after)[1]
    assert base64.b64decode(address) == f"ssn {NEW}".encode()


def mail(**parts):
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message["From"] = "Ann <a@example.com>"
    message["To"] = "b@example.com"
    message["Subject"] = f"Number {VALUE} \u00e9"
    message["X-Note"] = f"plain {VALUE}"
    message.set_content(f"My number is {VALUE}, M\u00fcller.\n", cte=parts.get("cte", "base64"))
    message.add_alternative(
        f"<html><body><p>My <b>number</b> is {VALUE}, M\u00fcller.</p></body></html>",
        "html",
        cte=parts.get("html", "quoted-printable"),
    )
    message.add_attachment(
        zipped(**{"list.csv": f"a,{VALUE}\n"}),
        maintype="application",
        subtype="zip",
        filename="list.zip",
    )
    inner = email.message.EmailMessage()
    inner["Subject"] = "inner"
    inner.set_content(f"forwarded {VALUE}", cte="base64")
    message.add_attachment(inner)
    return message.as_bytes()


@pytest.mark.parametrize("cte", ["7bit", "base64", "quoted-printable", "8bit"])
def test_a_mail_loses_the_value_everywhere_and_is_a_mail(cte):
    if cte == "7bit":
        data = mail(cte="base64").replace(b"Number ", b"Numbers ")
    else:
        data = mail(cte=cte, html=cte)
    after = without(data, VALUE, new="[US_SSN]")
    assert VALUE not in said(after)
    assert VALUE.encode() not in after
    seen = email.message_from_bytes(after, policy=email.policy.default)
    assert not [defect for part in seen.walk() for defect in part.defects]
    assert seen["subject"] in {"Number [US_SSN] \u00e9", "Numbers [US_SSN] \u00e9"}
    assert seen["x-note"] == "plain [US_SSN]"
    assert seen["from"] == "Ann <a@example.com>"
    assert seen.get_body(("plain",)).get_content().strip() == "My number is [US_SSN], M\u00fcller."
    assert "My <b>number</b> is [US_SSN], M\u00fcller." in seen.get_body(("html",)).get_content()
    (attached, forwarded) = list(seen.iter_attachments())
    with zipfile.ZipFile(io.BytesIO(attached.get_content())) as archive:
        assert archive.read("list.csv") == b"a,[US_SSN]\n"
    assert forwarded.get_content().get_content().strip() == "forwarded [US_SSN]"


def test_a_mail_of_plain_text_changes_at_the_value_only():
    data = (
        f"From: a@example.com\r\nTo: b@example.com\r\nSubject: x {VALUE}\r\n  y\r\n"
        f"MIME-Version: 1.0\r\n\r\nHello {VALUE}.\r\n.\r\n"
    ).encode()
    assert without(data, VALUE, new="[SSN]") == data.replace(VALUE.encode(), b"[SSN]")


def test_another_character_set_stays():
    data = (
        "From: a@example.com\nTo: b@example.com\nSubject: x\nMIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n"
        f"M=FCller {VALUE}\n"
    ).encode()
    after = email.message_from_bytes(without(data, VALUE, new="[SSN]"), policy=email.policy.default)
    assert after.get_content() == "M\u00fcller [SSN]\n"


def test_a_mail_of_one_byte_a_letter_stays_so():
    data = (
        f"From: J\u00f6rg <a@example.com>\r\nSubject: Gr\u00fc\u00dfe {VALUE}\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        f"Sch\u00f6ne Gr\u00fc\u00dfe {VALUE}\r\n"
    ).encode("latin-1")
    assert without(data, VALUE, new="[SSN]") == data.replace(VALUE.encode(), b"[SSN]")


@pytest.mark.parametrize("before", [b"", b"\n", b"the mails of a day\n"])
def test_a_file_of_mails_loses_the_value_in_each(before):
    start = b"From a@b Mon Jan  1 00:00:00 2026\n"
    box = before + b"\n".join(start + mail() for _ in range(3))
    after = without(box, VALUE, new="[US_SSN]")
    assert VALUE not in said(after)
    seen = [
        email.message_from_bytes(one, policy=email.policy.default)
        for one in after.removeprefix(before + start).split(b"\n" + start)
    ]
    bodies = [one.get_body(("plain",)).get_content().strip() for one in seen]
    assert bodies == ["My number is [US_SSN], M\u00fcller."] * 3


def test_what_a_mail_is_divided_by_does_not_change():
    head = "From: a@example.com\nTo: b@example.com\nMIME-Version: 1.0\n"
    body = f'Content-Type: multipart/mixed; boundary="{VALUE}"\n\n--{VALUE}\n\nx\n--{VALUE}--\n'
    with pytest.raises(CannotRewrite, match="depends on"):
        without((head + body).encode(), VALUE)


def test_a_signed_mail_is_refused():
    head = "From: a@example.com\nTo: b@example.com\nMIME-Version: 1.0\n"
    body = (
        f"Content-Type: multipart/signed; boundary=b\n\n--b\n\n{VALUE}\n--b\n"
        "Content-Type: application/pgp-signature\n\nabc\n--b--\n"
    )
    with pytest.raises(CannotRewrite, match="signed"):
        without((head + body).encode(), VALUE)


def test_json_stays_json():
    data = json.dumps(
        {"a": f"x {VALUE}", "n": 457555462, "l": [1, 457555462], "z": "\u00e9"}
    ).encode()
    after = json.loads(without(data, VALUE, "457555462"))
    assert after == {"a": f"x {NEW}", "n": NEW, "l": [1, NEW], "z": "\u00e9"}
    lines = b'{"a": 457555462}\n{"a": 5}\n'
    assert without(lines, "457555462", new="x") == b'{"a": "x"}\n{"a": 5}\n'


def test_a_notebook_loses_what_lies_across_its_lines():
    source = ["x = 1\n", "ssn = '457-\n", "55-5462'\n"]
    book = {"nbformat": 4, "metadata": {"k": VALUE}, "cells": [{"source": source, "n": [1, "a"]}]}
    after = json.loads(without(json.dumps(book, indent=1).encode(), "457-\n55-5462", VALUE))
    assert after["cells"][0]["source"] == ["x = 1\n", f"ssn = '{NEW}", "'\n"]
    assert after["metadata"] == {"k": NEW}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_in_an_archive_is_rewritten_in_its_encoding(encoding):
    text = f"name,number\nM\u00fcller,{VALUE}\n".encode(encoding)
    data = zipped(
        **{
            "a.csv": text,
            "b.html": page(f"<p>a <b>b</b> {VALUE}</p>"),
            "c.json": f'["{VALUE}"]',
            "d": b"x",
        }
    )
    after = without(data, VALUE, new="[SSN]")
    with zipfile.ZipFile(io.BytesIO(after)) as archive:
        assert archive.read("a.csv") == text.decode(encoding).replace(VALUE, "[SSN]").encode(
            encoding
        )
        assert archive.read("b.html") == page("<p>a <b>b</b> [SSN]</p>")
        assert json.loads(archive.read("c.json")) == ["[SSN]"]
        assert archive.read("d") == b"x"


@pytest.mark.parametrize("kind", ["html", "epub", "ipynb"])
def test_every_planted_value_is_taken_out(kind):
    data, places = make.made(kind)
    values = [value for place, value in places.items() if place != "output"]
    after = without(data, *values, new="gone")
    text = said(after)
    assert not [value for value in values if value in text]
    assert len(opened(after)[1].unread) == len(opened(data)[1].unread)


def test_a_file_in_an_output_of_a_notebook_is_refused():
    data, places = make.made("ipynb")
    with pytest.raises(CannotRewrite, match="inside"):
        without(data, places["output"])


def test_every_planted_value_of_a_mail_but_a_name_is_taken_out():
    data, places = make.made("eml")
    values = [value for place, value in places.items() if not place.startswith("name")]
    text = said(without(data, *values, new="gone"))
    assert not [value for value in values if value in text]


@given(st.text(), st.sampled_from(sorted(TEXTS)), st.data())
@settings(max_examples=examples(300), deadline=None)
def test_any_source_is_rewritten_or_refused(source, kind, data):
    raw = source.encode("utf-8", "replace")
    place = data.draw(
        st.sampled_from(["", "body", "hidden[0]", "part[0]", "part[0].header", "value[0]"])
    )
    start = data.draw(st.integers(0, 20))
    change = Change(place, start, start + data.draw(st.integers(1, 9)), "new", source)
    try:
        after = textwrite.rewritten(raw, kind, [change], lambda content, _: content)
    except CannotRewrite:
        return
    assert isinstance(after, bytes)


TAGS = st.sampled_from(
    ["<p>", "<b>", "</b>", "<td>", "&amp;", " \n ", "a", "b c", "<!-- c -->", "<br>", "&#52;"]
)


@given(st.lists(TAGS, max_size=12), st.lists(TAGS, max_size=12))
@settings(max_examples=examples(30), deadline=None)
def test_what_is_joined_is_found_again_in_any_page(before, after):
    source = "<html><body>" + "".join(before) + "45<i>67</i>89" + "".join(after)
    blob, found = opened(source.encode())
    parts = [part for part in found.parts if "456789" in part.text]
    edits = [
        Edit(part.locator, (at := part.text.index("456789")), at + 6, "gone") for part in parts
    ]
    written = write_blob(blob, found, edits, (), key=b"key").decode()
    assert written == source.replace("45<i>67</i>89", "gone<i></i>")
