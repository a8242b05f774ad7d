"""Who gets which values back: two actors, two gateways on one database, and what goes wrong there.

The service says a token that it heard in an earlier request, as services do that keep the
conversation on their side; the request that it answers holds no value. docs/proof.md has the table.
"""

from __future__ import annotations

import contextlib
import json
import ssl
import time
from datetime import UTC, datetime, timedelta

import httpcore
import httpx
import pytest
import sqlalchemy
from click.testing import CliRunner
from support import echo
from support.gateway import GatewayProcess

from gateway.cli import main
from gateway.vault import keys

CHAT = "https://api.openai.com/v1/chat/completions"
ANGELA, MARCUS, HANNAH = "Angela Whitfield", "Marcus Pemberton", "Hannah Kingsley"
SENT = "Please call {} today."
ASKED = "Whom was I to call?"
POLICY = """\
version: 1
rules:
  - id: people
    severity: medium
    when: {entity: [PERSON, EMAIL_ADDRESS]}
    action: tokenise
"""


class _From(httpcore.SyncBackend):
    """Connects from an address of this machine; httpx has no setting for it beside a proxy."""

    def __init__(self, address):
        self.address = address

    def connect_tcp(self, host, port, **more):
        return super().connect_tcp(host, port, **(more | {"local_address": self.address}))


class Place:
    """Replicas A and B, the service behind both, and their database."""

    def __init__(self, folder, tls, postgres):
        self.folder, self.tls, self.postgres = folder, tls, postgres
        self.database = postgres.create("tokens_of_two")
        self.key_file = folder / "shared" / "token.keys"
        keys.ensure(self.key_file, datetime.now(UTC))
        self.echo = echo.Echo(tls[0])
        self.echo.__enter__()
        self.replicas = {name: self._replica(name) for name in "AB"}
        # The first one makes the tables; the second one finds them.
        for replica in self.replicas.values():
            replica.start()

    def _replica(self, name):
        return GatewayProcess(
            self.folder / name,
            policies=POLICY,
            upstreams={"api.openai.com": self.echo.url},
            trusted_ca=self.tls[1],
            settings={"database": self.database, "token_keys": str(self.key_file), "workers": 1},
        )

    def close(self):
        if not self.postgres.running:
            self.postgres.start()
        for replica in self.replicas.values():
            replica.stop()
        self.echo.__exit__()

    def say(self, actor, replica, text, *, answer=None, stream=True):
        """What the client of `actor` gets; the service says `answer`, or back what it heard."""

        def script(path, body):
            if answer is not None:
                body = body | {"messages": [{"role": "user", "content": answer}]}
            return echo.chat(body)

        self.echo.script = script
        gateway = self.replicas[replica]
        transport = httpx.HTTPTransport()
        transport._pool = httpcore.HTTPProxy(
            gateway.url,
            ssl_context=ssl.create_default_context(cafile=str(gateway.ca)),
            network_backend=_From(actor),
        )
        body = {
            "model": "echo",
            "stream": stream,
            "messages": [{"role": "user", "content": text}],
        }
        with httpx.Client(transport=transport, timeout=60) as client:
            got = client.post(CHAT, json=body)
        assert got.status_code == 200, got.text[:300]
        if not stream:
            return got.json()["choices"][0]["message"]["content"]
        events = [line[6:] for line in got.text.split("\n") if line.startswith("data: {")]
        return "".join(json.loads(e)["choices"][0]["delta"].get("content") or "" for e in events)

    def heard(self):
        """The prompt of the last request, as the service got it."""
        return json.loads(self.echo.heard[-1][2])["messages"][0]["content"]

    def token(self, actor, replica, name=ANGELA):
        """The token that a value leaves as; the same exchange gives the value back."""
        assert self.say(actor, replica, SENT.format(name)) == SENT.format(name)
        heard = self.heard()
        assert name not in heard
        (token,) = [word for word in heard.split() if word.startswith("PERSON_")]
        return token

    def later(self, actor, replica, token, **more):
        """What an answer that holds `token` becomes, to a request without values."""
        return self.say(actor, replica, ASKED, answer=f"It was {token}.", **more)

    def leakgate(self, *command):
        done = CliRunner().invoke(main, [*command, "--config", str(self.replicas["A"].config)])
        assert done.exit_code == 0, done.output
        return done.stdout

    def execute(self, statement, **values):
        engine = sqlalchemy.create_engine(self.database.replace("://", "+psycopg://", 1))
        with engine.begin() as connection:
            result = connection.execute(sqlalchemy.text(statement), values)
            rows = result.all() if result.returns_rows else []
        engine.dispose()
        return rows

    def adopted(self, number):
        """Wait until both replicas go by the `number` keys of the file."""
        deadline = time.monotonic() + 60
        for replica in self.replicas.values():
            while True:
                lines = [line for line in replica.log().splitlines() if " keys loaded" in line]
                if len(lines) >= self.turns and f"{number} of them" in lines[-1]:
                    break
                assert time.monotonic() < deadline, replica.log()[-2000:]
                time.sleep(0.2)

    turns = 0

    def turn(self, number, change):
        """Change the key file by `change`; gives what it gives when both replicas go by it."""
        self.turns = (
            max(log.count(" keys loaded") for log in (r.log() for r in self.replicas.values())) + 1
        )
        result = change()
        self.adopted(number)
        return result

    def settle(self):
        """As if the keys had been made an hour earlier."""
        text = self.key_file.read_text()
        for key in keys.load(self.key_file).keys:
            earlier = key.created - timedelta(hours=1)
            text = text.replace(
                f"{key.id} {key.created:%Y-%m-%dT%H:%M:%SZ}",
                f"{key.id} {earlier:%Y-%m-%dT%H:%M:%SZ}",
            )
        self.key_file.write_text(text)


