from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.services.hosts import HostIndex, HostPattern, normalise


@pytest.mark.parametrize(
    "spelling",
    [
        "api.openai.com",
        "API.OPENAI.COM",
        "Api.OpenAI.com.",
        "api.openai.com...",
        " api.openai.com\t",
        "api.openai.com:443",
        "API.openai.com.:8443",
        "api.openai.com:",
        "api.openai.com：443",
        "api.openai.com:443.",
        "ａｐｉ.openai.com",
        "ＡＰＩ.ＯＰＥＮＡＩ.ＣＯＭ",
        "api。openai。com",
        "api．openai｡com。",
        "api.open\u00adai.com",
        "api.open\u200bai.com",
        "api.OPENA\u0131.com".replace("\u0131", "I"),
    ],
)
def test_a_host_has_one_spelling(spelling):
    assert normalise(spelling) == "api.openai.com"


def test_international_names_take_their_idna_form():
    assert normalise("Bücher.example") == "xn--bcher-kva.example"
    assert normalise("xn--BCHER-kva.example.") == "xn--bcher-kva.example"


@pytest.mark.parametrize("host", ["", ".", "...", "[::1]", "::1", "127.0.0.1", "a" * 300 + "é.com"])
def test_odd_hosts_are_no_error(host):
    assert normalise(normalise(host)) == normalise(host)


@given(st.text(max_size=80))
@settings(max_examples=examples(200), deadline=None)
def test_normalising_never_raises_and_settles(host):
    once = normalise(host)
    assert normalise(once) == once


def index(*patterns: str) -> HostIndex[str]:
    made: HostIndex[str] = HostIndex()
    for text in patterns:
        made.add(HostPattern.parse(text), text)
    return made


@pytest.mark.parametrize(
    ("pattern", "covered", "not_covered"),
    [
        ("api.x.com", ["api.x.com"], ["x.com", "a.api.x.com", "apiax.com"]),
        ("*.x.com", ["a.x.com", "a.b.x.com"], ["x.com", "ax.com", "x.com.evil.com"]),
        (
            "bedrock-runtime.*.amazonaws.com",
            ["bedrock-runtime.eu-west-1.amazonaws.com"],
            ["bedrock-runtime.amazonaws.com", "bedrock-runtime.a.b.amazonaws.com"],
        ),
        (
            "*-aiplatform.googleapis.com",
            ["us-central1-aiplatform.googleapis.com"],
            ["aiplatform.googleapis.com", "a.us-aiplatform.googleapis.com"],
        ),
        ("prod-*.pubsub.azure.com", ["prod-7.pubsub.azure.com"], ["prod-.pubsub.azure.com"]),
    ],
)
def test_patterns_cover_what_they_say(pattern, covered, not_covered):
    found = index(pattern)
    for host in covered:
        assert found.find(host) == pattern
        assert HostPattern.parse(pattern).covers(host)
    for host in not_covered:
        assert found.find(host) is None
        assert not HostPattern.parse(pattern).covers(host)


def test_the_most_specific_pattern_wins():
    found = index("*.x.com", "*.b.x.com", "a.b.x.com", "q-*.b.x.com")
    assert found.find("z.x.com") == "*.x.com"
    assert found.find("z.b.x.com") == "*.b.x.com"
    assert found.find("a.b.x.com") == "a.b.x.com"
    assert found.find("q-1.b.x.com") == "q-*.b.x.com"
    assert set(found) == {"*.x.com", "*.b.x.com", "a.b.x.com", "q-*.b.x.com"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("https://x.com", "is a URL"),
        ("X.com", "write `x.com`"),
        ("x.com.", "write `x.com`"),
        ("bücher.de", "xn--bcher-kva.de"),
        ("x.com:443", "port"),
        ("*.com", "too wide"),
        ("*", "too wide"),
        ("a.*", "too wide"),
        ("*.*.x.com", "mixes"),
        ("-x.com", "not a host name"),
        ("x..com", "not a host name"),
        ("", "not a host name"),
        ("x.com/a?b", "path prefix"),
        ("x.com/../y", "path prefix"),
    ],
)
def test_a_wrong_host_says_how_to_write_it(text, message):
    with pytest.raises(ValueError, match=message):
        HostPattern.parse(text)


def test_a_prefix_is_kept_apart():
    pattern = HostPattern.parse("x.com/Chat/")
    assert (pattern.name, pattern.prefix, pattern.text) == ("x.com", "/chat", "x.com/chat")
