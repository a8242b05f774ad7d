"""The console in a browser, as people use it: from the one-time password to a resolved incident.

A gateway as operators run it, Chromium without a window, and axe-core on every page that is opened.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.browser import MISSING, Browser, available
from support.gateway import GatewayProcess
from support.upstream import Upstream

from gateway.coaching.store import Answer, Ask, Store
from gateway.database.engines import open_engine
from gateway.model import Grant
from gateway.shadow.ledger import Ledger, Seen

ROOT = Path(__file__).parents[2]
AXE = ROOT / ".tools" / "node_modules" / "axe-core" / "axe.min.js"
PASSWORD = "correct horse battery"
SUSPECT = "gpt.example.net"
PICTURED = {"/console/services/shadow", "/console/coaching"}
"""Pages of which `LEAKGATE_SHOTS` (a folder) gets a picture, for docs."""

pytestmark = [
    pytest.mark.skipif(not available(), reason=MISSING),
    pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed (`make tools`)"),
]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, tls):
    """A gateway through which somebody has sent a number."""
    folder = tmp_path_factory.mktemp("console")
    with (
        Upstream(tls[0], http2=True) as upstream,
        GatewayProcess(
            folder,
            policies=ROOT / "policies",
            upstreams={"api.openai.com": upstream.url},
            trusted_ca=tls[1],
        ) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def incident(gateway, ssn):
    message = {"role": "user", "content": f"My social security number is {ssn}, is it valid?"}
    subprocess.run(
        [
            *("curl", "-sS", "--proxy", gateway.url, "--cacert", gateway.ca),
            *("-H", "content-type: application/json", "-d", json.dumps({"messages": [message]})),
            "https://api.openai.com/v1/chat/completions",
        ],
        check=True,
        timeout=60,
        capture_output=True,
    )
    return gateway.incidents(at_least=1)[0]


@pytest.fixture(scope="module")
def driven(gateway, tmp_path_factory):
    browser = Console(tmp_path_factory.mktemp("browser"), gateway.admin_url)
    yield browser
    browser.close()


class Console(Browser):
    """A browser that looks for faults on each page that it comes to."""

    def __init__(self, folder, home):
        super().__init__(folder)
        self.home = home
        self.call("Log.enable")
        self.complaints = []

    def go(self, path, wanted=200):
        assert self.open(self.home + path) == wanted, path
        self.look(path)

    def press(self, button, wanted=200, **fields):
        """Fill a form's fields and press its button; the page that comes."""
        fill = "".join(
            f"form.elements[{json.dumps(name)}].value = {json.dumps(value)};"
            for name, value in fields.items()
        )
        script = (
            "window.confirm = () => true; {"
            "const button = [...document.querySelectorAll('main button, .me button')]"
            f".find((one) => one.textContent.trim() === {json.dumps(button)});"
            f"const form = button.form; {fill} button.click(); }}"
        )
        assert self.doing(script) == wanted, (button, self.text()[:500])
        self.look(button)

    def look(self, where):
        """What a screen reader would stumble over, and what the browser itself complains of."""
        self.evaluate(AXE.read_text() + ";0")
        for scheme in ("light", "dark"):
            self.scheme(scheme)
            found = self.evaluate(
                "axe.run({resultTypes: ['violations']}).then((r) => r.violations"
                ".filter((v) => ['serious', 'critical'].includes(v.impact))"
                ".map((v) => [v.id, v.nodes[0].html]))"
            )
            assert found == [], (where, scheme, found)
        self.complaints += [
            event["params"]["entry"]["text"]
            for event in self.events
            if event["method"] == "Log.entryAdded"
            and event["params"]["entry"]["source"] in {"security", "javascript"}
        ]

    @property
    def path(self):
        return self.evaluate("location.pathname")


def test_from_the_first_sign_in_to_a_resolved_incident(gateway, incident, driven):
    first = re.search(r"^  password +(\S+)$", "".join(gateway.output), re.MULTILINE)[1]
    driven.go("/console/")
    assert driven.path == "/console/sign-in"
    driven.press("Sign in", 403, name="admin", password="a guess")
    driven.press("Sign in", name="admin", password=first)
    assert driven.path == "/console/password"
    driven.press("Change password", old=first, new=PASSWORD, again=PASSWORD)
    assert driven.path == "/console/"

    driven.go("/console/accounts")
    driven.evaluate(
        "document.querySelector('[aria-label=\"New account\"] [value=analyst]').click()"
    )
    driven.press("Create account", name="ann")
    one_time = driven.evaluate("document.querySelector('.secret').textContent")
    driven.go("/console/audit")
    driven.press("Sign out")

    driven.press("Sign in", name="ann", password=one_time)
    driven.press("Change password", old=one_time, new=PASSWORD, again=PASSWORD)
    driven.go("/console/accounts", 403)
    driven.go("/console/")
    for words in ("OpenAI API", "distinctive-ids", "What was not inspected"):
        assert words in driven.text()

    driven.go("/console/incidents")
    driven.key("j")
    assert driven.doing("document.activeElement.click()") == 200
    assert driven.path == f"/console/incidents/{incident.id}"
    driven.look("incident")
    driven.press("Save", status="in_progress", assignee="ann", reason="I take it")
    driven.press("Write note", text="Asked the team to rotate the number.")
    driven.press("Save", status="closed", resolution="true_positive")
    assert "true positive" in driven.evaluate("document.querySelector('h1').innerText")
    assert "Asked the team" in driven.text()
    driven.press("Show who it is", reason="They asked us to call them back")
    assert incident.source_ip in driven.evaluate("document.querySelector('.said').innerText")
    driven.go("/console/incidents?status=open")
    assert "No incident is so" in driven.text()
    with gateway.store() as store:
        assert store.get(incident.id) == incident  # what was recorded never changes
    assert driven.complaints == []