_actors = iter(range(10, 250))


@pytest.fixture
def actor():
    """Somebody who was never here."""
    return f"127.0.0.{next(_actors)}"


another = actor


@pytest.fixture(scope="module")
def place(tmp_path_factory, tls, postgres_server):
    if not postgres_server.running:
        postgres_server.start()
    place = Place(tmp_path_factory.mktemp("vault"), tls, postgres_server)
    yield place
    place.close()


# --- who -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("replica", ["A", "B"])
def test_the_same_actor_gets_it_back_later_on_each_replica(place, actor, replica, stream):
    token = place.token(actor, "A")
    assert place.later(actor, replica, token, stream=stream) == f"It was {ANGELA}."
    assert place.heard() == ASKED


@pytest.mark.parametrize("replica", ["A", "B"])
def test_another_actor_never_gets_it(place, actor, another, replica):
    token = place.token(actor, "A")
    place.token(another, replica, HANNAH)  # has tokens, but not this one
    assert place.later(another, replica, token) == f"It was {token}."
    # Nor one who has none at all.
    assert place.later("127.0.0.9", replica, token) == f"It was {token}."


@pytest.mark.parametrize("replica", ["A", "B"])
def test_another_actor_who_writes_the_token_fishes_for_nothing(place, actor, another, replica):
    token = place.token(actor, "A")
    place.token(another, replica, HANNAH)
    asked = f"Who is {token}?"
    assert place.say(another, replica, asked) == asked
    assert place.heard() == asked
    # Nor with an answer to a later request.
    assert place.later(another, replica, token) == f"It was {token}."


def test_the_same_value_has_a_token_of_its_own_for_each_actor(place, actor, another):
    one, two = place.token(actor, "A"), place.token(another, "A")
    assert one != two
    assert place.later(another, "B", f"{one} or {two}") == f"It was {one} or {ANGELA}."


def test_both_replicas_make_the_same_token(place, actor):
    assert place.token(actor, "A") == place.token(actor, "B")


