"""People who have to think first, where two gateways share one PostgreSQL.

A link that one made is answered at the other, and the reason then holds at both, until the team takes
it back.
"""

from __future__ import annotations

import re
import secrets
import ssl
import subprocess
import sys

import pytest
from support import echo
from support.gateway import GatewayProcess

httpx = pytest.importorskip("httpx")

CHAT = "https://api.openai.com/v1/chat/completions"
POLICY = """\
version: 1
rules:
  - id: think-of-people
    severity: high
    when: {entity: EMAIL_ADDRESS}
    action: coach
    coach: {lesson: pii, reasons: [work], valid_for: 8 h}
"""


class Place:
    """Gateways A and B, their database, and the service behind both."""

    def __init__(self, folder, tls, postgres):
        self.echo = echo.Echo(tls[0])
        self.echo.__enter__()
        self.echo.script = lambda _, body: echo.chat(body)
        database = postgres.create("coaching_of_two")
        self.gateways = {
            name: GatewayProcess(
                folder / name,
                policies=POLICY,
                upstreams={"api.openai.com": self.echo.url},
                trusted_ca=tls[1],
                # One audit log, so one key.
                settings={
                    "database": database,
                    "workers": 1,
                    "audit_key": str(folder / "audit.key"),
                },
            )
            for name in "AB"
        }
        # The first one makes the tables; the second one finds them.
        for gateway in self.gateways.values():
            gateway.start()
        self.clients = {name: self._client(gateway) for name, gateway in self.gateways.items()}

    @staticmethod
    def _client(gateway):
        context = ssl.create_default_context(cafile=str(gateway.ca))
        return httpx.Client(proxy=gateway.url, verify=context, timeout=60)

    def close(self):
        for client in self.clients.values():
            client.close()
        for gateway in self.gateways.values():
            gateway.stop()
        self.echo.__exit__()

    def leakgate(self, *arguments):
        """A command of gateway A's; what it prints."""
        config = ("--config", str(self.gateways["A"].config))
        code = "from gateway.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments, *config],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def sent(self, name, text):
        """Whether a text goes out through a gateway."""
        body = {"model": "echo", "messages": [{"role": "user", "content": text}]}
        return self.clients[name].post(CHAT, json=body).status_code == 200

    def link(self, name, text):
        """The link in the error that comes instead."""
        body = {"model": "echo", "messages": [{"role": "user", "content": text}]}
        got = self.clients[name].post(CHAT, json=body)
        assert got.status_code == 400, got.text
        return re.search(r"https://leakgate\.internal/c/[\w-]+", got.text)[0]

    def answer(self, name, link, answer="go"):
        """Answer at a gateway; the page that comes."""
        client = self.clients[name]
        page = client.get(link, headers={"accept-language": "en"})
        assert page.status_code == 200, page.text
        token = re.search(r'name="form" value="([0-9a-f]+)"', page.text)[1]
        form = {"form": token, "answer": answer, "reason": "work"}
        done = client.post(link, data=form, follow_redirects=True)
        assert done.status_code == 200, done.text
        return done.text


@pytest.fixture(scope="module")
def place(tmp_path_factory, tls, postgres_server):
    if not postgres_server.running:
        postgres_server.start()
    place = Place(tmp_path_factory.mktemp("two"), tls, postgres_server)
    yield place
    place.close()


def address():
    return f"{secrets.token_hex(6)}.miller@example-customer.com"


def test_a_link_of_one_gateway_is_answered_at_the_other_and_holds_at_both(place):
    text = f"Write to {address()}."
    link = place.link("A", text)
    assert "You may send it again now" in place.answer("B", link)
    # It is told so at both, too.
    assert "You may send it again now" in place.clients["A"].get(link).text
    for name in ("A", "B", "A"):
        assert place.sent(name, text)
    # One address more is asked about at either.
    for name in "AB":
        place.link(name, f"{text} And to {address()}.")
    assert place.gateways["A"].metric("leakgate_coaching_answers_total") == 0
    assert place.gateways["B"].metric("leakgate_coaching_answers_total", result="justified") == 1


def test_what_is_given_up_at_one_gateway_is_given_up_at_both(place):
    text = f"Write to {address()}."
    link = place.link("B", text)
    assert "Nothing has left the company" in place.answer("A", link, "cancel")
    assert "Nothing has left the company" in place.clients["B"].get(link).text
    for name in "AB":
        place.link(name, text)


def test_what_is_taken_back_is_asked_about_again_at_both(place):
    text, other = (f"Write to {address()}." for _ in range(2))
    for each in (text, other):
        place.answer("A", place.link("A", each))
        for name in "AB":
            assert place.sent(name, each)
    newest_first = place.leakgate("coaching", "list", "--answer", "justified").splitlines()
    identity = newest_first[1].split()[0]
    place.leakgate("coaching", "withdraw", identity, "--reason", "sent too much")
    for name in "BA":
        link = place.link(name, f"{text} {other}")
        assert place.sent(name, text)
    place.answer("B", link)
    for name in "AB":
        assert place.sent(name, other)