def asked_to_think(engine, number, answer):
    """Somebody was coached, and answered."""
    coachings = Store(engine, b"k" * 32)
    ask = Ask(
        incident=f"incident-{number}",
        actor=f"person-{number}",
        source_ip="192.0.2.7",
        service="openai-api",
        host="api.openai.com",
        rule="code-to-strangers",
        lesson="source_code",
        found={"SOURCE_CODE": 1},
        asks=frozenset({Grant("code-to-strangers", "openai-api", f"value:{number}")}),
    )
    coachings.ask(ask, link=f"link-{number}", identity=f"coaching-{number}")
    if answer is not None:
        assert coachings.answer(f"coaching-{number}", answer)


def test_every_other_page(gateway, incident, driven):
    now = datetime.now(UTC)
    engine = open_engine(gateway.database_url)
    Ledger(engine).add(
        {
            (SUSPECT, now.date(), "ann"): Seen(now, now, 3, 2, 4096, 1 << 20),
            (SUSPECT, now.date(), "bob"): Seen(now, now, 1, 1, 900, 1 << 14),
            ("chat.example.org", now.date(), "ann"): Seen(now, now, 2, 0, 700, 1 << 12),
        },
        {
            SUSPECT: frozenset({"word:gpt", "path:openai_chat", "base:openai:/v1"}),
            "chat.example.org": frozenset({"word:chat"}),
        },
    )
    work = Answer("justified", "work", "Public sample code", timedelta(hours=8))
    for number, answer in enumerate((work, work, Answer("cancelled"), None)):
        asked_to_think(engine, number, answer)
    engine.dispose()
    for path in (
        "/console/services",
        "/console/services/midjourney",
        "/console/services/shadow",
        f"/console/services/shadow/{SUSPECT}",
        "/console/policies",
        "/console/policies/distinctive-ids",
        "/console/people",
        "/console/coaching",
        "/console/health",
        "/console/me",
    ):
        driven.go(path)
        if (shots := os.environ.get("LEAKGATE_SHOTS")) and path in PICTURED:
            driven.scheme("light")
            driven.picture(Path(shots) / f"console-{path.rpartition('/')[2]}.png")
        if path == "/console/coaching":
            assert "Public sample code" in driven.text()
    driven.press("Make key", title="nightly", role="analyst", days="7")
    key = driven.evaluate("document.querySelector('.secret').textContent")
    shown = subprocess.run(
        [
            "curl",
            "-sS",
            "-H",
            f"authorization: Bearer {key}",
            f"{gateway.admin_url}/api/v1/incidents",
        ],
        check=True,
        capture_output=True,
        timeout=30,
    )
    assert [line["id"] for line in json.loads(shown.stdout)["incidents"]] == [incident.id]
    assert driven.complaints == []


def test_the_scratch_pad_runs_the_real_inspection_and_keeps_nothing(
    gateway, driven, ssn, card, tmp_path
):
    driven.go("/console/scratch")
    driven.press("Try it", text=f"Her number is {ssn}, the card {card}.", service="openai-api")
    text = driven.text()
    for words in ("redact", "US_SSN", "CREDIT_CARD", "distinctive-ids", "sent, changed"):
        assert words in text
    chosen = tmp_path / f"card {card}.txt"
    chosen.write_text(f"Please charge {card}\n")
    driven.choose_file("input[type=file]", chosen)
    begun = time.monotonic()
    driven.press("Try it", service="midjourney")
    assert time.monotonic() - begun < 30
    assert "CREDIT_CARD" in driven.text()
    page = driven.evaluate("document.documentElement.outerHTML")
    for value in (ssn, card):
        assert value not in page
        assert value.encode() not in gateway.traces()
    # The same process runs the cases of the policies.
    driven.go("/console/policies")
    driven.press("Run the test cases")
    assert re.search(r"\d+ passed, 0 failed", driven.text())
    assert driven.complaints == []
