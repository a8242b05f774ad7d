"""People who have to think first, through a gateway as operators run it.

The official SDKs, curl and a browser: an error or a page with a link, a reason, and the same content
passes; one value more is asked again; nobody else, and nobody twice, can answer.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import sqlite3
import ssl
import subprocess
from pathlib import Path

import bcrypt
import pytest
from support import browser as browsers
from support import mock
from support.gateway import GatewayProcess

httpx = pytest.importorskip("httpx")
openai = pytest.importorskip("openai")
anthropic = pytest.importorskip("anthropic")
httpx2 = pytest.importorskip("httpx2")

ROOT = Path(__file__).parents[2]
AXE = ROOT / ".tools" / "node_modules" / "axe-core" / "axe.min.js"
PEOPLE = {name: f"pw-{secrets.token_hex(8)}" for name in ("ann", "bob")}
OPENAI, ANTHROPIC, CHATGPT = "api.openai.com", "api.anthropic.com", "chatgpt.com"
POLICY = """\
version: 1
rules:
  - id: think-of-people
    title: Addresses of people need a reason
    severity: high
    when: {entity: EMAIL_ADDRESS}
    action: coach
    message: E-mail addresses of customers stay with us, as a rule.
    coach:
      lesson: pii
      reasons: [work, consent, "The customer has asked for it"]
      valid_for: 1 h
      use_instead: Our own assistant at assistant.corp.example keeps nothing.
  - id: no-cards
    severity: critical
    when: {entity: CREDIT_CARD, min_confidence: 0.6}
    action: block
