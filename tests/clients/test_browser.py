"""A browser behind the gateway: pages, scripts, forms and uploads, and what a person is shown.

Chromium without a window, driven over its DevTools protocol. It trusts the gateway's authority by
a certificate store of its own (`certutil`), as managed browsers do.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request

import pytest
import websockets.sync.client

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (`make tools`)"),
    pytest.mark.skipif(
        shutil.which("certutil") is None, reason="certutil is not installed (`make tools`)"
    ),
]

SITE = "https://chatgpt.com"


class Browser:
    """One page of a headless Chromium."""

    def __init__(self, folder, proxy, ca):
        home = folder / "home"
        store = home / ".pki" / "nssdb"
        store.mkdir(parents=True)
        database = f"sql:{store}"
        for arguments in (
            ["-N", "--empty-password"],
            ["-A", "-n", "gateway", "-t", "C,,", "-i", str(ca)],
        ):
            subprocess.run(["certutil", "-d", database, *arguments], check=True, timeout=30)
        self.process = subprocess.Popen(
            [
                CHROMIUM,
                *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic"),
                *("--no-first-run", "--disable-background-networking", "--disable-sync"),
                *("--disable-component-update", "--disable-dev-shm-usage"),
                f"--user-data-dir={folder / 'profile'}",
                f"--proxy-server={proxy}",
                "--remote-debugging-port=0",
                "about:blank",
            ],
            env={**os.environ, "HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._stack = contextlib.ExitStack()
        self._stack.callback(self.process.wait, 15)
        self._stack.callback(self.process.terminate)
        with self._stack:
            self._attach(folder / "profile" / "DevToolsActivePort")
            self._stack = self._stack.pop_all()

    def _attach(self, told):
        deadline = time.monotonic() + 40
        while not (told.exists() and told.read_text().count("\n")):
            assert time.monotonic() < deadline
            assert self.process.poll() is None
            time.sleep(0.05)
        port = told.read_text().split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10) as answer:
            pages = [each for each in json.load(answer) if each["type"] == "page"]
        self.socket = self._stack.enter_context(
            websockets.sync.client.connect(
                pages[0]["webSocketDebuggerUrl"], max_size=None, proxy=None
            )
        )
        self._numbers = itertools.count(1)
        self.events = []
        for domain in ("Page", "Runtime", "Network", "DOM"):
            self.call(f"{domain}.enable")

    def close(self):
        self._stack.close()

    def call(self, method, **parameters):
        number = next(self._numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv(timeout=30))
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self.events.append(message)

    def wait_for_load(self):
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(json.loads(self.socket.recv(timeout=30)))

    def open(self, url):
        """Navigate; the status of the page that is shown then."""
        self.events.clear()
        result = self.call("Page.navigate", url=url)
        assert "errorText" not in result, result
        self.wait_for_load()
        return self.status_of_page()

    def status_of_page(self):
        return next(
            event["params"]["response"]["status"]
            for event in reversed(self.events)
            if event["method"] == "Network.responseReceived"
            and event["params"]["type"] == "Document"
        )

    def evaluate(self, script):
        result = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def text(self):
        return self.evaluate("document.body.innerText")

    def post(self, path, body):
        """`fetch` by a script of the page: status and text."""
        return self.evaluate(
            f"fetch({json.dumps(path)}, {{method: 'POST', body: {body}}})"
            ".then(async r => [r.status, await r.text()])"
        )


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
    root = browser.call("DOM.getDocument")["root"]["nodeId"]
    field = browser.call("DOM.querySelector", nodeId=root, selector="input[type=file]")
    browser.call("DOM.setFileInputFiles", files=[str(chosen)], nodeId=field["nodeId"])
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
