"""Signing in by a provider: a real one, `oidc-provider`, and one that lies in every way."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from support.console import NOON, ORIGIN, Browser, Place
from support.tables import sqlite

from gateway.console.accounts import NotSo
from gateway.console.document import Oidc
from gateway.console.oidc import Provider
from gateway.console.roles import Role

ROOT = Path(__file__).parents[2]
MODULES = ROOT / ".tools" / "node_modules"
SECRET = "a secret of the tests"
BACK = f"{ORIGIN}/console/oidc/back"


# --- the real one ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def issuer():
    node = shutil.which("node")
    if node is None or not (MODULES / "oidc-provider").is_dir():
        pytest.skip("oidc-provider is not installed (`make tools`)")
    process = subprocess.Popen(
        [node, str(ROOT / "tests" / "tools" / "oidc-provider.mjs"), str(MODULES), BACK],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    yield process.stdout.readline().strip()
    process.terminate()
    process.wait(10)
    process.stdout.close()


@pytest.fixture
def provided(issuer, tmp_path, monkeypatch):
    """A console behind the real provider. Its clock is the true one, as the provider's is."""
    monkeypatch.setenv("CONSOLE_SECRET", SECRET)
    url = sqlite(tmp_path / "console.db")
    place = Place(
        url,
        url=ORIGIN,
        oidc={
            "issuer": issuer,
            "client_id": "leakgate",
            "client_secret": {"env": "CONSOLE_SECRET"},
            "roles": {"analyst": "security-analysts", "admin": ["security-admins"]},
        },
    )
    yield place
    place.close()


def through(browser, name):
    """Sign in as `name` at the provider; the address that the provider sends back to."""
    start = browser.open("/console/oidc")
    assert start.status_code == 303, start.text
    with httpx.Client(follow_redirects=False, trust_env=False) as person:
        address = start.headers["location"]
        asked = parse_qs(urlsplit(address).query)
        assert asked["code_challenge_method"] == ["S256"]
        for _ in range(12):
            answer = person.get(address)
            while answer.status_code in {302, 303}:
                address = urljoin(address, answer.headers["location"])
                if address.startswith(BACK):
                    return address
                answer = person.get(address)
            action = urljoin(address, re.search(r'action="([^"]+)"', answer.text)[1])
            prompt = re.search(r'name="prompt" value="([^"]+)"', answer.text)[1]
            answer = person.post(
                action, data={"prompt": prompt, "login": name, "password": "anything"}
            )
            address = urljoin(action, answer.headers["location"])
            if address.startswith(BACK):
                return address
    raise AssertionError("the provider did not send anybody back")


def come_back(browser, address):
    parts = urlsplit(address)
    return browser.open(f"{parts.path}?{parts.query}")


def test_groups_become_roles(provided):
    browser = provided.browser()
    answer = come_back(browser, through(browser, "ann"))
    assert answer.status_code == 200, answer.text
    assert 'http-equiv="refresh"' in answer.text
    assert "samesite=strict" in answer.headers["set-cookie"].lower()
    account = provided.door.accounts.get("ann@example.com")
    assert (account.source, account.roles) == ("oidc", {Role.ANALYST})
    assert browser.open("/console/scratch").status_code == 200
    assert browser.open("/console/accounts").status_code == 403
    assert browser.open("/console/password").status_code == 404
    entry = provided.log.list()[0]
    assert (entry.who, entry.action, entry.detail["by"]) == (
        "ann@example.com",
        "session.begun",
        "provider",
    )


def test_who_is_in_no_group_stays_outside(provided):
    browser = provided.browser()
    answer = come_back(browser, through(browser, "eve"))
    assert answer.status_code == 403
    assert "none of your groups" in answer.text
    assert provided.door.accounts.list() == ()


def test_an_address_that_nobody_verified_names_nobody(provided):
    browser = provided.browser()
    answer = come_back(browser, through(browser, "mallory"))
    assert answer.status_code == 403
    assert "not verified" in answer.text


def test_a_way_back_is_good_once_in_the_browser_that_left(provided):
    browser = provided.browser()
    address = through(browser, "root")
    # Somebody else's browser: it has not been to the provider, or was sent another way.
    stranger = Browser(provided.built.app)
    assert come_back(stranger, address).status_code == 403
    assert come_back(browser, address).status_code == 403  # spent by the stranger's try
    address = through(browser, "root")
    assert come_back(browser, address).status_code == 200
    assert come_back(browser, address).status_code == 403


def test_a_way_back_ends(provided):
    browser = provided.browser()
    address = through(browser, "root")
    provided.clock.forward(minutes=10)
    assert come_back(browser, address).status_code == 403


def test_a_disabled_account_stays_outside(provided):
    browser = provided.browser()
    come_back(browser, through(browser, "ann"))
    provided.account("chief", Role.ADMIN)
    provided.door.set("chief", "ann@example.com", disabled=True)
    assert browser.open("/console/").status_code == 303
    assert come_back(browser, through(browser, "ann")).status_code == 403


# --- one that lies ---------------------------------------------------------------------------------


