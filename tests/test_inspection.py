"""The whole story of one exchange, with the real stages and small policies."""

from __future__ import annotations

import base64
import dataclasses
import email.message
import email.policy
import hashlib
import importlib.util
import io
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import docx
import openpyxl
import pikepdf
import pytest
from corpus.files import medical
from corpus.files import metadata as planted
from PIL import Image, ImageDraw
from reportlab.pdfgen import canvas
from support import pdfs, unseen
from support.gateway import KEY, patterns

from gateway import bootstrap, content, inspection, refusals
from gateway.incidents.record import from_decision
from gateway.model import (
    Before,
    BlobPart,
    Exchange,
    Forward,
    Locator,
    PartKind,
    Refuse,
    Rewrite,
    UnreadReason,
    Verdict,
)
from gateway.proxy.recent import Recent
from gateway.redaction import Keys

SSN = "219-09-9876"
CARD = "4111 1111 1111 1111"


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    cache = patterns()

    def make(policy: str) -> inspection.Inspector:
        folder = tmp_path_factory.mktemp("policies")
        (folder / "policy.yaml").write_text(policy)
        rules = bootstrap.load_rules(folder)
        return bootstrap.build_inspector(
            bootstrap.plan(rules, key=KEY, cache=cache, max_decoded=1 << 20)
        )

    return make


@pytest.fixture(scope="module")
def watching(build):
    return build(
        "version: 1\nrules:\n"
        "  - {id: all, severity: low, when: {entity: [PERSON, CREDIT_CARD]}, action: log}\n"
    )


@pytest.fixture(scope="module")
def redacting(build):
    return build(
        """
version: 1
rules:
  - id: ids
    severity: high
    when: {entity: [US_SSN, CREDIT_CARD], min_confidence: 0.4}
    action: redact
  - id: unread
    severity: high
    when: {unread: any}
    action: block
    message: It could not be read.
"""
    )


def exchange(body: bytes, *, content_type: str = "application/json", **more) -> Exchange:
    values = {
        "id": "e1",
        "received_at": 1.0,
        "actor": "",
        "source_ip": "10.0.0.1",
        "method": "POST",
        "scheme": "https",
        "host": "api.openai.com",
        "port": 443,
        "target": "/v1/chat/completions",
        "headers": (
            (b"Content-Type", content_type.encode()),
            (b"Content-Length", str(len(body)).encode()),
        ),
        "body": body,
    }
    return Exchange(**(values | more))


def chat(text: str) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()


def test_clean_exchange_is_forwarded_and_not_remembered(redacting):
    decision = redacting.inspect(exchange(chat("What is the capital of France?")))
    assert isinstance(decision.enforcement, Forward)
    assert decision.incident == ""
    assert decision.inspected > 20
    assert set(decision.timings) >= {"extract", "detect", "evaluate", "total"}


def test_value_is_redacted_and_remembered_without_itself(redacting):
    decision = redacting.inspect(exchange(chat(f"My SSN is {SSN}.")))
    assert isinstance(decision.enforcement, Rewrite)
    sent = json.loads(decision.enforcement.body)["messages"][0]["content"]
    assert sent == "My SSN is [US_SSN]."
    assert decision.incident == "e1"
    assert decision.outcome.verdict is Verdict.REDACT
    (finding,) = [f for f in decision.scan.findings if f.entity == "US_SSN"]
    assert finding.fingerprint
    assert SSN not in repr(decision)
    headers = dict(decision.enforcement.headers)
    assert headers[b"Content-Length"] == str(len(decision.enforcement.body)).encode()


def test_redacted_exchange_comes_clean_out_of_a_second_inspection(redacting):
    """Law 7: what was redacted is not found again."""
    first = redacting.inspect(exchange(chat(f"SSN {SSN}, card {CARD}, again {SSN}")))
    assert isinstance(first.enforcement, Rewrite)
    again = redacting.inspect(exchange(first.enforcement.body, headers=first.enforcement.headers))
    assert isinstance(again.enforcement, Forward)
    assert "found" not in again.incident


def test_label_that_speaks_for_its_neighbour_takes_it_along(redacting):
    """The first round's `[US_SSN]` is context for a bare number, which then goes in the next."""
    decision = redacting.inspect(exchange(chat(f"SSN: {SSN} 219099876")))
    assert isinstance(decision.enforcement, Rewrite)
    assert b"219099876" not in decision.enforcement.body
    assert SSN.encode() not in decision.enforcement.body


def test_finding_where_nothing_can_be_rewritten_refuses(redacting):
    body = b'{"messages":[{"role":"tool","tool_call_id":"%s","content":"x"}]}' % SSN.encode()
    decision = redacting.inspect(exchange(body))
    assert isinstance(decision.enforcement, Refuse)
    assert decision.enforcement.cause == refusals.BLOCKED


def test_signed_request_is_refused_instead_of_broken(redacting):
    headers = (
        (b"content-type", b"application/json"),
        (b"authorization", b"AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host, Signature=y"),
        (b"x-amz-content-sha256", b"0" * 64),
    )
    decision = redacting.inspect(exchange(chat(f"SSN {SSN}"), headers=headers))
    assert isinstance(decision.enforcement, Refuse)
    assert SSN.encode() not in decision.enforcement.body


