"""Working on incidents, in a browser and by the API."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta

import pytest
from support.console import NOON, Place
from support.incidents import an_incident
from support.tables import sqlite

from gateway.console.roles import Role
from gateway.incidents.states import Resolution, Status
from gateway.model import Severity

PERSON = "ann.secret@example.com"
ADDRESS = "192.0.2.77"


def fill(place, number=6):
    place.desk.store.add(
        dataclasses.replace(
            an_incident(n),
            actor=PERSON if n % 2 else "bob@example.com",
            source_ip=ADDRESS,
            at=NOON - timedelta(minutes=n),
            severity=Severity.HIGH if n % 3 else Severity.LOW,
        )
        for n in range(number)
    )


@pytest.fixture
def worked(place):
    fill(place)
    return place


def test_a_list_shows_pseudonyms_and_never_people(worked):
    analyst = worked.browser(Role.ANALYST)
    program = worked.program(Role.ANALYST)
    pages = [
        analyst.open("/console/incidents").text,
        analyst.open("/console/incidents/inc-1").text,
        program.get("/api/v1/incidents").text,
        program.get("/api/v1/incidents/inc-1").text,
    ]
    pseudonym = worked.desk.people.pseudonyms.person(PERSON)
    for page in pages:
        assert pseudonym in page
        assert PERSON not in page
        assert ADDRESS not in page


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"min_severity": "high"}, [1, 2, 4, 5]),
        ({"rule": "block-ssn", "since": "2026-03-01", "until": "2026-03-01"}, [0, 1, 2, 3, 4, 5]),
        ({"since": "2026-03-02"}, []),
        ({"rule": "none"}, []),
        ({"unread": "encrypted", "entity": "US_SSN"}, [0, 1, 2, 3, 4, 5]),
        ({"assignee": "-", "status": "open"}, [0, 1, 2, 3, 4, 5]),
        ({"status": "closed"}, []),
        ({"actor": PERSON}, []),
    ],
)
def test_a_filter_in_the_address(worked, asked, ids):
    text = worked.browser(Role.VIEWER).open("/console/incidents", **asked).text
    assert re.findall(r'data-line href="/console/incidents/inc-(\d+)"', text) == [
        str(n) for n in ids
    ]


def test_a_filter_by_pseudonym(worked):
    pseudonym = worked.desk.people.pseudonyms.person(PERSON)
    found = worked.program(Role.VIEWER).get("/api/v1/incidents", params={"actor": pseudonym}).json()
    assert [line["id"] for line in found["incidents"]] == ["inc-1", "inc-3", "inc-5"]


@pytest.mark.parametrize(
    "asked", [{"status": "gone"}, {"min_severity": "x"}, {"since": "soon"}, {"before": "x_y"}]
)
def test_a_filter_that_makes_no_sense_is_said_so(worked, asked):
    answer = worked.browser(Role.VIEWER).open("/console/incidents", **asked)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


def test_an_id_leads_to_its_incident_and_a_fingerprint_to_its_list(worked):
    browser = worked.browser(Role.VIEWER)
    found = browser.open("/console/incidents", q="inc-3")
    assert found.headers["location"] == "/console/incidents/inc-3"
    text = browser.open("/console/incidents", q=f"{1:032x}").text
    assert "6 incidents" in text
    assert "0 incidents" in browser.open("/console/incidents", q="none").text


def test_pages_of_a_list_neither_skip_nor_repeat(place):
    fill(place, 120)
    browser = place.browser(Role.VIEWER)
    seen, path = [], "/console/incidents?min_severity=info"
    while path:
        text = browser.open(path).text
        seen += re.findall(r'data-line href="/console/incidents/(inc-\d+)"', text)
        more = re.search(r'href="(\?[^"]+)">Older', text)
        path = "/console/incidents" + more[1].replace("&amp;", "&") if more else ""
    assert seen == [f"inc-{n}" for n in range(120)]
    program = place.program(Role.VIEWER)
    told, following = [], {}
    while following is not None:
        page = program.get("/api/v1/incidents", params={"limit": 50, **following}).json()
        told += [line["id"] for line in page["incidents"]]
        following = page["next"]
    assert told == seen


def test_an_incident_is_taken_worked_on_and_closed(worked):
    browser = worked.browser(Role.ANALYST, name="ann")
    path = "/console/incidents/inc-1"
    taken = browser.send(
        f"{path}/change", version="0", status="in_progress", resolution="", assignee="ann",
        severity="critical", add_label="vip urgent", reason="looks bad",
    )  # fmt: skip
    assert taken.headers["location"] == f"{path}?said=changed"
    assert browser.send(f"{path}/note", text="Called the team.").status_code == 303
    closed = browser.send(
        f"{path}/change", version="1", status="closed", resolution="true_positive",
        assignee="ann", severity="critical", rule="block-ssn",
    )  # fmt: skip
    assert closed.status_code == 303
    state = worked.desk.work.state("inc-1")
    assert (state.status, state.resolution) == (Status.CLOSED, Resolution.TRUE_POSITIVE)
    assert (state.assignee, state.severity, state.labels) == (
        "ann",
        Severity.CRITICAL,
        {"vip", "urgent"},
    )
    text = browser.open(path).text
    for words in ("Called the team.", "looks bad", "open &gt; in_progress", "true positive"):
        assert words in text
    assert [rule.rule for rule in worked.desk.work.precision()] == ["block-ssn"]
    again = browser.send(
        f"{path}/change", version="2", status="open", resolution="true_positive",
        assignee="", severity="critical",
    )  # fmt: skip
    assert again.status_code == 303
    assert worked.desk.work.state("inc-1").resolution is None


def test_who_has_not_seen_a_change_does_not_undo_it(worked):
    ann, bob = worked.browser(Role.ANALYST, name="ann"), worked.program(Role.ANALYST, name="bob")
    told = bob.patch("/api/v1/incidents/inc-2", json={"version": 0, "assignee": "bob"})
    assert told.json()["version"] == 1
    stale = ann.send(
        "/console/incidents/inc-2/change", version="0", status="open", assignee="ann",
        severity="high",
    )  # fmt: skip
    assert stale.status_code == 409
    assert "was changed meanwhile by `bob`" in stale.text.replace("&#96;", "`")
    assert bob.patch("/api/v1/incidents/inc-2", json={"version": 0}).status_code == 409
    assert worked.desk.work.state("inc-2").assignee == "bob"


def test_several_are_changed_at_once(worked):
    browser = worked.browser(Role.ANALYST, name="ann")
    ticked = browser.send(
        "/console/incidents", which="ticked", incident=["inc-1", "inc-2"], status="in_progress",
        assignee="ann",
    )  # fmt: skip
    assert "2 incidents changed, 0 left" in browser.open(ticked.headers["location"]).text
    every = browser.send(
        "/console/incidents", which="all", f_min_severity="high", resolution="test",
        reason="a drill",
    )  # fmt: skip
    assert "4 incidents changed" in browser.open(every.headers["location"]).text
    closed = [n for n in range(6) if worked.desk.work.state(f"inc-{n}").status is Status.CLOSED]
    assert closed == [1, 2, 4, 5]
    nothing = browser.send("/console/incidents", which="ticked", resolution="test")
    assert nothing.status_code == 400
    program = worked.program(Role.ANALYST)
    told = program.post(
        "/api/v1/incidents/changes",
        json={"which": {"status": "open"}, "assignee": "bob", "reason": "the rest"},
    )
    assert told.json() == {"changed": 2, "unchanged": 0, "missing": 0}


def test_whom_an_incident_is_about_is_told_to_who_says_why_and_noted(worked):
    browser = worked.browser(Role.ANALYST, name="ann")
    path = "/console/incidents/inc-1/person"
    assert browser.send(path, do="see", reason="short").status_code == 400
    shown = browser.send(path, do="see", reason="They asked us for help themselves")
    assert PERSON in shown.text
    assert PERSON not in browser.open("/console/incidents/inc-1").text
    (entry,) = worked.log.list(action="unmask.*")
    assert (entry.who, entry.target) == ("ann", "inc-1")
    program = worked.program(Role.PRIVACY_OFFICER)
    told = program.post("/api/v1/incidents/inc-1/person", json={"reason": "A court order of 2 May"})
    assert told.json() == {"actor": PERSON, "source_ip": ADDRESS, "device": ""}
    assert (
        program.post("/api/v1/incidents/none/person", json={"reason": "x" * 20}).status_code == 404
    )


def test_a_second_person_agrees_where_that_is_set(tmp_path):
    url = sqlite(tmp_path / "console.db")
    place = Place(url, second_person=True)
    fill(place)
    ann = place.browser(Role.ANALYST, name="ann")
    path = "/console/incidents/inc-1/person"
    early = ann.send(path, do="see", reason="They asked us for help themselves")
    assert early.status_code == 400
    assert PERSON not in early.text
    assert ann.send(path, do="ask", reason="They asked us for help").status_code == 303
    (request,) = place.desk.people.requests()
    # Who asks decides nothing, whatever their roles.
    both = place.browser(Role.PRIVACY_OFFICER, Role.ANALYST, name="eve")
    both.send(path, do="ask", reason="I would like to know")
    own = next(each for each in place.desk.people.requests() if each.asked_by == "eve")
    assert both.send("/console/people", request=own.id, do="grant").status_code == 400
    officer = place.browser(Role.PRIVACY_OFFICER, name="olga")
    assert request.reason in officer.open("/console/people").text
    assert officer.send("/console/people", request=request.id, do="grant").status_code == 303
    assert PERSON in ann.send(path, do="see").text
    place.close()


def test_a_false_alarm_becomes_the_text_of_an_exception(worked):
    browser = worked.browser(Role.POLICY_AUTHOR, name="pia")
    answer = browser.send(
        "/console/incidents/inc-1/exception", rule="block-ssn", value=f"{1:032x}",
        until="2026-05-01", owner="pia", reason="a part number",
    )  # fmt: skip
    assert answer.status_code == 200
    for words in ("block-ssn:", f"fingerprint: {1:032x}", "2026-05-01", "a part number"):
        assert words in answer.text.replace("&#39;", ""), words
    late = browser.send(
        "/console/incidents/inc-1/exception", rule="block-ssn", value=f"{1:032x}",
        until="2030-01-01", owner="pia", reason="a part number",
    )  # fmt: skip
    assert late.status_code == 400


def test_what_is_tried_is_in_no_answer_log_or_database(worked, tmp_path, caplog):
    caplog.set_level("DEBUG")
    canary = "canary-4111-1111"
    browser, program = worked.browser(Role.ANALYST), worked.program(Role.ANALYST)
    answers = [
        browser.send("/console/scratch", text=canary, service="chatgpt"),
        browser.send(
            "/console/scratch",
            service="chatgpt",
            files={"file": (f"{canary}.txt", canary.encode())},
        ),
        browser.send("/console/scratch", text=canary, service="none-such"),
        program.post("/api/v1/trials", json={"text": canary}),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 400, 200]
    assert [attempt.data for attempt in worked.gateway.tried] == [canary.encode()] * 3
    assert worked.gateway.tried[1].upload
    for answer in answers:
        assert canary not in answer.text
    assert canary not in caplog.text
    assert canary not in repr(worked.gateway.tried)
    worked.engine.dispose()
    for path in tmp_path.iterdir():
        assert canary.encode() not in path.read_bytes()


def test_every_change_is_in_the_audit_log(worked):
    """Whatever a form or a call changed, somebody's name stands beside it."""
    ann = worked.browser(Role.ANALYST, name="ann")
    path = "/console/incidents/inc-1"
    steps = [
        ("incident.changed", f"{path}/change", {"version": "0", "status": "in_progress"}),
        ("incident.noted", f"{path}/note", {"text": "x"}),
        ("unmask.seen", f"{path}/person", {"do": "see", "reason": "because I must know"}),
        ("key.made", "/console/me/keys", {"title": "k", "role": "analyst", "days": "3"}),
        ("session.ended", "/console/sign-out", {}),
    ]
    for action, where, fields in steps:
        assert ann.send(where, **fields).status_code in {200, 303}
        newest = worked.log.list(limit=1)[0]
        assert (newest.action, newest.who) == (action, "ann")
    root = worked.browser(Role.ADMIN, name="root")
    for action, fields in (
        ("account.changed", {"do": "roles", "role": "viewer"}),
        ("account.reset", {"do": "reset"}),
        ("account.changed", {"do": "disable"}),
    ):
        root.send("/console/accounts/set", name="ann", **fields)
        newest = worked.log.list(limit=1)[0]
        assert (newest.action, newest.who, newest.target) == (action, "root", "ann")
    assert worked.log.verify().whole


