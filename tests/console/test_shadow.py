"""Shadow AI in the console: ranked, drafted, dismissed, by those who may."""

from __future__ import annotations

from datetime import timedelta

import pytest
import yaml
from support.console import NOON

from gateway.console.roles import Role
from gateway.shadow.ledger import Ledger, Seen

PAGE = "/console/services/shadow"
HOSTS = ("one.gpt.example", "two.gpt.example", "api.openai.com")


@pytest.fixture
def seen(place):
    today = NOON.date()
    Ledger(place.engine).add(
        {
            (host, today, f"person-{n}@example.com"): Seen(NOON, NOON, 1, 0, 10, 20)
            for number, host in enumerate(HOSTS)
            for n in range(number + 1)
        }
        | {("old.gpt.example", today - timedelta(days=40), "x"): Seen(NOON, NOON, 1, 0, 1, 1)},
        {host: frozenset({"word:gpt"}) for host in (*HOSTS, "old.gpt.example")},
    )
    return place


def test_hosts_are_ranked_and_nobody_is_named(seen):
    text = seen.browser(Role.VIEWER).open(PAGE).text
    assert text.index("two.gpt.example") < text.index("one.gpt.example")
    assert "api.openai.com" not in text, "a service of the catalogue is no suspect"
    assert "old.gpt.example" not in text
    assert "old.gpt.example" in seen.browser(Role.VIEWER).open(PAGE, days="90").text
    told = seen.program(Role.VIEWER).get("/api/v1/shadow").json()
    assert [(each["host"], each["people"]) for each in told] == [
        ("two.gpt.example", 2),
        ("one.gpt.example", 1),
    ]
    assert told[0]["reasons"] == ["its name has “gpt” in it"]
    assert "person-" not in text + str(told)


def test_a_draft_is_shown_and_comes_as_a_file(seen):
    viewer = seen.browser(Role.VIEWER)
    page = viewer.open(f"{PAGE}/two.gpt.example").text
    assert "trains_on_input: unknown" in page
    assert "Dismiss" not in page
    file = viewer.open(f"{PAGE}/two.gpt.example/draft")
    assert file.headers["content-disposition"].startswith("attachment")
    (service,) = yaml.safe_load(file.text)["services"]
    assert service["hosts"] == ["two.gpt.example"]
    told = seen.program(Role.VIEWER).get("/api/v1/shadow/two.gpt.example/draft").json()
    assert told == {"service": service["id"], "file": f"{service['id']}.yaml", "text": file.text}


def test_who_dismisses_a_host_says_why_and_it_is_noted(seen):
    analyst = seen.browser(Role.ANALYST, name="ann")
    path = f"{PAGE}/two.gpt.example"
    assert analyst.send(path, do="dismiss", reason=" ").status_code == 400
    assert analyst.send(path, do="dismiss", reason="a shop for shoes").status_code == 303
    assert "two.gpt.example" not in analyst.open(PAGE).text
    assert "a shop for shoes" in analyst.open(PAGE, dismissed="yes").text
    assert "Take that back" in analyst.open(path).text
    program = seen.program(Role.POLICY_AUTHOR, name="paul")
    assert program.delete("/api/v1/shadow/two.gpt.example/dismissal").json()["dismissed"] is None
    told = program.post("/api/v1/shadow/two.gpt.example/dismissal", json={"reason": "really"})
    assert (told.json()["dismissed"]["who"], told.json()["dismissed"]["reason"]) == (
        "paul",
        "really",
    )
    assert [(entry.who, entry.action) for entry in reversed(seen.log.list(action="shadow.*"))] == [
        ("ann", "shadow.dismissed"),
        ("paul", "shadow.restored"),
        ("paul", "shadow.dismissed"),
    ]


def test_hosts_that_nobody_saw_are_not_there(seen):
    analyst, program = seen.browser(Role.ANALYST), seen.program(Role.ANALYST)
    for path in (f"{PAGE}/never.ai", f"{PAGE}/never.ai/draft"):
        assert analyst.open(path).status_code == 404
    assert analyst.send(f"{PAGE}/never.ai", do="dismiss", reason="why not").status_code == 404
    assert program.get("/api/v1/shadow/never.ai").status_code == 404
    assert program.delete("/api/v1/shadow/never.ai/dismissal").status_code == 404


def test_a_host_with_a_service_says_so(seen):
    page = seen.browser(Role.VIEWER).open(f"{PAGE}/api.openai.com").text
    assert "by now, and is inspected" in page
    assert "openai-api" in page