@pytest.mark.parametrize(
    ("body", "encoding", "reason"),
    [
        (b"\x1f\x8b\x00not gzip", b"gzip", UnreadReason.UNDECODABLE),
        (b"{}", b"unheard-of", UnreadReason.UNDECODABLE),
        (b'{"a": ', b"identity", UnreadReason.MALFORMED),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(redacting, body, encoding, reason):
    headers = ((b"content-type", b"application/json"), (b"content-encoding", encoding))
    decision = redacting.inspect(exchange(body, headers=headers))
    assert isinstance(decision.enforcement, Refuse)
    assert reason in {place.reason for place in decision.scan.unread}


def test_refusal_names_rule_and_incident_and_no_value(build):
    inspector = build(
        "version: 1\nrules:\n  - id: no-cards\n    severity: high\n"
        "    when: {entity: CREDIT_CARD}\n    action: block\n    message: No cards, please.\n"
    )
    decision = inspector.inspect(exchange(chat(f"card {CARD}")))
    assert isinstance(decision.enforcement, Refuse)
    error = json.loads(decision.enforcement.body)["error"]
    assert "no-cards" in error["message"]
    assert "e1" in error["message"]
    assert CARD not in decision.enforcement.body.decode()
    assert (b"x-should-retry", b"false") in decision.enforcement.headers


def test_browser_navigation_gets_a_page(build):
    inspector = build(
        "version: 1\nrules:\n  - id: closed\n    severity: high\n"
        "    when: {service: openai-api}\n    action: block\n"
    )
    headers = ((b"accept", b"text/html"), (b"sec-fetch-mode", b"navigate"))
    decision = inspector.inspect(exchange(b"", method="GET", headers=headers))
    assert isinstance(decision.enforcement, Refuse)
    assert decision.enforcement.body.lstrip().lower().startswith(b"<!doctype html")


def test_monitor_mode_changes_nothing_but_is_remembered(build):
    inspector = build(
        "version: 1\nrules:\n  - id: watch\n    severity: low\n    mode: monitor\n"
        "    when: {entity: CREDIT_CARD}\n    action: block\n"
    )
    decision = inspector.inspect(exchange(chat(f"card {CARD}")))
    assert isinstance(decision.enforcement, Forward)
    assert decision.outcome.verdict is Verdict.ALLOW
    assert decision.outcome.monitored is Verdict.BLOCK
    assert decision.incident == "e1"


def test_text_file_is_opened_and_redacted_in_place(redacting):
    body = (
        b'--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nassistants\r\n'
        b'--b\r\ncontent-disposition: form-data; name="file"; filename="people.csv"\r\n'
        b"content-type: text/csv\r\n\r\nname,ssn\r\nAda," + SSN.encode() + b"\r\n\r\n--b--\r\n"
    )
    decision = redacting.inspect(
        exchange(body, content_type="multipart/form-data; boundary=b", target="/v1/files")
    )
    assert isinstance(decision.enforcement, Rewrite)
    assert decision.enforcement.body == body.replace(SSN.encode(), b"[US_SSN]")
    assert [file.family for file in decision.scan.files] == ["text"]


def test_a_value_inside_a_document_is_found_and_taken_out(redacting):
    def upload(text):
        plain = io.BytesIO()
        with zipfile.ZipFile(plain, "w", zipfile.ZIP_DEFLATED) as package:
            runs = "".join(f"<w:r><w:t>{piece}</w:t></w:r>" for piece in text.split("|"))
            package.writestr("word/document.xml", f'<w:d xmlns:w="w"><w:p>{runs}</w:p></w:d>')
        body = (
            b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.docx"\r\n'
            b"content-type: application/octet-stream\r\n\r\n" + plain.getvalue() + b"\r\n--b--\r\n"
        )
        return redacting.inspect(
            exchange(body, content_type="multipart/form-data; boundary=b", target="/v1/files")
        )

    clean = upload("nothing| here")
    assert clean.scan.unread == ()
    assert isinstance(clean.enforcement, Forward)
    held = upload(f"number {SSN[:5]}|{SSN[5:]}")
    assert isinstance(held.enforcement, Rewrite)
    package = held.enforcement.body[held.enforcement.body.index(b"PK") :]
    with zipfile.ZipFile(io.BytesIO(package[: package.rindex(b"\r\n--b--")])) as sent:
        text = sent.read("word/document.xml").decode()
    assert text.count("<w:r>") == 2
    assert not any(digits in text for digits in SSN.split("-"))
    assert [finding.kind for finding in held.scan.findings] == [PartKind.FILE]
    assert held.scan.findings[0].locator.path.endswith("body[0].text[0]")


def test_method_that_was_made_up_is_not_remembered(redacting):
    made_up = f"POST{CARD.replace(' ', '')}"
    value = Exchange("e", 1.0, "", "", made_up, "https", "api.openai.com", 443, "/v1/x", (), b"")
    decision = redacting.inspect(value)
    assert isinstance(decision.enforcement, Refuse)
    assert decision.method == "*"
    assert refusals.fault(redacting.catalogue, value, "timeout").method == "*"


def test_host_is_read_where_no_header_names_it(redacting):
    """HTTP/2 has a pseudo-header for it, and catalogued hosts may have any label in front."""
    host = f"x-{CARD.replace(' ', '')}.api.openai.com"
    value = Exchange("e", 1.0, "", "", "GET", "https", host, 443, "/v1/models", (), b"")
    decision = redacting.inspect(value)
    assert isinstance(decision.enforcement, Refuse)
    assert decision.host == "*"
    assert decision.route.service == "openai-api"


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("julius.ai", True),  # somebody registered it: services are called like people
        ("JULIUS.ai.", True),
        ("anna-schmidt.com", True),
        ("anna-schmidt.example.com", False),
        ("julius.internal", False),
        ("anna-schmidt.blogspot.com", False),  # given away by whoever registered the domain
        (f"{CARD.replace(' ', '')}.com", False),
        (f"anna-schmidt-{CARD.replace(' ', '')}.com", False),
    ],
)
def test_names_of_people_are_content_before_what_is_registered(watching, host, told):
    value = Exchange("e", 1.0, "", "", "GET", "https", host, 443, "/v1/models", (), b"")
    assert watching.inspect(value).host == (host if told else "*")


@pytest.mark.parametrize(
    "hide",
    [
        lambda v: base64.b64encode(f"pay with {v} please".encode()).decode(),
        lambda v: "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in v),
    ],
    ids=["base64", "full-width"],
)
def test_a_disguised_value_is_redacted(redacting, hide):
    hidden = hide(CARD)
    decision = redacting.inspect(exchange(chat(f"My card: {hidden} ok")))
    assert isinstance(decision.enforcement, Rewrite)
    sent = json.loads(decision.enforcement.body)["messages"][0]["content"]
    assert sent == "My card: [CREDIT_CARD] ok"
    assert hidden not in repr(decision)
    assert CARD not in repr(decision)


def test_what_is_disguised_too_deep_is_unread(redacting):
    text = f"card {CARD}"
    for _ in range(4):
        text = base64.b64encode(text.encode()).decode()
    decision = redacting.inspect(exchange(chat(text)))
    assert isinstance(decision.enforcement, Refuse)
    assert [u.reason for u in decision.scan.unread] == [UnreadReason.DETECTOR_FAILED]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    rules = bootstrap.load_rules(Path(__file__).parents[1] / "policies")
    cache = patterns()
    return bootstrap.build_inspector(
        bootstrap.plan(rules, key=KEY, cache=cache, max_decoded=1 << 20)
    )


@pytest.mark.parametrize(
    "value", [SSN, CARD, "DE89 3704 0044 0532 0130 00", "AKIA" + "Q3EGRJ7TYWZ2MN5B"]
)
@pytest.mark.parametrize(
    "name",
    [
        "User-Agent",
        "Accept-Language",
        "Origin",
        "If-None-Match",
        "Content-Type",
    ],
)
def test_standard_headers_carry_nothing_out_under_the_shipped_policies(shipped, name, value):
    said = f'application/json; x="{value}"' if name == "Content-Type" else value
    headers = ((b"host", b"api.openai.com"), (name.encode(), said.encode()))
    if name != "Content-Type":
        headers += ((b"content-type", b"application/json"),)
    decision = shipped.inspect(exchange(chat("hello"), headers=headers))
    assert not isinstance(decision.enforcement, Forward)
    if isinstance(decision.enforcement, Rewrite):
        assert value not in repr(decision.enforcement.headers)