def test_an_actor_new_to_a_replica_is_known_there_once_the_other_one_kept_something(place, actor):
    """B was asked about the actor while there was nothing: it does not go on believing that."""
    assert place.say(actor, "B", ASKED, answer="Nobody.") == "Nobody."
    token = place.token(actor, "A")
    deadline = time.monotonic() + 15
    while place.later(actor, "B", token) != f"It was {ANGELA}.":
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_a_restart_in_the_middle_of_a_conversation_changes_nothing(place, actor):
    token = place.token(actor, "A")
    place.replicas["A"].stop()
    place.replicas["A"].start()
    assert place.later(actor, "A", token) == f"It was {ANGELA}."
    assert place.token(actor, "A") == token


# --- how long ------------------------------------------------------------------------------------


def test_an_expired_token_is_restored_to_nobody_until_its_value_is_sent_again(place, actor):
    token = place.token(actor, "A")
    place.token(actor, "A", MARCUS)
    place.execute("UPDATE vault_tokens SET expires_at = now() - interval '1 minute'")
    assert place.later(actor, "B", token) == f"It was {token}."
    # The same token again, for it is made from the value.
    assert place.token(actor, "B") == token
    assert place.later(actor, "B", token) == f"It was {ANGELA}."


def test_a_conversation_goes_on_with_its_key_and_a_new_one_gets_the_new_key(place, actor, another):
    token = place.token(actor, "A")
    (old,) = keys.load(place.key_file).keys
    made = place.turn(2, lambda: place.leakgate("tokens", "rotate")).split()[0]
    # Until it has settled, everybody goes on with the old one.
    place.token(another, "B")
    assert _rows(place) == {old.id}
    place.turn(2, place.settle)
    assert place.later(actor, "B", token) == f"It was {ANGELA}."
    assert place.token(actor, "A") == token
    assert place.token(actor, "B") == token
    somebody_new = f"127.0.0.{next(_actors)}"
    fresh = place.token(somebody_new, "B", HANNAH)
    assert _rows(place) == {old.id, made}
    assert place.later(somebody_new, "A", fresh) == f"It was {HANNAH}."

    # Dropped: what was sealed with it is gone for good, for everybody.
    place.turn(1, lambda: place.leakgate("tokens", "drop", old.id))
    for replica in "AB":
        assert place.later(actor, replica, token) == f"It was {token}."
    again = place.token(actor, "A")
    assert again != token
    assert place.later(actor, "B", again) == f"It was {ANGELA}."
    # The old token is nothing but a word now.
    asked = f"Who is {token}?"
    assert place.say(actor, "A", asked) == asked


def _rows(place):
    return {key for (key,) in place.execute("SELECT DISTINCT key FROM vault_tokens")}


# --- without a database --------------------------------------------------------------------------


def test_without_its_database_a_gateway_restores_within_the_exchange_and_refuses_nothing(
    place, actor
):
    token = place.token(actor, "A")
    gateway = place.replicas["A"]
    before = gateway.metric("leakgate_vault_failures_total")
    place.postgres.checkpoint()  # keeping waits for no disk: the last moment is lost in a crash
    place.postgres.stop()
    try:
        # In the same exchange, from memory; the value does not leave.
        assert place.token(actor, "A", MARCUS).startswith("PERSON_")
        assert gateway.metric("leakgate_vault_failures_total") > before
        # Of earlier ones: the token stays, and the answer comes.
        assert place.later(actor, "A", token) == f"It was {token}."
        # The token of a value is the same as ever.
        assert place.token(actor, "A") == token
    finally:
        place.postgres.start()
    deadline = time.monotonic() + 60
    while place.later(actor, "A", token) != f"It was {ANGELA}.":
        assert time.monotonic() < deadline, gateway.log()[-2000:]
        time.sleep(0.5)


def test_nothing_of_it_stands_in_the_database_or_in_what_a_gateway_writes(place, actor):
    token = place.token(actor, "A")
    rows = place.execute("SELECT actor, token, sealed FROM vault_tokens")
    assert rows
    held = b"\n".join(bytes(cell) for row in rows for cell in row)
    for secret in (ANGELA, token, actor):
        assert secret.encode() not in held
    for replica in place.replicas.values():
        with contextlib.suppress(OSError):
            assert ANGELA.encode() not in replica.traces()