def test_small_teams_are_named_only_to_those_who_may_unmask(place):
    asked = {"asked": ("*",), "device": "ann-laptop", "keys": ()}
    place.desk.store.add(
        an_incident(n, actor=f"p{n}", teams=("sales", *(["council"] if n < 2 else [])), **asked)
        for n in range(6)
    )
    seeing, blind = Role.ANALYST, Role.VIEWER
    for role, name in ((seeing, "council"), (blind, "small group")):
        browser, program = place.browser(role), place.program(role)
        other = {"council": "small group", "small group": "council"}[name]
        for page in (
            browser.open("/console/").text,
            browser.open("/console/incidents").text,
            browser.open("/console/incidents/inc-1").text,
            program.get("/api/v1/overview").text,
            program.get("/api/v1/incidents").text,
            program.get("/api/v1/incidents/inc-1").text,
        ):
            assert name in page
            assert "sales" in page
            assert other not in page
            assert "ann-laptop" not in page
        found = program.get("/api/v1/incidents", params={"team": "council"}).json()
        assert found["matching"] == (2 if role is seeing else 0)
        assert program.get("/api/v1/incidents", params={"team": "sales"}).json()["matching"] == 6
    reason = "a lost laptop is looked for"
    told = place.program(seeing).post("/api/v1/incidents/inc-1/person", json={"reason": reason})
    assert told.json() == {"actor": "p1", "source_ip": "192.0.2.7", "device": "ann-laptop"}


def test_old_incidents_say_that_they_lack_groups(worked):
    page = worked.browser(Role.VIEWER).open("/console/incidents/inc-1").text
    assert "Groups, device and API keys were not recorded then." in page


def test_the_reasons_of_rules_name_nobody(worked):
    page = worked.program(Role.VIEWER).get("/api/v1/incidents/inc-1").json()
    assert page["rules_today"]
    assert PERSON not in str(page)