def test_own_key_of_a_realtime_client_in_a_browser_passes(shipped):
    key = "sk-" + "proj-" + "Ab3" * 24 + "T3Blbk" + "FJ" + "xY7" * 24
    headers = (
        (b"host", b"api.openai.com"),
        (b"sec-websocket-protocol", f"realtime, openai-insecure-api-key.{key}".encode()),
    )
    sent = exchange(b"", method="GET", target="/v1/realtime?model=m", headers=headers)
    assert isinstance(shipped.inspect(sent).enforcement, Forward)


def test_a_value_that_is_cut_over_parts_is_taken_out_of_both(redacting):
    halves = CARD[:9], CARD[9:]
    content = [
        {"type": "text", "text": f"my card is {halves[0]}"},
        {"type": "text", "text": f"{halves[1]} and that is all"},
    ]
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": content}]}).encode()
    decision = redacting.inspect(exchange(body))
    assert isinstance(decision.enforcement, Rewrite)
    for half in halves:
        assert half.strip().encode() not in decision.enforcement.body
    assert b"my card is [CREDIT_CARD]" in decision.enforcement.body
    assert b"[CREDIT_CARD] and that is all" in decision.enforcement.body
    prints = {f.fingerprint for f in decision.scan.findings if f.entity == "CREDIT_CARD"}
    assert len(decision.scan.findings) == 2
    assert len(prints) == 1  # one value, however many parts
    again = redacting.inspect(exchange(decision.enforcement.body))
    assert isinstance(again.enforcement, Forward)


# --- pictures ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cleaning(build):
    return build(
        """
version: 1
rules:
  - {id: ids, severity: high, action: redact, when: {entity: CREDIT_CARD, min_confidence: 0.4}}
  - {id: unread, severity: high, action: block, when: {unread: any}, message: It could not be read.}
  - id: places
    action: redact
    when: {file: {gps: true, uploaded: true}}
    clean: {metadata: strip}
  - id: faces
    action: redact
    when: {file: {faces: {at_least: 1}}}
    clean: {faces: fill}
"""
    )


def screenshot(words: str = f"my card is {CARD} thanks", form: str = "PNG") -> bytes:
    picture = Image.new("RGB", (760, 120), "white")
    ImageDraw.Draw(picture).text((20, 40), words, fill="black", font_size=28)
    out = io.BytesIO()
    picture.save(out, form)
    return out.getvalue()


def in_claude(data: bytes, media: str = "image/png") -> Exchange:
    source = {"type": "base64", "media_type": media, "data": base64.b64encode(data).decode()}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": content}]}
    return exchange(json.dumps(body).encode(), host="api.anthropic.com", target="/v1/messages")


def sent_to_claude(decision) -> bytes:
    body = json.loads(decision.enforcement.body)
    assert body["messages"][0]["content"][1]["text"] == "What is this?"
    return base64.b64decode(body["messages"][0]["content"][0]["source"]["data"])


def read_again(data: bytes) -> content.Opened:
    return content.open_blob(BlobPart(Locator("body"), data), max_bytes=1 << 22)


def test_text_in_a_picture_in_json_is_covered(cleaning):
    before = screenshot()
    decision = cleaning.inspect(in_claude(before))
    assert decision.outcome.verdict is Verdict.REDACT
    assert isinstance(decision.enforcement, Rewrite)
    after = sent_to_claude(decision)
    seen = read_again(after)
    assert seen.info.media_type == "image/png"
    assert "1111" not in "".join(part.text for part in seen.parts)
    assert "thanks" in "".join(part.text for part in seen.parts)


def test_framing_of_a_multipart_upload_stays_right(cleaning):
    before = screenshot(form="JPEG")
    head = (
        b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nMake it blue\r\n--b\r\n'
        b'Content-Disposition: form-data; name="image"; filename="a.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n"
    )
    tail = b"\r\n--b--\r\n"
    decision = cleaning.inspect(
        exchange(
            head + before + tail,
            content_type="multipart/form-data; boundary=b",
            target="/v1/images/edits",
        )
    )
    rewritten = decision.enforcement
    assert isinstance(rewritten, Rewrite)
    assert rewritten.body.startswith(head)
    assert rewritten.body.endswith(tail)
    after = rewritten.body[len(head) : -len(tail)]
    assert "1111" not in "".join(part.text for part in read_again(after).parts)
    lengths = [value for name, value in rewritten.headers if name.lower() == b"content-length"]
    assert lengths == [str(len(rewritten.body)).encode()]


def test_what_a_request_says_of_its_file_fits_the_new_one(cleaning):
    before = planted.jpeg()

    def form(data: bytes) -> bytes:
        fields = {"file_size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        parts = [
            f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        ]
        parts.append(
            '--b\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n'
            "Content-Type: image/jpeg\r\n\r\n"
        )
        return "".join(parts).encode() + data + b"\r\n--b--\r\n"

    sent = exchange(
        form(before),
        content_type="multipart/form-data; boundary=b",
        target="/v1/images/edits",
    )
    digest = base64.b64encode(hashlib.sha256(sent.body).digest())
    sent = dataclasses.replace(
        sent, headers=(*sent.headers, (b"content-digest", b"sha-256=:" + digest + b":"))
    )
    rewritten = cleaning.inspect(sent).enforcement
    assert isinstance(rewritten, Rewrite)
    after = file_in(rewritten.body.partition(b'name="image"')[2])
    assert "gps" not in read_again(after).info.facts
    assert rewritten.body == form(after)
    digest = base64.b64encode(hashlib.sha256(rewritten.body).digest())
    assert (b"content-digest", b"sha-256=:" + digest + b":") in rewritten.headers


def test_a_picture_that_its_signature_covers_is_refused_with_the_reason(cleaning):
    sent = exchange(planted.jpeg(), content_type="image/jpeg", method="PUT", target="/upload/a")
    sent = dataclasses.replace(sent, headers=(*sent.headers, (b"x-amz-content-sha256", b"0" * 64)))
    refused = cleaning.inspect(sent).enforcement
    assert isinstance(refused, Refuse)
    assert b"signs its body" in refused.body
    assert b"holds a file that says by whom, where" in refused.body
    assert b"was taken out" not in refused.body


def test_a_raw_picture_is_stripped_of_its_place(cleaning):
    before = planted.jpeg()
    decision = cleaning.inspect(
        exchange(before, content_type="image/jpeg", method="PUT", target="/upload/a")
    )
    assert isinstance(decision.enforcement, Rewrite)
    assert "gps" not in read_again(decision.enforcement.body).info.facts
    assert {hit.rule for hit in decision.outcome.hits} == {"places"}


@pytest.fixture(scope="module")
def bare(build):
    return build(
        """
version: 1
rules:
  - {id: ids, severity: high, action: redact, when: {entity: CREDIT_CARD, min_confidence: 0.4}}
  - id: documents
    action: redact
    when: {file: {family: [document, spreadsheet, presentation], uploaded: true}}
    clean: {metadata: strip, hidden: strip}
"""
    )


