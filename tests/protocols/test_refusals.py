"""Does a refusal tell the person what they need, and nothing that could harm them?"""

from html.parser import HTMLParser

from gateway.model import Refusal
from gateway.protocols import refusals


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


def page(refusal: Refusal) -> Page:
    parsed = Page()
    parsed.feed(refusals.page(refusal).decode())
    return parsed


def test_page_names_rule_and_incident_and_says_what_to_do():
    shown = page(Refusal("A card number was found.", "block-cards", "inc-1", wants_html=True))
    for words in (
        "A card number was found.",
        "block-cards",
        "inc-1",
        "send it again",
        "security team",
    ):
        assert words in shown.text
    assert ("lang", "en") in shown.attributes


def test_page_needs_nothing_from_elsewhere_and_escapes_everything():
    nasty = '<script src="https://evil.example/x"></script>{message}'
    shown = page(Refusal(nasty, nasty, nasty))
    assert not {"script", "img", "link", "iframe", "a", "form"} & set(shown.tags)
    assert not {name for name, _ in shown.attributes} & {"src", "href", "onload"}
    assert shown.text.count(nasty) == 3


def test_page_is_sent_as_such():
    answer = refusals.refuse(Refusal("m", "r", "i", wants_html=True, status=403), {})
    assert answer.status == 403
    headers = dict(answer.headers)
    assert headers[b"content-type"] == b"text/html; charset=utf-8"
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"x-should-retry"] == b"false"
    assert b"default-src 'none'" in headers[b"content-security-policy"]


def test_sentence_names_rule_and_incident_once():
    assert (
        refusals.sentence(Refusal("Stopped.", "r1", "i1")) == "Stopped. (rule `r1`, incident `i1`)"
    )
    assert refusals.sentence(Refusal("Stopped by r1 as i1.", "r1", "i1")) == "Stopped by r1 as i1."
    assert refusals.sentence(Refusal("Stopped.", "", "")) == "Stopped."
    assert "policy" in refusals.sentence(Refusal("", "", ""))


def test_lone_surrogates_in_a_message_do_not_fail():
    assert refusals.page(Refusal("\ud800", "r", "i"))
    assert refusals.refuse(Refusal("\ud800", "r", "i"), {"error": "\ud800"}).body
