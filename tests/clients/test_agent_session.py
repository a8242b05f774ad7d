"""A coding agent works on a repository full of values: none leaves, and its edits hold the real ones.

Law: each answer, put together, is what the same service would have said without the gateway, and
what the service sees of earlier turns is byte for byte what it saw before (its prompt cache holds).
"""

from __future__ import annotations

import itertools
import json
import ssl

import httpx
import pytest
from support import agent
from support.echo import Echo
from support.gateway import GatewayProcess
from support.thorough import FULL

POLICY = """\
version: 1
rules:
  - id: people
    severity: medium
    when: {entity: [PERSON, EMAIL_ADDRESS, PHONE_NUMBER, US_SSN, CREDIT_CARD, IBAN_CODE]}
    action: tokenise
  - id: keys
    severity: high
    when: {entity_group: secret, min_confidence: 0.6}
    action: tokenise
    redact:
      secret: {operator: token, restore: true}
"""
TURNS = 40 if FULL else 25
WIRES = {"anthropic": agent.Anthropic, "responses": agent.Responses}


class Place:
    """Two services of the same mind: one behind the gateway, one that is asked straight."""

    def __init__(self, folder, tls):
        self.behind, self.straight = Echo(tls[0]), Echo(tls[0])
        self.behind.__enter__()
        self.straight.__enter__()
        self.gateway = GatewayProcess(
            folder,
            policies=POLICY,
            upstreams=dict.fromkeys(("api.anthropic.com", "api.openai.com"), self.behind.url),
            trusted_ca=tls[1],
        )
        self.gateway.start()
        through = ssl.create_default_context(cafile=str(self.gateway.ca))
        self.through = httpx.Client(proxy=self.gateway.url, verify=through, timeout=60)
        direct = ssl.create_default_context(cafile=str(tls[1]))
        self.direct = httpx.Client(verify=direct, timeout=60)

    def ask(self, wire, body):
        """The answers to one request, without and with the gateway."""
        headers = {"content-type": "application/json", "authorization": "Bearer none"}
        straight = self.direct.post(self.straight.url + wire.path, content=body, headers=headers)
        through = self.through.post(wire.url, content=body, headers=headers)
        assert (straight.status_code, through.status_code) == (200, 200), through.text[:500]
        return straight.content, through.content

    def close(self):
        self.through.close()
        self.direct.close()
        self.gateway.stop()
        self.behind.__exit__()
        self.straight.__exit__()


@pytest.fixture(scope="module")
def place(tmp_path_factory, tls):
    place = Place(tmp_path_factory.mktemp("agent"), tls)
    yield place
    place.close()


@pytest.fixture(scope="module", params=WIRES)
def replayed(request, place):
    """One session: what was said in each turn, both ways, and what each service heard."""
    wire = WIRES[request.param]
    repo = agent.repository(seed=7)
    steps = agent.plan(repo, TURNS)
    for service in (place.behind, place.straight):
        service.heard.clear()
        service.script = agent.model(steps)
    session, turns = agent.Session(wire, repo), []
    for _ in steps:
        straight, through = place.ask(wire, session.body())
        turns.append((wire.spoken(straight), session.go_on(through)))
    return wire, repo, steps, session, turns, place.behind.heard[:], place.straight.heard[:]


def test_session_has_what_a_session_has(replayed):
    _, repo, steps, _, _, _, heard = replayed
    assert (len(set(repo.planted)), len(repo.files)) == (24, 11)
    assert len(repo.files["logs/worker.log"]) >= 70_000
    assert [step.kind for step in steps].count(agent.EDIT) >= 10
    # Without a gateway each of the values leaves.
    assert sorted(repo.left(b"\n".join(body for _, _, body in heard))) == sorted(repo.planted)


def test_none_of_the_values_leaves(replayed):
    _, repo, _, _, _, heard, _ = replayed
    sent = b"\n".join(target.encode() + repr(head).encode() + body for target, head, body in heard)
    assert repo.left(sent) == []


def test_each_answer_is_what_it_would_have_been_without_the_gateway(replayed):
    turns = replayed[4]
    for straight, through in turns:
        assert through == straight


def test_edits_hold_the_real_values(replayed):
    _, repo, steps, session, _, _, _ = replayed
    marked = [
        line
        for text in session.space.files.values()
        for line in text.splitlines()
        if line.startswith("# checked")
    ]
    assert len(marked) >= 10
    touched = [
        repo.files[step.path].splitlines()[step.lines[-1]]
        for step in steps
        if step.kind == agent.EDIT
    ]
    for value in repo.planted:
        assert any(value in line for line in marked) == any(value in line for line in touched)
    for path, text in session.space.files.items():
        assert [line for line in text.splitlines() if not line.startswith("# checked")] == (
            repo.files[path].splitlines()
        )


def test_earlier_turns_arrive_byte_for_byte_as_they_did_before(replayed):
    _, _, _, _, _, behind, straight = replayed
    for heard in (straight, behind):
        bodies = [body for _, _, body in heard]
        for one, two in itertools.pairwise(bodies):
            # All but what closes the list and the request: `]}`.
            assert agent.prefix(one, two) == len(one) - len(b"]}")


def test_the_service_is_told_its_own_words_as_it_said_them(replayed):
    """A cache may also hold what the service itself wrote: it comes back with its tokens."""
    wire, _, steps, _, _, behind, _ = replayed
    last = json.loads(behind[-1][2])
    results = wire.results(last)
    said = agent.model(steps)
    history = last[wire.history]
    spoken = [item for item in history if item.get("role") != "user"]
    expected = []
    for number, (_, _, body) in enumerate(behind[:-1]):
        assert wire.results(json.loads(body)) == results[:number]
        _, parts = said(wire.path, json.loads(body))
        expected += wire.spoken(b"".join(parts))
    for item in expected:
        item.pop("status", None)
    assert [item for item in spoken if "output" not in item] == expected