def test_a_document_leaves_without_who_made_it_and_what_it_does_not_show(bare):
    made = unseen.word()
    document = docx.Document(io.BytesIO(made.data))
    document.add_paragraph(f"The card is {CARD}.")
    out = io.BytesIO()
    document.save(out)
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    decision = bare.inspect(in_claude(out.getvalue(), kind))
    assert decision.outcome.verdict is Verdict.REDACT
    assert isinstance(decision.enforcement, Rewrite)
    after = sent_to_claude(decision)
    with zipfile.ZipFile(io.BytesIO(after)) as archive:
        held = b"".join(archive.read(name) for name in archive.namelist())
    assert not [word for word in (*made.unseen, *made.made_by, CARD) if word.encode() in held]
    assert all(word.encode() in held for word in (*made.shown, "[CREDIT_CARD]"))
    # There is nothing left to do, and the second look changes nothing.
    assert isinstance(bare.inspect(in_claude(after, kind)).enforcement, Forward)


def test_a_workbook_that_cannot_be_cleaned_soundly_is_refused_with_what_helps(bare):
    sent = in_claude(unseen.book(chart=True).data, "application/octet-stream")
    decision = bare.inspect(sent)
    assert isinstance(decision.enforcement, Refuse)
    said = decision.enforcement.body.decode()
    assert "something in a file that is not shown" in said
    assert "unhide them and send again" in said


def test_faces_are_filled_when_a_rule_says_so(cleaning):
    shipped = importlib.util.find_spec("skimage").submodule_search_locations[0]
    before = (Path(shipped) / "data/astronaut.png").read_bytes()
    decision = cleaning.inspect(in_claude(before))
    after = sent_to_claude(decision)
    assert "faces" not in read_again(after).info.facts


def test_a_picture_in_a_document_is_covered(cleaning):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("shot.png", screenshot())
        archive.writestr("note.txt", "nothing here")
    decision = cleaning.inspect(in_claude(out.getvalue(), "application/zip"))
    assert isinstance(decision.enforcement, Rewrite)
    seen = read_again(sent_to_claude(decision))
    assert "1111" not in "".join(part.text for part in seen.parts)


def test_a_picture_that_cannot_be_written_is_refused_with_the_reason(cleaning):
    icon = Image.new("RGB", (256, 64), "white")
    ImageDraw.Draw(icon).text((6, 20), f"card {CARD}", fill="black", font_size=18)
    out = io.BytesIO()
    icon.save(out, "ICO", sizes=[icon.size])
    decision = cleaning.inspect(in_claude(out.getvalue(), "image/x-icon"))
    assert isinstance(decision.enforcement, Refuse)
    assert "holds CREDIT_CARD" in decision.outcome.message
    assert "send a PNG or JPEG" in decision.outcome.message


