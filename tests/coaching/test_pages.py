from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from urllib.parse import urlencode

import pytest
from coaching.conftest import KEY, ask, grants
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.log import Log
from gateway.coaching.front import Front
from gateway.coaching.pages import MAX_BODY, Asked, Filled, NotAForm, Pages, filled
from gateway.coaching.store import Concern, withdraw
from gateway.policy import Vocabulary, compile_text
from gateway.services import Catalogue

ANN = "ann@example.com"
ORIGIN = "https://leakgate.internal"
FORM = "application/x-www-form-urlencoded"
CATALOGUE = Catalogue.load()
VOCABULARY = Vocabulary(
    {},
    frozenset(),
    frozenset(),
    {},
    frozenset({"EMAIL_ADDRESS"}),
    {},
    lessons=frozenset({"pii", "secrets"}),
)
RULE = """
version: 1
rules:
- id: think
  title: "<b>Think</b>"
  when: {entity: EMAIL_ADDRESS}
  action: coach
  coach: {lesson: pii, reasons: [work, "Because & so"], ask_text: %s, use_instead: "<i>ours</i>"}
"""


class Seen(Counter):
    def coached(self, *_):
        self["coached"] += 1

    def coaching_answered(self, *told, seconds):
        self[told[-1]] += 1
        assert seconds >= 0

    def coaching_expired(self, *_):
        self["expired"] += 1

    def failed(self, cause):
        self[f"failed {cause}"] += 1


class Place:
    """Pages over a store, and Ann at a browser."""

    def __init__(self, store, check=None):
        self.seen = Seen()
        self.front = Front(store, base_url=ORIGIN, watch=self.seen)
        self.checked = []

        async def nothing(text):
            self.checked.append(text)
            return ()

        self.pages = Pages(self.front, check=check or nothing, key=KEY)
        self.rules("optional")

    def rules(self, ask_text, text=RULE):
        policy = compile_text(text % ask_text if "%s" in text else text, VOCABULARY)
        self.pages.adopt(policy, CATALOGUE)

    def link(self, **changes):
        link = asyncio.run(self.front.ask(ask("f1", **changes)))
        return link.removeprefix(ORIGIN)

    def get(self, path, method="GET", sender=ANN, **headers):
        asked = Asked(method, path, headers, b"", sender, ORIGIN)
        return asyncio.run(self.pages.answer(asked))

    def post(self, path, *, sender=ANN, headers=(), **fields):
        token = re.search(rb'name="form" value="([0-9a-f]+)"', self.get(path).body)
        form = {"form": token[1].decode() if token else "", "answer": "go"} | fields
        told = {"content-type": FORM, "origin": ORIGIN} | dict(headers)
        asked = Asked("POST", path, told, urlencode(form).encode(), sender, ORIGIN)
        return asyncio.run(self.pages.answer(asked))


@pytest.fixture
def place(store):
    return Place(store)


def test_a_page_is_whole_and_holds_nothing_that_runs(place):
    page = place.get(place.link())
    assert page.status == 200
    text = page.body.decode()
    assert "&lt;b&gt;Think&lt;/b&gt;" in text
    assert "&lt;i&gt;ours&lt;/i&gt;" in text
    assert "Because &amp; so" in text
    assert not re.search(r"<script|\son\w+=|style=|javascript:", text)
    headers = dict(page.headers)
    assert b"script" not in headers[b"content-security-policy"]
    assert headers[b"cache-control"] == b"no-store"
    assert place.get(place.link(), method="HEAD").body == b""


def test_a_reason_is_written_down_once_with_its_words(place, store):
    path = place.link()
    answer = place.post(path, reason="work", text="Agreed\r\nwith them.")
    assert (answer.status, dict(answer.headers)[b"location"]) == (303, path.encode())
    told = store.follow(path.removeprefix("/c/"))
    assert (told.state, told.reason, told.text) == ("justified", "work", "Agreed\nwith them.")
    assert set(store.live(ANN, grants("f1"))) == grants("f1")
    assert b"Agreed" in place.get(path).body
    assert place.seen == {"coached": 1, "justified": 1}


def test_who_may_not_write_is_not_listened_to(place, store):
    place.rules("never")
    path = place.link()
    assert place.post(path, reason="work", text="words").status == 303
    assert store.follow(path.removeprefix("/c/")).text == ""
    assert place.checked == []