"""
FORM = b"""<!doctype html><title>chat</title><h1>Chat</h1>
<form method="post" action="/say"><textarea name="message" rows="4"></textarea><button>Send</button></form>"""


@pytest.fixture(scope="module")
def place(tmp_path_factory, tls):
    if not mock.available():
        pytest.skip(mock.MISSING)
    folder = tmp_path_factory.mktemp("coaching")
    users = folder / "users"
    users.write_text(
        "".join(
            f"{name}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()}\n"
            for name, password in PEOPLE.items()
        )
    )
    own = {
        "/page": ("text/html", FORM),
        "/say": ("text/html", b"<!doctype html><h1>Thank you</h1>"),
    }
    with (
        mock.Mock(folder / "mock") as behind,
        mock.Relay(tls[0], behind.port, own) as upstream,
        GatewayProcess(
            folder / "gateway",
            policies=POLICY,
            upstreams=dict.fromkeys((OPENAI, ANTHROPIC, CHATGPT), upstream.url),
            trusted_ca=tls[1],
            settings={"identity": {"passwords": {"htpasswd": str(users)}, "require": "none"}},
        ) as gateway,
    ):
        yield upstream, gateway


@pytest.fixture(autouse=True)
def fresh(place):
    place[0].seen.clear()


def behind(place, user=""):
    """How a client goes through the gateway, as `user` or as nobody."""
    gateway = place[1]
    proxy = gateway.url.replace("://", f"://{user}:{PEOPLE[user]}@") if user else gateway.url
    context = ssl.create_default_context(cafile=str(gateway.ca))
    return {"proxy": proxy, "verify": context, "timeout": 60}


@pytest.fixture
def people(place):
    """A client for each, and one that nobody knows."""
    with contextlib.ExitStack() as stack:
        yield {
            user: stack.enter_context(httpx.Client(**behind(place, user))) for user in (*PEOPLE, "")
        }


def address():
    return f"{secrets.token_hex(6)}.miller@example-customer.com"


def chat(client, text):
    sdk = openai.OpenAI(api_key="none", http_client=client, max_retries=0)
    asked = [{"role": "user", "content": text}]
    return sdk.chat.completions.create(model="gpt-5", messages=asked).choices[0].message.content


def link_of(caught):
    return re.search(r"https://leakgate\.internal/c/[\w-]+", str(caught.value))[0]


def coached(client, text):
    """Send what is coached; the link in the error."""
    with pytest.raises(openai.APIStatusError) as caught:
        chat(client, text)
    assert caught.value.status_code == 400
    return link_of(caught)


def token_of(page):
    return re.search(r'name="form" value="([0-9a-f]+)"', page.text)[1]


def justify(client, link, reason="work", text="", **more):
    form = {"form": token_of(client.get(link)), "answer": "go", "reason": reason, "text": text}
    return client.post(link, data=form | more, follow_redirects=True)


def test_a_link_a_reason_and_the_same_content_passes(place, people):
    upstream, gateway = place
    ann, bob = people["ann"], people["bob"]
    one = f"Please write to {address()} about the offer."
    link = coached(ann, one)
    assert upstream.seen == []

    page = ann.get(link, headers={"accept-language": "en"})
    for words in (
        "Addresses of people need a reason",
        "e-mail address",
        "Data about people",
        "OpenAI API",
        "assistant.corp.example keeps nothing",
        "for one hour",
        "The customer has asked for it",
    ):
        assert words in page.text
    policy = page.headers["content-security-policy"]
    assert "script" not in page.text.lower()
    assert "default-src 'none'" in policy
    german = ann.get(link, headers={"accept-language": "de-AT,de;q=0.9,en;q=0.5"}).text
    assert "Personenbezogene Daten" in german
    assert 'lang="de"' in german

    # Somebody else, and somebody whom nobody knows.
    for other in (bob, people[""]):
        assert other.get(link).status_code == 403
        stolen = {"form": token_of(page), "answer": "go", "reason": "work"}
        assert other.post(link, data=stolen).status_code == 403
    # Other pages cannot answer in Ann's name.
    form = {"form": token_of(page), "answer": "go", "reason": "work"}
    for bad in (
        {"data": form | {"form": "0" * 64}},
        {"data": form, "headers": {"origin": "https://evil.example"}},
        {"data": form, "headers": {"origin": "null"}},
        {"data": form, "headers": {"sec-fetch-site": "cross-site"}},
    ):
        assert ann.post(link, **bad).status_code == 403
    assert justify(ann, link, reason="because").status_code == 422
    with pytest.raises(openai.APIStatusError):
        chat(ann, one)

    done = justify(ann, link, text="Agreed with the customer's office.")
    assert done.status_code == 200
    assert "You may send it again now" in done.text
    assert chat(ann, one)
    # A chat sends what was said before with every turn.
    assert chat(ann, f"{one}\nAnd make it shorter.")
    assert len(upstream.seen) == 2

    # Answered once: a second answer changes nothing.
    again = ann.post(link, data=form | {"answer": "cancel"}, follow_redirects=True)
    assert "You may send it again now" in again.text
    assert chat(ann, one)

    # One value more, another person, another service, another rule.
    more = coached(ann, f"{one} Copy {address()}.")
    assert more != link
    coached(bob, one)
    asked = [{"role": "user", "content": one}]
    to_claude = {"model": "claude-opus-4-8", "max_tokens": 50, "messages": asked}
    own = httpx2.Client(**behind(place, "ann"))
    with anthropic.Anthropic(api_key="none", http_client=own, max_retries=0) as claude:
        with pytest.raises(anthropic.APIStatusError) as caught:
            claude.messages.create(**to_claude)
        assert justify(ann, link_of(caught)).status_code == 200
        assert claude.messages.create(**to_claude)
    with pytest.raises(openai.APIStatusError, match="no-cards"):
        chat(ann, f"{one} Card 4111 1111 1111 1111.")

    # Both values were asked for at once.
    assert justify(ann, more).status_code == 200

    records = [
        (i.cause, i.enforcement, i.rules[0].justified) for i in gateway.incidents(at_least=9)
    ]
    assert ("coach", "refuse", False) in records
    assert ("", "forward", True) in records
    assert (
        gateway.metric(
            "leakgate_coached_requests_total", rule="think-of-people", service="openai-api"
        )
        >= 3
    )
    assert gateway.metric(
        "leakgate_coaching_answers_total",
        rule="think-of-people", service="openai-api", result="justified",
    ) == 2  # fmt: skip


def test_whoever_cancels_sends_nothing(place, people):
    ann, text = people["ann"], f"Ask {address()}."
    link = coached(ann, text)
    done = justify(ann, link, answer="cancel")
    assert "Nothing has left the company" in done.text
    assert coached(ann, text) != link
    assert place[0].seen == []


def test_what_was_found_is_not_written_down_as_a_reason(place, people):
    ann, value = people["ann"], address()
    link = coached(ann, f"Ask {value}.")
    refused = justify(ann, link, text=f"It is only {value}!")
    assert refused.status_code == 422
    assert "Please write it without" in refused.text
    assert justify(ann, link, text="x" * 501).status_code == 422
    for text in ("Agreed with the office in Berlin, needed for the meeting on Monday.", ""):
        link = coached(ann, f"Ask {address()}.")
        assert justify(ann, link, text=text).status_code == 200, text
    assert value.encode() not in place[1].traces()


def test_the_same_question_asked_again_is_one_question(place, people):
    ann, text = people["ann"], f"Ask {address()}."
    first, second = coached(ann, text), coached(ann, text)
    assert first != second
    assert justify(ann, first).status_code == 200
    assert "You may send it again now" in ann.get(second).text


def test_the_gateway_s_own_host_goes_nowhere_else(place):
    upstream, gateway = place
    plain = [
        *("curl", "-sS", "-i", "--proxy", gateway.url, "--cacert", str(gateway.ca)),
        *("-w", "\n%{http_code}"),
    ]

    def curl(*arguments):
        done = subprocess.run([*plain, *arguments], capture_output=True, text=True, timeout=60)
        return done.stdout.rpartition("\n")[2]

    assert curl("http://leakgate.internal/") == "200"
    assert curl("https://leakgate.internal/") == "200"
    assert curl("https://leakgate.internal/coach.css") == "200"
    assert curl("https://LEAKGATE.internal./c/short") == "404"
    assert curl("https://leakgate.internal/c/" + "x" * 24) == "404"
    assert curl("-X", "DELETE", "https://leakgate.internal/c/" + "x" * 24) == "405"
    # Whatever else it is called.
    assert curl("https://leakgate.internal/v1/x", "-H", f"host: {OPENAI}", "-d", "a=b") == "404"
    assert curl(f"http://{OPENAI}/v1/x", "-H", "host: leakgate.internal", "-d", "a=b") == "404"
    assert upstream.seen == []


def test_a_link_runs_out(place, people):
    ann = people["ann"]
    text = f"Ask {address()}."
    link = coached(ann, text)
    form = {"form": token_of(ann.get(link)), "answer": "go", "reason": "work"}
    with contextlib.closing(sqlite3.connect(place[1].state / "leakgate.db")) as database:
        database.execute("UPDATE coachings SET expires_at = '2020-01-01 00:00:00.000000'")
        database.commit()
    assert ann.get(link).status_code == 410
    assert ann.post(link, data=form, follow_redirects=True).status_code == 410
    coached(ann, text)


def test_without_its_database_nobody_is_asked_and_nothing_leaves(place, people):
    upstream, gateway = place
    ann = people["ann"]
    text = f"Ask {address()}."
    link = coached(ann, text)
    with contextlib.closing(sqlite3.connect(gateway.state / "leakgate.db")) as database:
        database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(openai.APIStatusError) as caught:
            chat(ann, text)
        database.rollback()
    assert "think-of-people" in str(caught.value)
    assert "https://" not in str(caught.value)
    assert upstream.seen == []
    assert justify(ann, link).status_code == 200
    assert chat(ann, text)


# --- a person at a browser -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser(place, tmp_path_factory):
    if not browsers.available():
        pytest.skip(browsers.MISSING)
    folder = tmp_path_factory.mktemp("browser")
    browser = browsers.Browser(folder, place[1].url, place[1].ca)
    browser.call("Network.setExtraHTTPHeaders", headers={"accept-language": "en"})
    yield browser
    browser.close()


def look(browser):
    """What a screen reader would stumble over, in light and in dark."""
    script = f"{AXE.read_text()};0"
    browser.evaluate(script)
    for scheme in ("light", "dark"):
        browser.scheme(scheme)
        found = browser.evaluate(
            "axe.run({resultTypes: ['violations']}).then((r) => r.violations"
            ".map((v) => [v.id, v.impact, v.nodes[0].html]))"
        )
        assert found == [], scheme


def write(browser, text):
    """Open the service's page, write and press its button; the page that comes."""
    assert browser.open(f"https://{CHATGPT}/page") == 200
    fill = f"document.forms[0].message.value = {json.dumps(text)};"
    return browser.doing(f"{fill} document.querySelector('button').click()")


