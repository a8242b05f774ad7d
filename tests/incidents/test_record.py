from __future__ import annotations

import contextlib
import dataclasses
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.incidents import record
from gateway.incidents.record import Incident, IncidentError, from_decision, from_json, to_json
from gateway.model import (
    Forward,
    Known,
    Locator,
    Outcome,
    Rewrite,
    RuleHit,
    Scan,
    Severity,
    Unread,
    UnreadReason,
    Verdict,
)


def test_a_decision_not_to_be_remembered_gives_no_incident(decision):
    assert from_decision(decision(incident="")) is None


def test_an_incident_tells_who_what_where_and_what_was_done(decision):
    made = from_decision(decision())
    assert made is not None
    assert (made.id, made.exchange, made.actor) == ("inc-1", "x-1", "ann@example.com")
    assert (made.service, made.act, made.host) == ("openai", "prompt", "api.openai.com")
    assert made.verdict is Verdict.REDACT
    assert made.monitored is Verdict.BLOCK
    assert (made.enforcement, made.cause) == ("refuse", "policy")
    assert made.severity is Severity.HIGH
    assert made.at.isoformat() == "2025-11-24T16:00:00.123456+00:00"
    assert [rule.rule for rule in made.rules] == ["block-ssn", "log-mail"]
    assert [(place.path, place.reason) for place in made.unread] == [
        ("messages[2].file", "encrypted")
    ]
    assert made.timings == {"extract": 0.0005, "detect": 0.002}


def test_findings_of_one_entity_in_one_place_are_one_group(decision):
    made = from_decision(decision())
    assert made is not None
    first, second = made.findings
    assert (first.entity, first.count, first.distinct) == ("US_SSN", 2, 2)
    assert first.confidence == 0.95
    assert first.fingerprints == (f"{1:032x}", f"{2:032x}")
    assert (second.entity, second.path, second.count) == ("EMAIL_ADDRESS", "messages[1].content", 1)
    assert made.findings_total == 3


@pytest.mark.parametrize(
    ("enforcement", "word"),
    [(Forward(), "forward"), (Rewrite("/?q=1", (), b"body", ()), "rewrite")],
)
def test_enforcement_is_told_in_one_word(decision, enforcement, word):
    made = from_decision(decision(enforcement=enforcement))
    assert made is not None
    assert (made.enforcement, made.cause) == (word, "")


def test_what_the_bounds_leave_out_is_counted(decision, finding):
    many = tuple(
        finding(n, locator=Locator(f"messages[{n}]")) for n in range(record.MAX_GROUPS + 7)
    )
    same = tuple(finding(n) for n in range(record.MAX_FINGERPRINTS + 30))
    unread = tuple(
        Unread(Locator(f"file[{n}]"), UnreadReason.MALFORMED) for n in range(record.MAX_UNREAD + 3)
    )
    hits = tuple(
        RuleHit(f"r{n}", Severity.LOW, "enforce", Verdict.LOG) for n in range(record.MAX_RULES + 2)
    )
    made = from_decision(
        decision(
            scan=Scan(same + many, unread),
            outcome=Outcome(Verdict.LOG, Verdict.LOG, Severity.LOW, hits),
        )
    )
    assert made is not None
    assert len(made.findings) == record.MAX_GROUPS
    assert made.findings_total == len(same) + len(many)
    assert made.unread_total == len(unread)
    assert made.omitted == 1 + 7 + 3 + 2
    assert len(made.findings[0].fingerprints) == record.MAX_FINGERPRINTS
    assert made.findings[0].distinct == len(same)


def test_the_largest_incident_fits_one_spool_record(decision, finding):
    from gateway.incidents.spool import MAX_RECORD

    wide = "😀" * 4000
    made = from_decision(
        decision(
            actor=wide,
            host=wide,
            scan=Scan(
                tuple(
                    finding(
                        n,
                        entity=wide,
                        detector=wide,
                        preview=wide,
                        fingerprint=f"{m}{wide}",
                        locator=Locator(f"{n}{wide}"),
                    )
                    for n in range(record.MAX_GROUPS)
                    for m in range(record.MAX_FINGERPRINTS)
                ),
                tuple(
                    Unread(Locator(wide), UnreadReason.MALFORMED, 2**40, wide) for _ in range(500)
                ),
            ),
            outcome=Outcome(
                Verdict.BLOCK,
                Verdict.BLOCK,
                Severity.CRITICAL,
                tuple(RuleHit(wide, Severity.LOW, "enforce", Verdict.LOG) for _ in range(500)),
            ),
        )
    )
    assert made is not None
    assert MAX_RECORD // 2 < len(to_json(made)) < MAX_RECORD


