"""Pictures as people send them, through the gateway with the shipped policies: what arrived?

With `LEAKGATE_SHOW` naming a folder, what was sent and what arrived is left there to look at.
"""

from __future__ import annotations

import base64
import email
import email.policy
import importlib.util
import io
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from corpus.files import metadata as planted
from corpus.files import pictures as drawn
from PIL import Image, ImageDraw
from support.gateway import GatewayProcess
from support.upstream import Upstream

from gateway.content import open_blob
from gateway.model import BlobPart, Locator

anthropic = pytest.importorskip("anthropic")
openai = pytest.importorskip("openai")

ROOT = Path(__file__).parents[2]
AVATARS = "www.headshotpro.com"


OWN = """\
version: 1
rules:
  - id: no-faces
    when: {host: api.anthropic.com, file: {faces: {at_least: 1}}}
    action: redact
    clean: {faces: fill}
  - id: sets
    when: {host: api.openai.com, history: {face_pictures: {at_least: 5}, within: 1 h}}
    action: block
    message: Many portraits went there lately.
"""


class Shipped:
    """A gateway with the shipped policies and `OWN`, and one server behind it that stands for all services."""

    def __init__(self, folder, tls):
        self.upstream = Upstream(tls[0], http2=True)
        self.upstream.__enter__()
        hosts = ["api.openai.com", "api.anthropic.com", AVATARS]
        policies = folder / "policies"
        shutil.copytree(ROOT / "policies", policies)
        (policies / "90-own.yaml").write_text(OWN)
        self.gateway = GatewayProcess(
            folder,
            policies=policies,
            upstreams=dict.fromkeys(hosts, self.upstream.url),
            trusted_ca=tls[1],
        )
        try:
            self.gateway.start()
        except BaseException:
            self.upstream.__exit__()
            raise

    def close(self):
        try:
            self.gateway.stop()
        finally:
            self.upstream.__exit__()


@pytest.fixture(scope="module")
def shipped(tmp_path_factory, tls):
    place = Shipped(tmp_path_factory.mktemp("shipped"), tls)
    yield place
    place.close()


@pytest.fixture(autouse=True)
def fresh(shipped):
    shipped.upstream.seen.clear()


@pytest.fixture(scope="module")
def through(shipped):
    """SDK clients behind the gateway, by environment alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HTTPS_PROXY", shipped.gateway.url)
        patch.setenv("SSL_CERT_FILE", str(shipped.gateway.ca))
        clients = openai.OpenAI(api_key="none"), anthropic.Anthropic(api_key="none")
    yield clients
    for client in clients:
        client.close()


def screenshot(ssn: str) -> bytes:
    """A chat window in which somebody gives their number."""
    picture = Image.new("RGB", (720, 300), (246, 247, 250))
    draw, font = ImageDraw.Draw(picture), drawn.font("DejaVuSans", 20)
    lines = (
        (20, "HR: which number shall we use?", "white"),
        (100, f"My social security number is {ssn}.", (214, 236, 255)),
        (180, "HR: thanks, the contract comes on Monday.", "white"),
    )
    for top, words, back in lines:
        width = int(draw.textlength(words, font=font))
        draw.rounded_rectangle((24, top, 24 + width + 32, top + 56), 12, fill=back)
        draw.text((40, top + 16), words, font=font, fill=(20, 24, 32))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def portrait() -> bytes:
    found = importlib.util.find_spec("skimage").submodule_search_locations[0]
    return (Path(found) / "data/astronaut.png").read_bytes()


def words(data: bytes) -> str:
    opened = open_blob(BlobPart(Locator("body"), data), max_bytes=1 << 24)
    return "\n".join(part.text for part in opened.parts)


def facts(data: bytes) -> dict:
    return dict(open_blob(BlobPart(Locator("body"), data), max_bytes=1 << 24).info.facts)


def fields(seen) -> dict[str, bytes]:
    """The fields of a multipart body, by a reader that is not the gateway's."""
    head = f"Content-Type: {seen.header('content-type')}\r\n\r\n".encode()
    message = email.message_from_bytes(head + seen.body, policy=email.policy.HTTP)
    assert message.is_multipart()
    assert not message.defects
    return {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
        for part in message.iter_parts()
    }


def show(name: str, before: bytes, after: bytes) -> None:
    if folder := os.environ.get("LEAKGATE_SHOW"):
        for when, data in (("before", before), ("after", after)):
            Image.open(io.BytesIO(data)).save(Path(folder) / f"{name}-{when}.png", optimize=True)


def test_openai_image_edit_arrives_without_the_number(shipped, through, ssn):
    before = screenshot(ssn)
    assert ssn in words(before)
    through[0].images.edit(
        model="gpt-image-1",
        image=("shot.png", before, "image/png"),
        prompt="Make it friendlier",
    )
    (seen,) = shipped.upstream.seen
    assert int(seen.header("content-length")) == len(seen.body)
    arrived = fields(seen)
    assert arrived["prompt"] == b"Make it friendlier"
    after = arrived["image"]
    assert ssn not in words(after)
    assert ssn[:6] not in words(after)
    assert "My social security number is" in words(after)
    assert Image.open(io.BytesIO(after)).size == (720, 300)
    show("screenshot", before, after)


