"""What passed unopened: sums that go on, and no name that nobody has looked at."""

from __future__ import annotations

import json

import pytest

from gateway.metrics import Metrics
from gateway.proxy import ledger as passing
from gateway.proxy.ledger import HIDDEN, OTHER, PassedLedger

NUMBER = "618-58-1234.example.org"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "passed.json"


def ledger(path, told):
    return PassedLedger(Metrics(version="test"), path, harmless=told.get, clock=lambda: 1000.0)


def test_a_name_in_which_something_was_found_stands_nowhere(path):
    told = {"fine.example.org": True, NUMBER: False}
    kept = ledger(path, told)
    for host in ("Fine.example.org.", NUMBER, NUMBER, "new.example.org"):
        kept.passed(host, "not_catalogued")(10, 20)
    kept.save()
    data = json.loads(path.read_text())
    assert {host: (each["connections"], each["sent"]) for host, each in data.items()} == {
        "fine.example.org": (1, 10),
        HIDDEN: (3, 30),
    }
    assert set(kept.hosts) == {"fine.example.org", HIDDEN}
    # Once it has been looked at, it is told by its name.
    told["new.example.org"] = True
    assert kept.hosts["new.example.org"].received == 20
    assert kept.hosts[HIDDEN].connections == 2


def test_sums_go_on_and_what_was_looked_at_is_not_again(path):
    first = ledger(path, {"fine.example.org": True})
    for host in ("fine.example.org", NUMBER):
        first.passed(host, "no_name")(1, 2)
    first.save()
    asked = []
    again = PassedLedger(Metrics(version="test"), path, harmless=asked.append)
    again.passed("fine.example.org", "no_name")(1, 2)
    assert (again.hosts["fine.example.org"].sent, again.hosts[HIDDEN].sent) == (2, 1)
    assert asked == []


def test_names_of_an_earlier_version_are_looked_at_before_they_are_told_again(path):
    entry = {"why": "no_name", "first_seen": 1.0, "last_seen": 2.0, "connections": 3}
    path.write_text(json.dumps({NUMBER: entry, "fine.example.org": entry, OTHER: entry}))
    kept = ledger(path, {NUMBER: False, "fine.example.org": True})
    kept.save()
    data = json.loads(path.read_text())
    assert set(data) == {"fine.example.org", OTHER, HIDDEN}
    assert data[HIDDEN]["connections"] == 3


def test_hosts_beyond_the_most_are_summed_up(path, monkeypatch):
    monkeypatch.setattr(passing, "MAX_HOSTS", 2)
    kept = ledger(path, {f"h{number}": True for number in range(5)})
    for number in range(5):
        kept.passed(f"h{number}", "no_name")(1, 1)
    assert {host: each.connections for host, each in kept.hosts.items()} == {
        "h0": 1,
        "h1": 1,
        OTHER: 3,
    }
