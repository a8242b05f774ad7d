"""Files that come back: text gets its values, all others are the bytes that the service sent.

Law: no file is broken, no length is wrong, nothing waits for more than there is.
"""

from __future__ import annotations

import gzip
import io

import docx
import pytest
from support.clients import client
from support.gate import AI_HOST, GateThread, decision
from support.shelf import Shelf

from gateway.answers import Vault
from gateway.model import Forward, Restoring
from gateway.proxy.answering import Tokenising
from gateway.redaction import Keys, Minter

VALUE = "Marcus Pemberton"
KEYS = Keys({"k1": bytes(range(32))})
TOKEN = Minter(KEYS, {"actor": "a"}).mint(
    VALUE, "PERSON", shape="opaque", scope="actor", free=lambda _: True
)
URL = f"https://{AI_HOST}/v1/files/file-1/content"
SHEET = f"name,city\r\n{TOKEN},Ulm\r\n{TOKEN},Bonn\r\n".encode()
RESTORED = SHEET.replace(TOKEN.encode(), VALUE.encode())


@pytest.fixture(scope="module")
def proxy(tmp_path_factory, tls, service):
    with GateThread(
        tmp_path_factory.mktemp("gate"), upstreams={AI_HOST: service.url}, trusted_ca=tls[1]
    ) as running:

        async def inspect(exchange, _):
            return decision(exchange, running.catalogue, Forward())

        running.inspect = inspect
        running.gate.tokenising = Tokenising(
            KEYS, Shelf({TOKEN: VALUE}), Restoring(), Vault.of(["PERSON"], similar=False)
        )
        yield running


def answer(body, kind, *more, status="200 OK", length=None):
    lines = [f"HTTP/1.1 {status}", "connection: close", f"content-type: {kind}", *more]
    lines += [f"content-length: {len(body) if length is None else length}", 'etag: "e"']
    return ["\r\n".join([*lines, "", ""]).encode(), body]


def got(proxy, service, said, method="GET"):
    service.answer = lambda _: said
    with client(proxy) as one:
        return one.request(method, URL)


def letter():
    document = docx.Document()
    document.add_paragraph(f"Dear {TOKEN}")
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    "kind",
    [
        "text/csv",
        "text/plain; charset=utf-8",
        "application/octet-stream",
        "binary/octet-stream",
        "application/vnd.ms-excel",
        "application/yaml",
    ],
)
def test_a_file_of_text_comes_back_with_its_values(proxy, service, kind):
    response = got(proxy, service, answer(SHEET, kind))
    assert response.content == RESTORED
    assert response.headers["content-length"] == str(len(RESTORED))
    assert "etag" not in response.headers


def test_a_compressed_file_of_text_comes_back_with_its_values(proxy, service):
    for kind in ("text/csv", "application/octet-stream"):
        said = answer(gzip.compress(SHEET), kind, "content-encoding: gzip")
        response = got(proxy, service, said)
        assert response.content == RESTORED
        assert "content-encoding" not in response.headers


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (letter(), "application/octet-stream"),
        (letter(), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (b"%PDF-1.4\n" + SHEET, "application/octet-stream"),
        (b"\x08" + SHEET, "application/octet-stream"),
        (SHEET.decode().encode("utf-16"), "application/octet-stream"),
        (b"no token", "application/octet-stream"),
        (b"", "application/octet-stream"),
        (bytes(9 << 20), "application/octet-stream"),
    ],
    ids=["docx as bytes", "docx", "pdf", "counts", "utf-16", "without", "empty", "large"],
)
def test_all_other_files_are_as_they_were_sent(proxy, service, body, kind):
    response = got(proxy, service, answer(body, kind))
    assert response.content == body
    assert response.headers["content-length"] == str(len(body))
    assert response.headers["etag"] == '"e"'


def test_a_piece_of_a_file_is_as_it_was_sent(proxy, service):
    part = answer(
        SHEET[4:30], "text/csv", f"content-range: bytes 4-29/{len(SHEET)}", status="206 Partial"
    )
    response = got(proxy, service, part)
    assert (response.status_code, response.content) == (206, SHEET[4:30])


def test_an_answer_without_a_body_ends(proxy, service):
    unchanged = [b'HTTP/1.1 304 Not Modified\r\nconnection: close\r\netag: "e"\r\n\r\n']
    assert got(proxy, service, unchanged).status_code == 304
    head = got(proxy, service, answer(b"", "text/csv", length=len(SHEET)), "HEAD")
    assert head.status_code == 200
    assert "content-length" not in head.headers
    head = got(proxy, service, answer(b"", "image/png", length=99), "HEAD")
    assert head.headers["content-length"] == "99"