def in_form(data: bytes, name: str = "file.bin") -> Exchange:
    """`data` as one uploads a file to OpenAI."""
    head = (
        f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    return exchange(
        head + data + b"\r\n--b--\r\n",
        content_type="multipart/form-data; boundary=b",
        target="/v1/files",
    )


def file_in(body: bytes) -> bytes:
    return body.partition(b"\r\n\r\n")[2].rpartition(b"\r\n--b--")[0]


@pytest.mark.parametrize("packed", [False, True])
def test_a_medical_picture_goes_out_de_identified_under_the_shipped_policies(shipped, packed):
    data = medical.made(burned=True)
    if packed:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("1.dcm", data)
        data = out.getvalue()
    decision = shipped.inspect(in_form(data))
    assert isinstance(decision.enforcement, Rewrite)
    assert "medical-pictures-identified" in {hit.rule for hit in decision.outcome.hits}
    after = file_in(decision.enforcement.body)
    said = "\n".join(part.text for part in read_again(after).parts)
    assert [word for word in medical.PLANTED if word in said or word.encode() in after] == []
    assert "identified" not in read_again(after).info.facts
    # What went out is let out again, as it is.
    assert isinstance(shipped.inspect(in_form(after)).enforcement, Forward)


def test_a_medical_picture_with_a_document_is_refused_with_the_reason(shipped):
    decision = shipped.inspect(in_form(medical.made(document=b"%PDF-1.4 x")))
    assert isinstance(decision.enforcement, Refuse)


def test_a_finding_in_a_medical_header_de_identifies_it(build):
    inspector = build(
        "version: 1\nrules:\n  - {id: m, action: redact, when: {entity: EMAIL_ADDRESS}}\n"
    )
    data = medical.made(comment="ask anna.eriksson@clinic.example.org")
    decision = inspector.inspect(in_form(data))
    assert isinstance(decision.enforcement, Rewrite)
    after = file_in(decision.enforcement.body)
    assert not any(word.encode() in after for word in ("PLANTED", "eriksson"))


def test_the_companys_own_picture_is_marked_and_that_is_on_record(tmp_path):
    picture = Image.effect_noise((400, 300), 90).resize((800, 600)).convert("RGB")
    (tmp_path / "ours").mkdir()
    picture.save(tmp_path / "ours" / "product-x.png")
    text, count, _ = bootstrap.register_of(tmp_path / "ours")
    assert count == 1
    (tmp_path / "register").write_text(text)
    rules = bootstrap.load_rules(Path(__file__).parents[1] / "policies")
    looking = content.PictureSettings(register=tmp_path / "register", ocr=False, faces=False)
    inspector = bootstrap.build_inspector(
        bootstrap.plan(rules, key=KEY, cache=patterns(), max_decoded=1 << 22, looking=looking)
    )
    out = io.BytesIO()
    picture.resize((640, 480)).save(out, "JPEG", quality=80)
    decision = inspector.inspect(in_claude(out.getvalue(), "image/jpeg"))
    after = sent_to_claude(decision)
    assert read_again(after).info.facts["no_training"] is True
    record = from_decision(decision)
    assert record.enforcement == "rewrite"
    assert "own-pictures-marked" in {rule.rule for rule in record.rules}
    assert isinstance(inspector.inspect(in_claude(after, "image/jpeg")).enforcement, Forward)


@pytest.fixture(scope="module")
def counting(build):
    return build(
        """
version: 1
rules:
  - id: portraits
    action: block
    when: {history: {face_pictures: {at_least: 3}, within: 1 h}}
  - id: filled
    action: redact
    when: {host: api.anthropic.com, file: {faces: {at_least: 1}}}
    clean: {faces: fill}
"""
    )


def portraits(count: int) -> list[bytes]:
    """Different pictures of one face."""
    shipped = importlib.util.find_spec("skimage").submodule_search_locations[0]
    picture = Image.open(Path(shipped) / "data/astronaut.png").convert("RGB").resize((256, 256))
    made = []
    for number in range(count):
        out = io.BytesIO()
        picture.crop((0, 0, 256, 250 - number)).save(out, "JPEG", quality=90)
        made.append(out.getvalue())
    return made


def packed(pictures: list[bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number, picture in enumerate(pictures):
            archive.writestr(f"{number}.jpg", picture)
    return out.getvalue()


def test_portraits_of_one_request_are_counted(counting):
    decision = counting.inspect(in_form(packed(portraits(3))))
    assert isinstance(decision.enforcement, Refuse)
    assert len(decision.scan.portraits) == 3
    assert isinstance(counting.inspect(in_form(packed(portraits(2)))).enforcement, Forward)


def test_portraits_are_counted_with_those_that_went_before(counting):
    first, second, third = portraits(3)
    recent = Recent()

    def send(data: bytes):
        sent = in_form(data)
        decision = counting.inspect(dataclasses.replace(sent, history=recent.before(sent)))
        recent.note(decision)
        return decision.enforcement

    assert isinstance(send(first), Forward)
    assert isinstance(send(second), Forward)
    assert isinstance(send(first), Forward)  # the same picture again
    assert isinstance(send(third), Refuse)
    assert isinstance(send(second), Forward)  # what was refused was not sent
    assert isinstance(send(b"words"), Forward)


def test_a_portrait_that_was_filled_is_none_any_more(counting):
    decision = counting.inspect(in_claude(portraits(1)[0], "image/jpeg"))
    assert isinstance(decision.enforcement, Rewrite)
    assert decision.scan.portraits == ()


def test_a_picture_without_anything_goes_out_as_it_came(cleaning):
    decision = cleaning.inspect(in_claude(screenshot("hello there")))
    assert isinstance(decision.enforcement, Forward)


def test_nothing_of_a_picture_is_in_what_is_remembered(cleaning):
    decision = cleaning.inspect(in_claude(screenshot()))
    assert "4111" not in repr(decision)
    assert "1111 1111" not in str(decision.scan)


def document_with_values() -> bytes:
    made, out = docx.Document(), io.BytesIO()
    paragraph = made.add_paragraph("My card is ")
    paragraph.add_run(CARD[:9]).bold = True
    paragraph.add_run(CARD[9:])
    paragraph.add_run(" and it stays.")
    made.core_properties.comments = f"SSN: {SSN}"
    made.save(out)
    return out.getvalue()


def assert_document_is_clean(sent: bytes) -> None:
    document = docx.Document(io.BytesIO(sent))
    assert document.paragraphs[0].text == "My card is [CREDIT_CARD] and it stays."
    assert document.paragraphs[0].runs[1].bold
    assert SSN not in document.core_properties.comments


def test_values_in_a_document_are_replaced_in_a_multipart_body(redacting):
    head = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.docx"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n"
    )
    body = head + document_with_values() + b"\r\n--b--\r\n"
    decision = redacting.inspect(
        exchange(body, content_type="multipart/form-data; boundary=b", target="/v1/files")
    )
    assert isinstance(decision.enforcement, Rewrite), decision.outcome.message
    sent = decision.enforcement.body
    assert sent.startswith(head)
    assert_document_is_clean(sent[len(head) : -len(b"\r\n--b--\r\n")])


def test_values_in_a_document_are_replaced_in_base64(redacting):
    url = (
        "data:application/octet-stream;base64," + base64.b64encode(document_with_values()).decode()
    )
    part = {"type": "file", "file": {"filename": "a.docx", "file_data": url}}
    body = {"model": "m", "messages": [{"role": "user", "content": [part]}]}
    decision = redacting.inspect(exchange(json.dumps(body).encode()))
    assert isinstance(decision.enforcement, Rewrite), decision.outcome.message
    sent = json.loads(decision.enforcement.body)["messages"][0]["content"][0]["file"]["file_data"]
    assert_document_is_clean(base64.b64decode(sent.partition(",")[2]))


def in_upload(data: bytes, name: str) -> Exchange:
    head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return exchange(
        head.encode() + data + b"\r\n--b--\r\n",
        content_type="multipart/form-data; boundary=b",
        target="/v1/files",
    )


def page_with_values() -> bytes:
    return (
        f"<html><body><p>My <b>SSN</b> is <i>{SSN[:5]}</i>{SSN[5:]}</p>"
        f'<img alt="card &amp; {CARD}"></body></html>'
    ).encode()


def mail_with_values() -> bytes:
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message["From"], message["To"] = "a@example.org", "b@example.org"
    message["Subject"] = f"My SSN is {SSN}"
    message.set_content(f"My card is {CARD}.\n", cte="base64")
    message.add_alternative(page_with_values().decode(), "html", cte="quoted-printable")
    return message.as_bytes()


def archive_with_values() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", f"name,card\nAnn,{CARD}\n")
        archive.writestr("b.json", json.dumps({"card": CARD, "ssn": f"SSN {SSN}"}))
        archive.writestr("c.html", page_with_values())
        archive.writestr("d.eml", mail_with_values())
        archive.writestr("e.docx", document_with_values())
    return out.getvalue()


def notebook_with_values() -> bytes:
    cell = {"cell_type": "code", "source": ["x = 1\n", f"card = '{CARD}'\n"], "outputs": []}
    return json.dumps({"nbformat": 4, "metadata": {}, "cells": [cell]}).encode()


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("a.html", page_with_values),
        ("a.eml", mail_with_values),
        ("a.zip", archive_with_values),
        ("a.ipynb", notebook_with_values),
        ("a.json", lambda: json.dumps({"card": CARD}).encode()),
        ("a.csv", lambda: f"name,card\nAnn,{CARD}\n".encode("utf-16")),
    ],
)
def test_values_in_other_files_are_replaced(redacting, name, made):
    decision = redacting.inspect(in_upload(made(), name))
    assert isinstance(decision.enforcement, Rewrite), decision.outcome.message
    sent = decision.enforcement.body
    again = redacting.inspect(replace(in_upload(b"", name), body=sent))
    assert again.scan.findings == ()
    assert again.scan.unread == ()
    content = sent[sent.index(b"\r\n\r\n") + 4 : -len(b"\r\n--b--\r\n")]
    if name == "a.json":
        assert json.loads(content) == {"card": "[CREDIT_CARD]"}
    if name == "a.zip":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.read("a.csv") == b"name,card\nAnn,[CREDIT_CARD]\n"
            assert json.loads(archive.read("b.json"))["card"] == "[CREDIT_CARD]"
            assert_document_is_clean(archive.read("e.docx"))


def test_a_file_of_mails_with_words_before_it_loses_what_is_attached(redacting):
    box = b"\nFrom a@b\n" + mail_with_values()
    decision = redacting.inspect(in_upload(box, "a.mbox"))
    assert isinstance(decision.enforcement, Rewrite), decision.outcome.message
    sent = decision.enforcement.body
    sent = sent[sent.index(b"\nFrom a@b\n") + len(b"\nFrom a@b\n") :]
    read = email.message_from_bytes(sent, policy=email.policy.default)
    assert read["Subject"] == "My SSN is [US_SSN]"
    assert read.get_body(("plain",)).get_content().strip() == "My card is [CREDIT_CARD]."


