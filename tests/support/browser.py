"""A headless Chromium, driven over its DevTools protocol."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import time
import urllib.request

import websockets.sync.client

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING = "Chromium or certutil is not installed (`make tools`)"


def available():
    return CHROMIUM is not None and shutil.which("certutil") is not None


class Browser:
    """One page of a headless Chromium, behind `proxy` whose authority is `ca`, or with neither."""

    def __init__(self, folder, proxy="", ca=None, *, size=(1280, 900)):
        home = folder / "home"
        store = home / ".pki" / "nssdb"
        store.mkdir(parents=True)
        database = f"sql:{store}"
        trusted = [] if ca is None else [["-A", "-n", "gateway", "-t", "C,,", "-i", str(ca)]]
        for arguments in (["-N", "--empty-password"], *trusted):
            subprocess.run(["certutil", "-d", database, *arguments], check=True, timeout=30)
        self.process = subprocess.Popen(
            [
                CHROMIUM,
                *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic"),
                *("--no-first-run", "--disable-background-networking", "--disable-sync"),
                *("--disable-component-update", "--disable-dev-shm-usage"),
                f"--user-data-dir={folder / 'profile'}",
                f"--window-size={size[0]},{size[1]}",
                f"--proxy-server={proxy}" if proxy else "--no-proxy-server",
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

    def doing(self, script):
        """Run a script that leads to another page; the status of that page."""
        self.events.clear()
        self.evaluate(script)
        self.wait_for_load()
        return self.status_of_page()

    def key(self, name):
        """Press and release a key, as a person does."""
        self.call("Input.dispatchKeyEvent", type="keyDown", key=name, text=name)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=name)

    def choose_file(self, selector, *paths):
        """Put files into an input, as a person does."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        field = self.call("DOM.querySelector", nodeId=root, selector=selector)
        self.call("DOM.setFileInputFiles", files=list(map(str, paths)), nodeId=field["nodeId"])

    def scheme(self, name):
        """Prefer `light` or `dark`, as the system's setting does."""
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def picture(self, path):
        """The whole page as PNG."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def post(self, path, body):
        """`fetch` by a script of the page: status and text."""
        return self.evaluate(
            f"fetch({json.dumps(path)}, {{method: 'POST', body: {body}}})"
            ".then(async r => [r.status, await r.text()])"
        )
