"""A browser behind the gateway: pages, scripts, forms and uploads, and what a person is shown.

Chromium without a window, driven over its DevTools protocol. It trusts the gateway's authority by
a certificate store of its own (`certutil`), as managed browsers do.
"""

from __future__ import annotations

import base64
import json
import re
import urllib.parse

import pytest
from support.browser import MISSING, Browser, available

pytestmark = pytest.mark.skipif(not available(), reason=MISSING)

SITE = "https://chatgpt.com"


@pytest.fixture(scope="module")
def browser(mocked, tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("browser"), mocked.gateway.url, mocked.gateway.ca)
    yield browser
    browser.close()


@pytest.fixture(autouse=True)
def page(mocked, browser):
    assert browser.open(f"{SITE}/page") == 200
    assert "A page of the service" in browser.text()
    mocked.upstream.seen.clear()


def sent(mocked, path):
    return [seen for seen in mocked.upstream.seen if seen.target.startswith(path)]


def test_script_sends_what_it_says(mocked, browser):
    body = json.dumps({"message": "Gr\u00fc\u00dfe, all is well", "n": 1})
    assert browser.post("/api/say", json.dumps(body)) == [200, '{"said":true}']
    (seen,) = sent(mocked, "/api/say")
    assert seen.body == body.encode()


def test_script_with_a_secret_gets_an_error_that_is_not_a_page(mocked, browser, secret):
    body = json.dumps({"message": f"my key {secret}"})
    status, text = browser.post("/api/say", json.dumps(body))
    assert status == 400
    assert "incident" in json.dumps(json.loads(text))
    assert "<html" not in text
    assert sent(mocked, "/api/say") == []


def test_script_with_a_number_sends_a_token_in_its_place(mocked, browser, ssn):
    body = json.dumps({"message": f"my social security number is {ssn}"})
    assert browser.post("/api/say", json.dumps(body))[0] == 200
    (seen,) = sent(mocked, "/api/say")
    message = json.loads(seen.body)["message"]
    assert re.fullmatch(r"my social security number is US_SSN_[b-z]{18}", message)


def test_address_with_a_secret_shows_a_page_that_a_person_can_read(mocked, browser, secret):
    status = browser.open(f"{SITE}/search?q={urllib.parse.quote(secret)}")
    assert status == 400
    text = browser.text()
    assert "This request was stopped before it left the company network" in text
    assert "Incident" in text
    assert secret not in text
    assert mocked.upstream.seen == []


@pytest.mark.parametrize("kind", ["clean", "secret"])
def test_form_with_a_file_chosen_by_a_person(mocked, browser, secret, tmp_path, kind):
    chosen = tmp_path / "notes.txt"
    chosen.write_text("some notes\n" + (secret if kind == "secret" else ""))
    browser.choose_file("input[type=file]", chosen)
    browser.events.clear()
    browser.evaluate("document.forms[0].note.value = 'a note'; document.forms[0].submit()")
    browser.wait_for_load()
    if kind == "clean":
        assert browser.status_of_page() == 200
        assert "Thank you" in browser.text()
        (seen,) = sent(mocked, "/upload")
        assert b"some notes\n" in seen.body
        assert b'filename="notes.txt"' in seen.body
    else:
        assert browser.status_of_page() == 400
        assert "This request was stopped" in browser.text()
        assert sent(mocked, "/upload") == []


@pytest.mark.parametrize("kind", ["clean", "secret"])
def test_script_uploads_a_file(mocked, browser, secret, kind):
    content = "col1,col2\n" + (secret if kind == "secret" else "a,b")
    form = (
        "(() => { const form = new FormData(); form.append('file', new File(["
        f"{json.dumps(content)}], 'table.csv', {{type: 'text/csv'}})); return form; }})()"
    )
    status, _ = browser.post("/api/say", form)
    if kind == "clean":
        assert status == 200
        (seen,) = sent(mocked, "/api/say")
        assert content.encode() in seen.body
    else:
        assert status == 400
        assert sent(mocked, "/api/say") == []


def test_browser_shows_the_gateway_s_certificate(browser):
    seen = browser.call("Network.getCertificate", origin=SITE)["tableNames"]
    from cryptography import x509

    leaf = x509.load_der_x509_certificate(base64.b64decode(seen[0]))
    assert "Leakgate" in leaf.issuer.rfc4514_string()