@pytest.mark.parametrize("rows", ["plain", "parsed"])
def test_a_number_that_a_sheet_shows_as_an_identifier_is_taken_out(redacting, rows):
    book = openpyxl.Workbook()
    for row in range(1, 4):
        book.active.cell(row, 1, "row")
        cell = book.active.cell(row, 2, int(SSN.replace("-", "")) if row == 2 else row)
        cell.number_format = "000\\-00\\-0000"
    if rows == "parsed":
        book.active.column_dimensions["D"].hidden = True
    out = io.BytesIO()
    book.save(out)
    decision = redacting.inspect(in_upload(out.getvalue(), "a.xlsx"))
    assert isinstance(decision.enforcement, Rewrite), decision.outcome.message
    assert [one.entity for one in decision.scan.findings] == ["US_SSN"]
    sent = decision.enforcement.body
    after = openpyxl.load_workbook(io.BytesIO(sent[sent.index(b"PK") :])).active
    assert [after.cell(row, 2).value for row in range(1, 4)] == [1, "[US_SSN]", 3]
    with zipfile.ZipFile(io.BytesIO(sent[sent.index(b"PK") :])) as archive:
        assert SSN.replace("-", "").encode() not in b"".join(map(archive.read, archive.namelist()))


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize(
    ("code", "heading", "number"),
    [
        ('000\\-00\\-0000"1"', "SSN", SSN.replace("-", "")),  # a digit more
        ('000"no"00"no"0000', "SSN", SSN.replace("-", "")),
        ('00"/"00"."00000', "SSN", SSN.replace("-", "")),
        ("000\\-00\\-0000", "Card", CARD.replace(" ", "")),
    ],
)
def test_a_format_of_ones_own_hides_no_number(redacting, code, heading, number, plain):
    """What a sheet shows is read, but what it holds is what the service gets."""
    book = openpyxl.Workbook()
    book.active.append([heading])
    book.active.append([int(number)])
    book.active.cell(2, 1).number_format = code
    if not plain:
        book.active.column_dimensions["D"].hidden = True  # every cell goes through the parser
    out = io.BytesIO()
    book.save(out)
    decision = redacting.inspect(in_upload(out.getvalue(), "a.xlsx"))
    if isinstance(decision.enforcement, Rewrite):
        sent = decision.enforcement.body
        with zipfile.ZipFile(io.BytesIO(sent[sent.index(b"PK") :])) as archive:
            assert number.encode() not in b"".join(map(archive.read, archive.namelist()))
    else:
        assert isinstance(decision.enforcement, Refuse)


def pdf_with_values() -> bytes:
    content = (
        f"BT /F1 12 Tf 30 150 Td (My card is ) Tj ({CARD[:9]}) Tj ({CARD[9:]} and it stays.) Tj ET"
    )
    document = pdfs.drawn(content.encode())
    document.docinfo.Subject = f"SSN: {SSN}"
    document.attachments["notes.txt"] = f"SSN: {SSN} is here".encode()
    return pdfs.saved(document)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
@pytest.mark.parametrize(
    "made",
    [
        f"My SSN is {SSN}.".encode,
        page_with_values,
        archive_with_values,
        document_with_values,
        pdf_with_values,
    ],
    ids=["words", "page", "archive", "document", "pdf"],
)
def test_what_stands_behind_a_picture_goes_where_a_value_is_in_it(redacting, kind, made):
    out = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").save(out, kind)
    decision = redacting.inspect(in_upload(out.getvalue() + made(), "a.bin"))
    assert isinstance(decision.enforcement, Rewrite), decision.outcome.message
    sent = decision.enforcement.body
    sent = sent[sent.index(b"\r\n\r\n") + 4 : -len(b"\r\n--b--\r\n")]
    assert made()[-100:] not in sent
    before, after = (Image.open(io.BytesIO(data)) for data in (out.getvalue(), sent))
    assert before.tobytes() == after.tobytes()
    assert len(sent) <= len(out.getvalue())


def assert_pdf_is_clean(sent: bytes, folder: Path) -> None:
    assert "My card is [CREDIT_CARD] and it stays." in pdfs.page_words(sent)
    for said in pdfs.seen_by(sent, folder).values():
        assert not pdfs.finds(SSN, said)
        assert not pdfs.finds(CARD, said)


@pytest.mark.parametrize("kind", ["text/csv", "text/plain", "application/octet-stream"])
@pytest.mark.parametrize("codec", ["cp1251", "koi8-r", "shift_jis", "cp1252"])
def test_a_table_in_an_older_character_set_is_read_and_written_back_in_it(redacting, codec, kind):
    words = {"shift_jis": "田中様、お世話になっております", "cp1252": "Müller aus Köln mit Grüßen"}
    rows = f"{words.get(codec, 'Иван Смирнов из Москвы')};{CARD};2024\r\n" * 3
    head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: {kind}\r\n\r\n'
    body = head.encode() + rows.encode(codec) + b"\r\n--b--\r\n"
    decision = redacting.inspect(
        exchange(body, target="/v1/files", content_type="multipart/form-data; boundary=b")
    )
    assert decision.scan.unread == ()
    assert isinstance(decision.enforcement, Rewrite)
    assert decision.enforcement.body == body.replace(CARD.encode(), b"[CREDIT_CARD]")


def test_a_card_in_two_lines_of_a_table_cell_is_taken_out_of_a_pdf(redacting, tmp_path):
    out = io.BytesIO()
    page = canvas.Canvas(out)
    for y, words in (
        (700, ("Maria", "4111 1111", "paid by")),
        (688, ("", "1111 1111", "card")),
        (672, ("John", "none", "in cash")),
    ):
        for x, text in zip((60, 200, 320), words, strict=True):
            page.drawString(x, y, text)
    page.save()
    head = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n'
        b"Content-Type: application/pdf\r\n\r\n"
    )
    body = head + out.getvalue() + b"\r\n--b--\r\n"
    decision = redacting.inspect(
        exchange(body, target="/v1/files", content_type="multipart/form-data; boundary=b")
    )
    assert isinstance(decision.enforcement, Rewrite)
    sent = decision.enforcement.body[len(head) : -len(b"\r\n--b--\r\n")]
    for said in pdfs.seen_by(sent, tmp_path).values():
        assert not pdfs.finds("4111 1111", said)
        assert not pdfs.finds("1111 1111", said)
    words = pdfs.page_words(sent).split()
    assert sorted({"Maria", "paid", "by", "card", "John", "none", "in", "cash"} - set(words)) == []
    assert words.count("[CREDIT_CARD]") == 1


def test_values_in_a_pdf_are_taken_out_of_a_multipart_body(redacting, tmp_path):
    head = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n'
        b"Content-Type: application/pdf\r\n\r\n"
    )
    body = head + pdf_with_values() + b"\r\n--b--\r\n"
    decision = redacting.inspect(
        exchange(body, content_type="multipart/form-data; boundary=b", target="/v1/files")
    )
    assert isinstance(decision.enforcement, Rewrite), decision.outcome.message
    sent = decision.enforcement.body
    assert sent.startswith(head + b"%PDF-")
    assert_pdf_is_clean(sent[len(head) : -len(b"\r\n--b--\r\n")], tmp_path)


