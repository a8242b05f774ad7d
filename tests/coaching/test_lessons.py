from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.coaching.lessons import Lessons, names, problems, render, shipped
from gateway.coaching.words import LANGUAGES, WORDS, facts, language, span
from gateway.policy.executable import Lesson
from gateway.services import Catalogue


def test_every_lesson_is_there_in_every_language_and_sound():
    told = {(lesson.name, lesson.language) for lesson in shipped()}
    assert told == {(name, tongue) for name in names() for tongue in LANGUAGES}
    assert problems(shipped()) == []


def test_a_lesson_of_the_team_stands_in_the_place_of_ours_language_by_language():
    own = Lessons([Lesson("pii", "de", "# Eigenes"), Lesson("ours", "fr", "# À nous")])
    assert own.html("pii", "de") == ("de", "<h2>Eigenes</h2>\n")
    assert "Data about people" in own.html("pii", "en")[1]
    assert own.html("ours", "de") == ("fr", "<h2>À nous</h2>\n")
    assert own.html("pii", "fr")[0] == "en"
    assert own.html("nothing", "en") == ("", "")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("No title", 1, "begins without a title"),
        ("# T\n\n<b>bold</b>", 3, "holds HTML"),
        ("# T\n\n<script>x</script>", 3, "holds HTML"),
        ("# T\n\n![face](https://x.example/y.png)", 3, "holds a picture"),
    ],
)
def test_what_would_not_be_shown_is_a_problem(text, line, words):
    (problem,) = {(p.line, p.message) for p in problems([Lesson("x", "en", text, "x.en.md")])} & {
        (p.line, p.message)
        for p in problems([Lesson("x", "en", text, "x.en.md")])
        if words in p.message
    }
    assert problem[0] == line


_PIECES = st.sampled_from(
    [
        "# ", "<script>alert(1)</script>", "[a](javascript:alert(1))", "![x](http://x/y)", "\n\n",
        "<img src=x onerror=y>", "[b](https://ok.example)", "<a href='x'>", "`", "text", "&lt;", '"',
        "[c]: data:text/html,x\n", "[c]", "<https://x.example>", "<!--", "- ", "> ", "```\n",
    ]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=12).map("".join))
def test_whatever_a_lesson_says_its_html_is_harmless(text):
    html = render(text)
    for tag in re.findall(r"<(/?[a-zA-Z!][^>]*)>", html):
        name = re.match(r"/?([a-z0-9]+)", tag)[1]
        assert name in {
            "p", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "a", "code", "pre", "blockquote",
            "em", "strong", "br", "hr",
        }  # fmt: skip
        if name == "a" and not tag.startswith("/"):
            assert re.match(r'a href="(?:https?://|mailto:|[^:"]*")', tag)


def test_every_language_says_everything():
    for words in WORDS.values():
        assert words.keys() == WORDS["en"].keys()
        for key, text in words.items():
            fields = set(re.findall(r"{(\w+)}", text))
            assert fields == set(re.findall(r"{(\w+)}", WORDS["en"][key])), key


@pytest.mark.parametrize(
    ("accepted", "wanted"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.5", "de"),
        ("fr,en;q=0.3,de;q=0.8", "de"),
        ("en;q=0.8, de;q=0.7", "en"),
        ("fr-FR", "en"),
        ("de;q=0", "en"),
        ("*;;q=,,,\x00", "en"),
    ],
)
def test_the_language_that_is_asked_for(accepted, wanted):
    assert language(accepted) == wanted


@given(st.text())
def test_any_language_header_is_taken(accepted):
    assert language(accepted) in LANGUAGES


def test_what_is_known_of_a_service_is_told_in_sentences():
    english, german = (WORDS[tongue] for tongue in ("en", "de"))
    known = Catalogue.load().get("faceapp").facts
    told = facts(english, known)
    assert told[0] == (
        "With its terms you give it a licence to what you send for ever, that cannot be taken back"
        " and that it may pass on."
    )
    assert "It keeps what you send for 2 days." in told
    assert any("für immer" in sentence for sentence in facts(german, known))
    for service in Catalogue.load().services():
        for words in (english, german):
            assert all("{" not in sentence for sentence in facts(words, service.facts))


def test_spans_are_told_in_whole_units():
    told = [
        span(WORDS["en"], seconds) for seconds in (60, 90 * 60, 3600, 8 * 3600, 86_400, 604_800)
    ]
    assert told == [
        "for one minute",
        "for 90 minutes",
        "for one hour",
        "for 8 hours",
        "for one day",
        "for 7 days",
    ]