def test_text_that_no_database_takes_is_made_harmless(decision, finding):
    made = from_decision(
        decision(
            actor="a\x00b\ud800c\nd",
            scan=Scan((finding(preview="\x00\x1b[2J", confidence=math.nan),)),
            at=math.inf,
        )
    )
    assert made is not None
    assert made.actor == "a\ufffdb?c\ufffdd"
    assert made.findings[0].preview == "\ufffd\ufffd[2J"
    assert made.findings[0].confidence == 0.0
    assert from_json(to_json(made)) == made


def test_no_part_of_the_exchange_reaches_the_incident(decision):
    canary = "canary-" + "5f3a" * 4
    made = from_decision(
        decision(
            enforcement=Rewrite(f"/?q={canary}", ((b"x", canary.encode()),), canary.encode(), ())
        )
    )
    assert made is not None
    assert canary not in repr(made)
    assert canary.encode() not in to_json(made)


def test_json_is_one_line_and_comes_back_equal(incident):
    line = to_json(incident())
    assert b"\n" not in line
    assert json.loads(line)["verdict"] == "redact"
    assert from_json(line) == incident()


def _changed(line: bytes, **changes: object) -> bytes:
    return json.dumps(json.loads(line) | changes).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": 2},
        {"unknown": 1},
        {"verdict": "maybe"},
        {"severity": "awful"},
        {"severity": None},
        {"enforcement": "drop"},
        {"at": "2025-11-24T16:00:00"},
        {"inspected": "many"},
        {"findings": [{"entity": "US_SSN"}]},
        {"timings": {"detect": "NaN"}},
    ],
)
def test_json_of_another_shape_is_refused(incident, changes):
    with pytest.raises(IncidentError):
        from_json(_changed(to_json(incident()), **changes))


def test_a_missing_field_is_refused(incident):
    data = json.loads(to_json(incident()))
    del data["actor"]
    with pytest.raises(IncidentError):
        from_json(json.dumps(data).encode())


def test_the_error_never_quotes_the_record(incident):
    canary = "canary-" + "9c1d" * 4
    with pytest.raises(IncidentError) as caught:
        from_json(_changed(to_json(incident()), verdict=canary, actor=[canary]))
    assert canary not in str(caught.value)
    assert caught.value.__cause__ is None


@settings(max_examples=examples(300), deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_an_incident_or_the_one_error(data):
    with contextlib.suppress(IncidentError):
        from_json(data)


@settings(max_examples=examples(150), deadline=None)
@given(data=st.data())
def test_any_text_survives_the_journal_and_fits_its_column(data):
    text = st.text(st.characters(codec=None, exclude_categories=()), max_size=600)
    sizes = {"actor": record.PERSON_CHARS, "service": record.NAME_CHARS, "cause": record.NAME_CHARS}
    words = {name: record._clean(data.draw(text), limit) for name, limit in sizes.items()}
    for name, limit in sizes.items():
        assert len(words[name]) <= limit
        assert "\x00" not in words[name]
        words[name].encode("utf-8")


def test_incidents_are_frozen(incident):
    with pytest.raises(dataclasses.FrozenInstanceError):
        incident().actor = "someone else"
    assert isinstance(incident(), Incident)


def test_an_incident_tells_what_was_known_of_its_sender(decision):
    known = Known(frozenset({"sales", "eng"}), ("eng", "sales"), "laptop\x007", frozenset({"k"}))
    made = from_decision(decision(known=known))
    assert (made.teams, made.asked, made.keys) == (("eng", "sales"), ("eng", "sales"), ("k",))
    assert made.device == "laptop\ufffd7"
    assert from_json(to_json(made)) == made
    nobody = from_decision(decision(known=Known()))
    assert (nobody.teams, nobody.asked, nobody.device, nobody.keys) == (None, (), "", None)
    assert from_decision(decision()).asked is None


def test_a_line_of_an_earlier_version_is_read(decision):
    old = json.loads(to_json(from_decision(decision())))
    for name in ("teams", "asked", "device", "keys"):
        del old[name]
    assert from_json(json.dumps(old).encode()) == from_decision(decision())