def test_values_in_a_pdf_are_taken_out_of_base64(redacting, tmp_path):
    url = "data:application/pdf;base64," + base64.b64encode(pdf_with_values()).decode()
    part = {"type": "file", "file": {"filename": "a.pdf", "file_data": url}}
    body = {"model": "m", "messages": [{"role": "user", "content": [part]}]}
    decision = redacting.inspect(exchange(json.dumps(body).encode()))
    assert isinstance(decision.enforcement, Rewrite), decision.outcome.message
    sent = json.loads(decision.enforcement.body)["messages"][0]["content"][0]["file"]["file_data"]
    assert_pdf_is_clean(base64.b64decode(sent.partition(",")[2]), tmp_path)


def among_words(data: bytes) -> str:
    """As a tool that shows a mail gives it."""
    return f"The attachment:\r\n\r\n{base64.encodebytes(data).decode()}\r\n--x--\r\nThat is all."


@pytest.mark.parametrize("made", [chat, str.encode], ids=["message", "text upload"])
def test_values_in_a_pdf_among_words_are_taken_out(redacting, tmp_path, made):
    sent = exchange(made(among_words(pdf_with_values())))
    if made is not chat:
        sent = in_upload(sent.body, "a.txt")
    decision = redacting.inspect(sent)
    assert isinstance(decision.enforcement, Rewrite), decision.outcome.message
    body = decision.enforcement.body
    if made is chat:
        body = json.loads(body)["messages"][0]["content"].encode()
    head, coded, _ = re.fullmatch(
        rb"(?s)(.*\r\n\r\n)((?:[\w+/]+=*\n)+)(\r\n--x--\r\nThat is all.*)", body
    ).groups()
    assert head.endswith(b"The attachment:\r\n\r\n")
    assert {len(line) for line in coded.splitlines()[:-1]} == {76}
    assert_pdf_is_clean(base64.b64decode(coded), tmp_path)


def test_values_in_a_document_among_words_are_replaced(redacting):
    decision = redacting.inspect(exchange(chat(among_words(document_with_values()))))
    assert isinstance(decision.enforcement, Rewrite), decision.outcome.message
    text = json.loads(decision.enforcement.body)["messages"][0]["content"]
    assert_document_is_clean(base64.b64decode(text.split("\r\n")[2]))


def test_an_archive_in_a_text_within_an_archive_is_opened(redacting):
    inner, outer = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.csv", f"name,card\nAnn,{CARD}\n")
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("a.txt", among_words(inner.getvalue()))
    decision = redacting.inspect(in_upload(outer.getvalue(), "a.zip"))
    assert isinstance(decision.enforcement, Rewrite), decision.outcome.message
    sent = decision.enforcement.body
    with zipfile.ZipFile(io.BytesIO(sent[sent.index(b"PK") :])) as archive:
        coded = archive.read("a.txt").split(b"\r\n")[2]
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(coded))) as archive:
        assert archive.read("a.csv") == b"name,card\nAnn,[CREDIT_CARD]\n"


def test_a_file_among_words_that_cannot_be_opened_is_unread(redacting):
    locked = pdfs.saved(pdfs.drawn(b""), encryption=pikepdf.Encryption(owner="o", user="u"))
    decision = redacting.inspect(exchange(chat(among_words(locked))))
    assert [one.reason for one in decision.scan.unread] == [UnreadReason.ENCRYPTED]
    assert isinstance(decision.enforcement, Refuse)


def test_values_in_a_pdf_in_an_archive_are_taken_out(redacting, tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.pdf", pdf_with_values())
        archive.writestr("b.txt", "other words")
    decision = redacting.inspect(
        exchange(out.getvalue(), content_type="application/zip", method="PUT", target="/upload/a")
    )
    assert isinstance(decision.enforcement, Rewrite), decision.outcome.message
    with zipfile.ZipFile(io.BytesIO(decision.enforcement.body)) as sent:
        assert sent.read("b.txt") == b"other words"
        assert_pdf_is_clean(sent.read("a.pdf"), tmp_path)


def test_a_signed_pdf_stops_with_the_reason(redacting):
    body = pdfs.signed(CARD)
    decision = redacting.inspect(
        exchange(body, content_type="application/pdf", method="PUT", target="/upload/a")
    )
    assert isinstance(decision.enforcement, Refuse)
    assert "a signed document cannot be changed" in decision.outcome.message


# --- uploads in pieces ---------------------------------------------------------------------------


def piece(data: bytes, before: Before | None, at: int) -> Exchange:
    headers = ((b"content-range", f"bytes {at}-{at + len(data) - 1}/*".encode()),)
    return exchange(data, method="PUT", target="/up", headers=headers, before=before)


def seen(decision) -> list[tuple[str, str]]:
    return [
        (finding.entity, finding.fingerprint)
        for finding in decision.scan.findings
        if finding.entity in {"US_SSN", "CREDIT_CARD"}
    ]


@pytest.mark.parametrize("value", [SSN, CARD])
def test_a_value_cut_between_two_pieces_is_found_wherever_it_is_cut(redacting, value):
    text = f"The social security number or card is {value}, as you asked.\n".encode()
    start = text.index(value.encode())
    whole = redacting.inspect(piece(text, Before(b""), 0))
    assert isinstance(whole.enforcement, Refuse)
    (mark,) = set(seen(whole))
    for cut in range(start + 1, start + len(value)):
        after = redacting.inspect(piece(text[cut:], Before(text[:cut]), cut))
        assert isinstance(after.enforcement, Refuse), cut
        assert mark in seen(after), cut
        assert value not in repr(after)


def test_a_value_that_has_left_is_not_found_again(redacting):
    """It was decided about with its own piece."""
    before = f"The social security number is {SSN}, as you asked. ".encode()
    after = redacting.inspect(piece(b"And the herons stand still.", Before(before), len(before)))
    assert isinstance(after.enforcement, Forward)
    assert not seen(after)


def test_a_value_within_a_piece_cannot_be_taken_out(redacting):
    decision = redacting.inspect(piece(f"My SSN is {SSN}.".encode(), Before(b"Dear all, "), 10))
    assert isinstance(decision.enforcement, Refuse)
    assert len(seen(decision)) == 1


def test_a_piece_of_which_nothing_is_known_is_decided_by_its_rule(redacting):
    decision = redacting.inspect(piece(b"some words", None, 10))
    assert [unread.reason for unread in decision.scan.unread] == [UnreadReason.PARTIAL]
    assert isinstance(decision.enforcement, Refuse)


def test_a_clean_piece_leaves_as_it_came(redacting):
    decision = redacting.inspect(piece(b"some words", Before(b"here are "), 9))
    assert isinstance(decision.enforcement, Forward)


# --- token ids -----------------------------------------------------------------------------------

TOKEN_IDS = [
    ("/v1/embeddings", {"model": "m", "input": [101, 2023, 2003]}),
    ("/v1/embeddings", {"model": "m", "input": [[101, 2023], [2003]]}),
    ("/v1/completions", {"model": "m", "prompt": [[101, 2023, 2003]]}),
]


@pytest.fixture(scope="module")
def shipped_rules():
    return (Path(__file__).parents[1] / "policies" / "00-default.yaml").read_text()


@pytest.mark.parametrize(("target", "body"), TOKEN_IDS)
def test_token_ids_are_refused_as_shipped(build, shipped_rules, target, body):
    decision = build(shipped_rules).inspect(exchange(json.dumps(body).encode(), target=target))
    assert isinstance(decision.enforcement, Refuse)
    assert [hit.rule for hit in decision.outcome.hits] == ["unread"]


def test_token_ids_go_out_where_a_policy_lets_them(build, shipped_rules):
    inspector = build(shipped_rules.replace("        - token_ids\n", ""))
    for target, body in TOKEN_IDS:
        decision = inspector.inspect(exchange(json.dumps(body).encode(), target=target))
        assert isinstance(decision.enforcement, Forward)
        assert {unread.reason for unread in decision.scan.unread} == {UnreadReason.TOKEN_IDS}


# --- tokens --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tokenising(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenising")
    (folder / "policy.yaml").write_text(
        """
version: 1
rules:
  - id: numbers
    severity: high
    when: {entity: [PHONE_NUMBER, IBAN_CODE], min_confidence: 0.4}
    action: tokenise
    redact: {PHONE_NUMBER: {operator: token, shape: similar}}
"""
    )
    cache = patterns()
    plan = bootstrap.plan(
        bootstrap.load_rules(folder),
        key=KEY,
        cache=cache,
        max_decoded=1 << 20,
        tokens=Keys({"k": KEY}),
    )
    return bootstrap.build_inspector(plan)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Call me on {} please", "+49 212 555 0123"),
        ("Call me on {} please", "+49 (212) 555-0123"),
        ("Pay to the account {}", "DE82 9999 1234 0000 5678 12"),
    ],
)
def test_a_number_in_which_a_stand_in_could_stand_does_not_leave(tokenising, text, value):
    """Part of each lies in a range that stand-ins come from."""
    decision = tokenising.inspect(exchange(chat(text.format(value))))
    assert isinstance(decision.enforcement, Rewrite)
    assert value[-9:] not in decision.enforcement.body.decode()
    assert [token.value for token in decision.enforcement.tokens] == [value]