@pytest.mark.parametrize(
    ("ask_text", "fields", "words"),
    [
        ("optional", {"reason": ""}, b"choose a reason"),
        ("optional", {"reason": "consent"}, b"choose a reason"),
        ("required", {"reason": "work"}, b"write a few words"),
        ("required", {"reason": "work", "text": " \n "}, b"write a few words"),
        ("optional", {"reason": "work", "text": "x" * 501}, b"at most 500"),
    ],
)
def test_what_is_wrong_with_a_reason_is_told_and_what_was_written_stays(
    place, store, ask_text, fields, words
):
    place.rules(ask_text)
    path = place.link()
    page = place.post(path, **fields)
    assert page.status == 422
    assert words in page.body
    assert store.follow(path.removeprefix("/c/")).state == "open"
    if fields["reason"] == "work":
        assert b'value="work" checked' in page.body


@pytest.mark.parametrize(
    ("found", "status", "words"),
    [
        (("EMAIL_ADDRESS", "AGE"), 422, b"e-mail address"),
        (("DATE_TIME", "LOCATION"), 303, b""),
        (None, 422, b"could not be checked"),
    ],
)
def test_words_in_which_something_was_found_are_not_kept(store, found, status, words):
    async def check(_):
        return found

    place = Place(store, check)
    path = place.link()
    answer = place.post(path, reason="work", text="Ask <ann>")
    assert answer.status == status
    assert words in answer.body
    if status == 422:
        assert b"Ask &lt;ann&gt;" in answer.body
        assert store.follow(path.removeprefix("/c/")).text == ""


def test_a_rule_that_is_gone_asks_nobody_any_more(place, store):
    path = place.link()
    place.rules("", RULE.replace("action: coach", "action: log").partition("  coach:")[0])
    assert place.get(path).status == 409
    assert place.post(path, reason="work").status == 403
    assert store.live(ANN, grants("f1")) == {}


SEVERAL = """
version: 1
rules:
- {id: think, title: Of people, when: {entity: EMAIL_ADDRESS}, action: coach, message: They trust us.,
   coach: {lesson: pii, reasons: [work, consent, approved], ask_text: never, valid_for: 8 h}}
- {id: keys, title: Of keys, when: {entity: EMAIL_ADDRESS}, action: coach, message: They open doors.,
   coach: {lesson: secrets, reasons: [approved, public, work], ask_text: required, valid_for: 1 h,
           use_instead: The vault.}}
- {id: lone, title: Of itself, when: {entity: EMAIL_ADDRESS}, action: coach,
   coach: {lesson: pii, reasons: [false_alarm], valid_for: 4 h}}
"""


def test_several_rules_each_say_why_and_teach_and_the_strictest_of_each_counts(place, store, clock):
    place.rules("", SEVERAL)
    path = place.link(further=(Concern("keys", "secrets"),))
    text = place.get(path).body.decode()
    for words in (
        "<strong>Of people</strong>: They trust us.",
        "<strong>Of keys</strong>: They open doors.",
        "Rules: Of people; Of keys",
        "Data about people",
        "The vault.",
        "for one hour",
        "My work needs it",
        "has approved it",
    ):
        assert words in text, words
    assert text.count('class="lesson"') == 2
    for reason in ("The people concerned have agreed", "It is public anyway"):
        assert reason not in text
    assert place.post(path, reason="consent", text="Agreed.").status == 422
    assert b"write a few words" in place.post(path, reason="work").body
    assert place.post(path, reason="work", text="Agreed.").status == 303
    told = store.follow(path.removeprefix("/c/"))
    assert (told.valid_until - clock.now).total_seconds() == 3600


def test_rules_with_no_reason_in_common_take_those_of_the_strictest_and_a_lesson_is_told_once(
    place,
):
    place.rules("", SEVERAL)
    text = place.get(place.link(further=(Concern("lone", "pii"),))).body.decode()
    assert text.count('class="lesson"') == 1
    assert "The people concerned have agreed" in text
    assert "not what it was taken for" not in text
    assert "for 4 hours" in text


def test_when_one_of_several_rules_is_gone_it_is_sent_again_to_see(place):
    place.rules("", SEVERAL)
    path = place.link(further=(Concern("keys", "secrets"), Concern("gone", "pii")))
    assert place.get(path).status == 409