@pytest.mark.parametrize("form", ["jpeg", "heic"])
def test_openai_file_upload_arrives_without_the_place(shipped, through, form):
    before = planted.MAKERS[form]()
    assert facts(before)["gps"]
    through[0].files.create(file=(f"holiday.{form}", before, f"image/{form}"), purpose="vision")
    (seen,) = shipped.upstream.seen
    arrived = fields(seen)
    assert arrived["purpose"] == b"vision"
    assert not facts(arrived["file"]).keys() & {"gps", "camera", "rights", "hidden"}
    pixels = [
        np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        for data in (before, arrived["file"])
    ]
    assert np.array_equal(*pixels)


def picture_block(data: bytes):
    source = {"type": "base64", "media_type": "image/png"}
    return {"type": "image", "source": source | {"data": base64.b64encode(data).decode()}}


def ask(client, content):
    message = {"role": "user", "content": content}
    client.messages.create(max_tokens=5, model="claude-opus-4-8", messages=[message])


def test_faces_are_filled_where_a_rule_says_so(shipped, through):
    before = portrait()
    ask(through[1], [picture_block(before)])
    (seen,) = shipped.upstream.seen
    (block,) = json.loads(seen.body)["messages"][0]["content"]
    after = base64.b64decode(block["source"]["data"], validate=True)
    assert "faces" not in facts(after)
    assert Image.open(io.BytesIO(after)).size == (512, 512)
    show("portrait", before, after)


def test_anthropic_picture_in_a_message_arrives_without_the_number(shipped, through, ssn):
    before = screenshot(ssn)
    content = [picture_block(before), {"type": "text", "text": "Who is right?"}]
    for _ in range(2):  # each turn of a conversation sends it again
        ask(through[1], content)
    first, second = (
        json.loads(seen.body)["messages"][0]["content"] for seen in shipped.upstream.seen
    )
    assert first == second
    assert first[1] == content[1]
    after = base64.b64decode(first[0]["source"]["data"], validate=True)
    assert ssn[:6] not in words(after)
    assert "HR: thanks" in words(after)


def test_a_portrait_does_not_reach_an_avatar_service(shipped):
    done = curl(
        shipped, "-F", "photo=@-;type=image/png;filename=me.png", host=AVATARS, data=portrait()
    )
    assert done[0] >= 400
    assert b"face" in done[1]
    assert shipped.upstream.seen == []


def test_a_portrait_reaches_a_service_that_is_careful_as_it_was(shipped, through):
    before = portrait()
    through[0].images.edit(
        model="gpt-image-1", image=("me.png", before, "image/png"), prompt="A hat, please"
    )
    (seen,) = shipped.upstream.seen
    assert fields(seen)["image"] == before


def curl(shipped, *arguments, host="api.openai.com", path="/api/upload", data=b""):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    done = subprocess.run(
        [
            "curl",
            "-sS",
            "--proxy",
            shipped.gateway.url,
            "--cacert",
            str(shipped.gateway.ca),
            *arguments,
            "-w",
            "\n%{http_code}",
            f"https://{host}{path}",
        ],
        input=data,
        capture_output=True,
        timeout=60,
        check=True,
    )
    body, _, status = done.stdout.rpartition(b"\n")
    return int(status), body


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_curl_form_upload_arrives_without_the_place(shipped, version):
    before = planted.jpeg()
    form = "file=@-;type=image/jpeg;filename=a.jpg"
    code, _ = curl(
        shipped, version, "-F", "purpose=vision", "-F", form, path="/v1/files", data=before
    )
    assert code == 200
    (seen,) = shipped.upstream.seen
    assert "gps" not in facts(fields(seen)["file"])


def test_curl_raw_body_arrives_without_the_number(shipped, ssn):
    code, _ = curl(
        shipped,
        "-H",
        "content-type: image/png",
        "--data-binary",
        "@-",
        path="/v1/files",
        data=screenshot(ssn),
    )
    assert code == 200
    (seen,) = shipped.upstream.seen
    assert int(seen.header("content-length")) == len(seen.body)
    assert ssn[:6] not in words(seen.body)


def test_portraits_one_after_the_other_are_stopped(shipped):
    picture = Image.open(io.BytesIO(portrait())).convert("RGB")
    answers = []
    for number in range(6):
        out = io.BytesIO()
        picture.crop((0, 0, 512, 500 - number)).save(out, "JPEG", quality=90)
        form = "file=@-;type=image/jpeg;filename=a.jpg"
        answers.append(
            curl(shipped, "-F", "purpose=vision", "-F", form, path="/v1/files", data=out.getvalue())
        )
    # A test above may have sent one already.
    assert [code for code, _ in answers[:3]] == [200] * 3
    assert [code for code, _ in answers[-2:]] == [400] * 2
    assert b"Many portraits" in answers[-1][1]
    # No more faces now, but anything else.
    code, _ = curl(shipped, "-F", "file=@-;filename=a.txt", path="/v1/files", data=b"some words")
    assert code == 200


def test_nothing_of_the_pictures_is_left_with_the_gateway(shipped, ssn):
    assert ssn.encode() not in shipped.gateway.traces()
    assert b"contract comes on Monday" not in shipped.gateway.traces()