def test_a_stand_in_beside_other_numbers_goes_out_once(tokenising):
    """The second look knows what the first one has put there, whatever stands around it."""
    decision = tokenising.inspect(exchange(chat("Log line 7 617 222 1234 8 of my phone")))
    assert isinstance(decision.enforcement, Rewrite)
    (token,) = decision.enforcement.tokens
    assert f"Log line 7 {token.token} 8" in decision.enforcement.body.decode()


# --- coaching --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def coaching(build):
    return build(
        """
version: 1
rules:
  - {id: value, when: {entity: CREDIT_CARD, min_confidence: 0.4}, action: coach}
  - {id: number, when: {entity: US_SSN, min_confidence: 0.4}, action: redact}
  - {id: picture, when: {has_files: true}, action: coach}
  - {id: locked, when: {unread: encrypted}, action: coach}
  - id: place
    when: {file: {gps: true, uploaded: true}}
    action: redact
    clean: {metadata: strip}
"""
    )


def granted(decision, sent):
    """The same exchange, once a reason was given for all that was hit."""
    asks = {ask for hit in decision.outcome.hits for ask in hit.asks}
    assert all(ask.item for ask in asks)
    return replace(sent, grants=frozenset(asks))


def test_what_was_justified_goes_on_and_other_rules_do_what_they_do(coaching):
    sent = exchange(chat(f"Card {CARD}, number {SSN}"))
    decision = coaching.inspect(sent)
    assert decision.outcome.verdict is Verdict.COACH
    assert (decision.enforcement.cause, decision.enforcement.status) == ("coach", 400)
    assert decision.incident
    assert CARD.encode() not in decision.enforcement.body
    again = coaching.inspect(granted(decision, sent))
    assert again.outcome.verdict is Verdict.REDACT
    assert CARD.encode() in again.enforcement.body
    assert SSN.encode() not in again.enforcement.body
    # The same value in other spelling and company is the same value.
    other = replace(granted(decision, sent), body=chat("It was 4111-1111-1111-1111, declined."))
    assert coaching.inspect(other).outcome.verdict is Verdict.LOG
    more = replace(other, body=chat(f"{CARD} and 5500 0055 5555 5559"))
    assert coaching.inspect(more).outcome.verdict is Verdict.COACH


def test_a_file_is_granted_as_it_is_also_where_another_rule_changes_it(coaching):
    sent = in_claude(planted.jpeg(), "image/jpeg")
    decision = coaching.inspect(sent)
    assert decision.outcome.verdict is Verdict.COACH
    again = coaching.inspect(granted(decision, sent))
    assert isinstance(again.enforcement, Rewrite), again.outcome.message
    changed = in_claude(planted.jpeg() + b"\0", "image/jpeg")
    assert coaching.inspect(
        replace(changed, grants=granted(decision, sent).grants)
    ).outcome.verdict is (Verdict.COACH)


def test_a_locked_file_is_granted_by_what_it_is(coaching):
    out = io.BytesIO()
    with pikepdf.new() as document:
        document.add_blank_page()
        document.save(out, encryption=pikepdf.Encryption(user="u", owner="o"))
    sent = in_claude(out.getvalue(), "application/pdf")
    decision = coaching.inspect(sent)
    asks = {ask.item for hit in decision.outcome.hits for ask in hit.asks}
    assert {item.partition(":")[0] for item in asks} == {"file", "unread"}
    assert all(item.rpartition(":")[2] for item in asks)
    assert coaching.inspect(granted(decision, sent)).outcome.verdict is Verdict.LOG


def test_a_table_that_came_as_text_is_granted_too(coaching):
    def upload(row):
        line = json.dumps(
            {"custom_id": "1", "body": {"messages": [{"role": "user", "content": row}]}}
        )
        body = (
            b"--b\r\ncontent-disposition: form-data; name=file; filename=a.jsonl\r\n"
            b"content-type: application/jsonl\r\n\r\n" + line.encode() + b"\r\n--b--\r\n"
        )
        kind = "multipart/form-data; boundary=b"
        return exchange(body, content_type=kind, target="/v1/files")

    sent = upload("first")
    decision = coaching.inspect(sent)
    assert decision.outcome.verdict is Verdict.COACH
    grants = granted(decision, sent).grants
    assert coaching.inspect(replace(sent, grants=grants)).outcome.verdict is Verdict.LOG
    assert (
        coaching.inspect(replace(upload("second"), grants=grants)).outcome.verdict is Verdict.COACH
    )