def test_who_may_not_send_it_any_more_is_told_so(place, store, clock):
    path = place.link()
    place.post(path, reason="work")
    coaching = store.follow(path.removeprefix("/c/"))
    log = Log(store.engine, bytes(32), clock=clock)
    withdraw(coaching.id, log, now=clock.now, who="kim", reason="too much")
    page = place.get(path)
    assert page.status == 410
    assert b"taken back" in page.body


def test_the_page_of_nothing_has_its_name_once(place):
    assert b"<title>Leakgate</title>" in place.get("/").body


def test_only_the_sender_is_told_anything(place):
    path = place.link()
    for sender in ("bob", "", "ANN@example.com"):
        page = place.get(path, sender=sender)
        assert page.status == 403
        assert b"e-mail" not in page.body
        assert place.post(path, sender=sender, reason="work").status == 403


def test_without_the_database_nothing_is_shown_or_decided(place, store, monkeypatch):
    path = place.link()

    def away(*_):
        raise OSError

    monkeypatch.setattr(store, "answer", away)
    assert place.post(path, reason="work").status == 503
    monkeypatch.setattr(store, "follow", away)
    assert place.get(path).status == 503
    monkeypatch.setattr(store, "ask", away)
    assert asyncio.run(place.front.ask(ask("f1"))) is None
    # After failures in a row the database is left alone.
    assert asyncio.run(place.front.ask(ask("f1"))) is None
    assert place.seen["failed coaching"] == 4


def test_what_cannot_be_granted_gets_no_link(place):
    many = [f"f{number}" for number in range(5001)]
    for asks in (grants(), grants(""), grants("f1", ""), grants(*many)):
        assert asyncio.run(place.front.ask(ask(asks=asks))) is None


def test_grants_are_remembered_for_a_while_and_never_past_their_end(place, store, clock):
    path = place.link()
    place.post(path, reason="work")
    assert place.front.known(ANN) == frozenset()
    assert asyncio.run(place.front.granted(ANN, grants("f1", "f2"))) == grants("f1")
    assert place.front.known(ANN) == grants("f1")
    assert asyncio.run(place.front.granted(ANN, grants("f3"))) == frozenset()
    assert place.front.known(ANN) == grants("f1")
    assert place.front.known("bob") == frozenset()
    clock.move(hours=9)
    assert place.front.known(ANN) == frozenset()


def test_a_form_is_read_as_browsers_send_it():
    body = urlencode({"form": "f", "answer": "go", "reason": "Because & so", "text": "ä\r\nb "})
    assert filled(body.encode(), f"{FORM}; charset=UTF-8") == Filled(
        "f", "go", "Because & so", "ä\nb"
    )


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"form=f&answer=go", "text/plain"),
        (b"form=f&answer=go", "multipart/form-data"),
        (b"answer=go", FORM),
        (b"form=f&answer=go&answer=cancel", FORM),
        (b"form=f&answer=go&other=1", FORM),
        (b"form=f&answer=go&text=%00", FORM),
        (b"form=f&answer=go&text=%FF", FORM),
        (b"form=f&answer=go&text=\xff", FORM),
        (b"form=f&answer=go&text=" + b"x" * MAX_BODY, FORM),
        (b"", FORM),
    ],
)
def test_what_no_form_of_ours_sends_is_refused(body, kind):
    with pytest.raises(NotAForm):
        filled(body, kind)


@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.tuples(
                st.sampled_from(["form", "answer", "reason", "text", "x"]), st.text(max_size=20)
            ),
            max_size=6,
        ).map(lambda pairs: urlencode(pairs, errors="surrogatepass").encode()),
    ),
    st.sampled_from([FORM, FORM.upper() + " ;x", "text/plain", ""]),
)
def test_any_body_is_a_form_or_refused(body, kind):
    with contextlib.suppress(NotAForm):
        text = filled(body, kind).text
        assert text == text.strip()
        assert all(char.isprintable() or char == "\n" for char in text)


@given(st.text(max_size=60), st.sampled_from(["GET", "POST", "HEAD", "PUT", "get", "\x00"]))
def test_any_path_is_answered(path, method):
    class Nobody:
        async def follow(self, _):
            return True, None

    pages = Pages(Nobody(), check=None, key=KEY)
    for each in (path, f"/c/{path}"):
        given_ = asyncio.run(pages.answer(Asked(method, each, {}, b"", "", ORIGIN)))
        assert given_.status in {200, 404, 405}
