"""Names: what looks like AI is found, what only holds its letters is not; both measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.services import Catalogue
from gateway.shadow import reasons, shapes
from gateway.shadow.names import Signs, document, shipped, signs_of_name

SIGNS = shipped()
ORDINARY = [
    host
    for line in Path(__file__).with_name("ordinary.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
    for host in line.split()
]


def suspected(host, signs=SIGNS):
    return signs.chance(signs.of_name(host)) >= signs.suspect_from


@pytest.mark.parametrize(
    "host",
    [
        "gpt.example.com", "chatgpt-mirror.example", "my-llm.example.net", "openllm.example", "ai.example.com",
        "ask-ai.example.org", "photoai.example", "aiwriter.example", "genai.corp.example", "shiny.ai",
        "api.shiny.ai", "copilot.example", "gpt4free.example", "llm-gateway.example", "inference.example.dev",
        "stablediffusion.example", "starryai.example", "claude-proxy.example", "DeepSeek-Chat.Example.", "chat.assistant.bot",
    ],
)  # fmt: skip
def test_what_is_called_like_ai_is_suspected(host):
    assert suspected(host)
    assert reasons.told(signs_of_name(host), SIGNS.chances)


@pytest.mark.parametrize(
    "host",
    [
        "mail.example.com", "paint.example", "air.example", "dubai.example", "chat.example.com", "example.com",
        "hellmann.example", "akamai.example", "hyundai.example", "sakurai.example", "192.0.2.7", "[2001:db8::1]", "", ".", "xn--ai-xyz.example", "localhost",
    ],
)  # fmt: skip
def test_letters_alone_are_no_sign(host):
    assert not suspected(host)


def test_ordinary_hosts_raise_few_false_alarms():
    assert len(ORDINARY) > 400
    known = Catalogue.load()
    wrong = [host for host in ORDINARY if suspected(host) and not known.knows(host)]
    assert len(wrong) / len(ORDINARY) < 0.005, wrong


def test_known_services_are_found_by_name_without_knowing_their_own():
    """Leave one out: of each service the brands are forgotten that are its own."""
    found, every = [], []
    for service in Catalogue.load().services():
        if service.category == "local":
            continue
        signs = Signs.of(document(), without=[service.id])
        hosts = [host.name.replace("*.", "www.", 1).replace("*", "x") for host in service.hosts]
        every.append(service.id)
        if any(suspected(host, signs) for host in hosts):
            found.append(service.id)
    assert len(found) / len(every) > 0.5, sorted(set(every) - set(found))


def test_brands_are_those_of_services_that_there_are():
    known = {service.id for service in Catalogue.load().services()}
    for name, brand in document().brands.items():
        assert known.issuperset(brand.of), name


def test_every_shape_has_a_chance_and_a_sentence():
    words = {name for name, _ in shapes._PATHS} | {name for name, _ in shapes._KEYS}
    words |= {"request:mcp", "answer:deltas", "answer:mcp"}
    assert words == set(document().shapes) == set(reasons._SHAPES)


def test_an_ending_is_told_as_one():
    assert reasons.told(signs_of_name("starryai.example"), SIGNS.chances) == (
        "its name ends with “ai”, as few other names do",
    )
    assert signs_of_name("photoai.example") == {"word:…ai"}


def test_a_certificate_of_many_hosts_says_nothing_of_one():
    assert SIGNS.of_certificate(["*.gpt.example"]) == {"cert:word:gpt"}
    assert SIGNS.of_certificate([f"gpt{number}.example" for number in range(11)]) == frozenset()
    assert reasons.told(["cert:word:gpt"], SIGNS.chances) == (
        "in its certificate, its name has “gpt” in it",
    )


@given(st.text(), st.lists(st.text(), max_size=12))
def test_no_name_fails(host, names):
    found = SIGNS.of_name(host) | SIGNS.of_certificate(names)
    assert 0 <= SIGNS.chance(found) <= 1
    assert all(len(sign) <= 64 for sign in found)