class Liar:
    """A provider whose every word can be changed."""

    def __init__(self):
        self.key = ECKey.generate_key("P-256", {"kid": "one", "use": "sig", "alg": "ES256"})
        self.discovery = {}
        self.claims = {}
        self.word = None
        self.status = 200
        self.asked = []
        liar = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                import json

                if self.path.startswith("/.well-known/"):
                    said = {
                        "issuer": liar.issuer,
                        "authorization_endpoint": f"{liar.issuer}/auth",
                        "token_endpoint": f"{liar.issuer}/token",
                        "jwks_uri": f"{liar.issuer}/keys",
                        **liar.discovery,
                    }
                else:
                    said = {"keys": [liar.key.as_dict(private=False)]}
                self._say(200, json.dumps(said))

            def do_POST(self):
                import json

                length = int(self.headers["content-length"])
                liar.asked.append(parse_qs(self.rfile.read(length).decode()))
                self._say(liar.status, json.dumps({"id_token": liar.word or liar.signed()}))

            def _say(self, status, text):
                data = text.encode()
                self.send_response(status)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def signed(self, key=None, header=None):
        now = int(NOON.timestamp())
        claims = {
            "iss": self.issuer,
            "aud": "leakgate",
            "sub": "s-1",
            "nonce": "n",
            "iat": now,
            "exp": now + 300,
            "email": "ann@example.com",
            "groups": ["security-analysts"],
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(
            header or {"alg": "ES256", "kid": "one"},
            claims,
            key or self.key,
            algorithms=["ES256", "HS256"],
        )


@pytest.fixture
def liar():
    made = Liar()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def provider(liar):
    settings = Oidc(
        issuer=liar.issuer, client_id="leakgate", roles={"analyst": "security-analysts"}
    )
    return Provider(settings, BACK, clock=NOON.timestamp)


def test_a_true_word_counts(provider, liar):
    person = provider.person("code", "n", "v" * 43, "")
    assert (person.name, person.subject, person.roles) == (
        "ann@example.com",
        "s-1",
        {Role.ANALYST},
    )
    assert liar.asked[0]["code_verifier"] == ["v" * 43]


@pytest.mark.parametrize(
    "lie",
    [
        {"iss": "https://other.example"},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": ["leakgate", "another"]},
        {"aud": ["leakgate", "another"], "azp": "another"},
        {"azp": "another"},
        {"aud": None},
        {"nonce": "m"},
        {"nonce": None},
        {"exp": 1},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"iat": int(NOON.timestamp()) + 3600},
    ],
)
def test_a_word_that_is_not_for_this_sign_in_lets_nobody_in(provider, liar, lie):
    liar.claims = lie
    with pytest.raises(NotSo):
        provider.person("code", "n", "v" * 43, "")


def test_a_signature_that_is_not_the_provider_s_lets_nobody_in(provider, liar):
    other = ECKey.generate_key("P-256", {"kid": "one"})
    shared = OctKey.import_key(SECRET)
    import base64

    head = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    for word in (
        liar.signed(key=other),
        liar.signed(key=shared, header={"alg": "HS256", "kid": "one"}),
        f"{head}.{liar.signed().split('.')[1]}.",
        liar.signed()[:-4] + "AAAA",
        "not.a.word",
        "",
        "x",
    ):
        liar.word = word or "x.y"
        with pytest.raises(NotSo, match="signature"):
            provider.person("code", "n", "v" * 43, "")


def test_an_answer_of_another_provider_is_not_taken_for_this_one_s(provider, liar):
    with pytest.raises(NotSo, match="another provider"):
        provider.person("code", "n", "v" * 43, "https://other.example")
    liar.discovery = {"authorization_response_iss_parameter_supported": True}
    strict = Provider(
        Oidc(issuer=liar.issuer, client_id="leakgate", roles={"analyst": "x"}),
        BACK,
        clock=NOON.timestamp,
    )
    with pytest.raises(NotSo, match="another provider"):
        strict.person("code", "n", "v" * 43, "")


@pytest.mark.parametrize(
    "lie",
    [
        {"issuer": "https://other.example"},
        {"token_endpoint": "ftp://x"},
        {"token_endpoint": None},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
def test_a_provider_that_says_odd_things_of_itself_is_not_used(provider, liar, lie):
    liar.discovery = lie
    with pytest.raises(NotSo):
        provider.leave()


def test_a_provider_that_is_away_or_refuses_lets_nobody_in(provider, liar):
    liar.status = 400
    with pytest.raises(NotSo, match="did not agree"):
        provider.person("code", "n", "v" * 43, "")
    away = Provider(
        Oidc(issuer="http://127.0.0.1:9", client_id="leakgate", roles={"analyst": "x"}), BACK
    )
    with pytest.raises(NotSo, match="cannot be reached"):
        away.leave()


def test_new_keys_of_the_provider_are_asked_for(liar):
    now = [NOON.timestamp()]
    settings = Oidc(
        issuer=liar.issuer, client_id="leakgate", roles={"analyst": "security-analysts"}
    )
    provider = Provider(settings, BACK, clock=lambda: now[0])
    provider.leave()
    liar.key = ECKey.generate_key("P-256", {"kid": "two", "use": "sig", "alg": "ES256"})
    liar.word = liar.signed(header={"alg": "ES256", "kid": "two"})
    now[0] += 11
    assert provider.person("code", "n", "v" * 43, "").name == "ann@example.com"


def test_another_subject_with_the_same_name_is_somebody_else(place):
    place.account("root", Role.ADMIN)
    place.door.vouched("ann@example.com", "s-1", [Role.ANALYST], address="")
    with pytest.raises(NotSo, match="another account"):
        place.door.vouched("ann@example.com", "s-2", [Role.ADMIN], address="")
    with pytest.raises(NotSo, match="another account"):
        place.door.vouched("root", "s-3", [Role.ADMIN], address="")


def test_the_clock_of_the_machine_is_used():
    settings = Oidc(issuer="https://login.example.com", client_id="x", roles={"admin": "a"})
    assert abs(Provider(settings, BACK)._clock() - time.time()) < 60