def press(browser, title):
    return browser.doing(
        "[...document.querySelectorAll('button')].find((one) =>"
        f" one.textContent.trim() === {json.dumps(title)}).click()"
    )


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed (`make tools`)")
def test_a_person_is_taken_to_the_page_gives_a_reason_and_goes_on(place, browser):
    upstream, _ = place
    text = f"Please write to {address()} about the offer."
    assert write(browser, text) == 200
    assert browser.evaluate("location.host") == "leakgate.internal"
    assert "Think before this is sent" in browser.text()
    look(browser)
    if shots := os.environ.get("LEAKGATE_SHOTS"):
        for scheme in ("light", "dark"):
            browser.scheme(scheme)
            browser.picture(Path(shots) / f"coaching-{scheme}.png")
    assert press(browser, "Give this reason") == 422
    assert "Please choose a reason." in browser.text()
    look(browser)
    browser.evaluate("document.querySelector('input[value=work]').click()")
    assert press(browser, "Give this reason") == 200
    assert "You may send it again now" in browser.text()
    look(browser)
    assert [seen.target for seen in upstream.seen if seen.method == "POST"] == []
    assert browser.doing("document.querySelector('main a').click()") is not None
    assert browser.evaluate("location.host") == CHATGPT
    assert write(browser, text) == 200
    assert "Thank you" in browser.text()

    assert write(browser, f"And to {address()}.") == 200
    assert press(browser, "Do not send it") == 200
    assert "Nothing has left the company" in browser.text()
    look(browser)


def test_a_script_of_a_page_gets_an_error_with_the_link(place, browser):
    assert browser.open(f"https://{CHATGPT}/page") == 200
    status, text = browser.post("/say", json.dumps(json.dumps({"message": address()})))
    assert status == 400
    assert "https://leakgate.internal/c/" in text
