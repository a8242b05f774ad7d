"""CEF, structured data, OCSF and JSON: whatever an incident holds, readers find what was meant."""

from __future__ import annotations

import dataclasses
import json
import re
import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from gateway import __version__
from gateway.exporters import cef, ocsf, plain, probe
from gateway.exporters.document import Syslog
from gateway.exporters.reach import Reach, tls_context
from gateway.exporters.syslog import MAX_OCTETS, SyslogSink, framed, structured
from gateway.incidents.record import FindingGroup, FiredRule, Incident, UnreadPlace
from gateway.model import Severity, Verdict

# What breaks out of a field in one form or the other, and any other character.
NASTY = st.text(
    st.one_of(st.sampled_from('\\|="] \n\r\t[<>,…\u2028\x00'), st.characters(codec="utf-8")),
    max_size=300,
)
NAME = st.text(string.ascii_letters + string.digits + "-._", min_size=1, max_size=32)
INCIDENTS = st.builds(
    Incident,
    id=NAME,
    exchange=NAME,
    at=st.integers(0, 2**33).map(lambda seconds: datetime.fromtimestamp(seconds + 0.25, UTC)),
    actor=NASTY,
    source_ip=st.one_of(st.ip_addresses().map(str), NASTY),
    service=NASTY,
    category=NASTY,
    operation=NASTY,
    act=NASTY,
    host=NASTY,
    method=NASTY,
    teams=st.none() | st.lists(NASTY, max_size=30).map(tuple),
    verdict=st.sampled_from(Verdict),
    monitored=st.sampled_from(Verdict),
    enforcement=st.sampled_from(["forward", "rewrite", "refuse"]),
    cause=NASTY,
    severity=st.sampled_from(Severity),
    policy_revision=NASTY,
    detector_revision=NASTY,
    inspected=st.integers(0, 2**40),
    rules=st.lists(
        st.builds(
            FiredRule, NASTY, st.just("enforce"), st.sampled_from(Verdict), st.sampled_from(Severity)
        ),
        max_size=30,
    ).map(tuple),
    findings=st.lists(
        st.builds(
            FindingGroup, NASTY, NASTY, NASTY, NASTY, NASTY, st.integers(1, 99), st.integers(1, 99),
            st.floats(0, 1), st.just("•••secret"), st.tuples(NAME),
        ),
        max_size=30,
    ).map(tuple),
    findings_total=st.integers(0, 10**6),
    unread=st.lists(
        st.builds(UnreadPlace, NASTY, NASTY, st.integers(0, 10**9), NASTY), max_size=10
    ).map(tuple),
    unread_total=st.integers(0, 10**6),
)  # fmt: skip


def read_cef(line):
    """Header and extension, read as the format's own document says: by one who did not write it."""
    fields, at = [], 0
    while len(fields) < 7:
        field = ""
        while line[at] != "|":
            if line[at] == "\\":
                at += 1
                assert line[at] in "\\|"
            field += line[at]
            at += 1
        at += 1
        fields.append(field)
    tail = line[at:]
    keys = list(re.finditer(r"(?:^| )([A-Za-z0-9]+)(?<!\\)=", tail))
    pairs = {}
    for match, after in zip(keys, [*keys[1:], None], strict=True):
        value = tail[match.end() : after.start() if after else len(tail)]
        pairs[match[1]] = re.sub(r"\\(.)", r"\1", value)
    return fields, pairs


def sink(form="cef"):
    export = TypeAdapter(Syslog).validate_python(
        {"name": "x", "kind": "syslog", "to": "tcp://siem:601", "format": form}
    )
    return SyslogSink(export, reach=Reach(), tls=tls_context(None, None))


SINKS = {form: sink(form) for form in ("cef", "structured")}
RFC5424 = re.compile(
    rb"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([\x21-\x7e]{1,255})"
    rb" leakgate \d+ incident (-|\[.*\]) (.+)",
    re.DOTALL,
)


@given(INCIDENTS)
def test_no_value_reaches_into_another_in_cef(incident):
    line = cef.line(incident)
    assert line.isprintable()
    fields, pairs = read_cef(line)
    assert fields[:4] == ["CEF:0", "Leakgate", "Leakgate", __version__]
    assert 0 <= int(fields[6]) <= 10
    assert pairs["externalId"] == incident.id
    assert pairs["act"] == incident.enforcement
    assert pairs["cn1"] == str(incident.findings_total)
    for key, value in (("suser", incident.actor), ("dhost", incident.host)):
        shown = cef.bounded(value, cef.PERSON_BYTES)
        assert pairs.get(key, "").strip() == shown.strip()
    known = {"externalId", "rt", "act", "cat", "reason", "src", "c6a2", "c6a2Label", "shost", "suser",
             "dhost", "requestMethod"}  # fmt: skip
    assert all(
        key in known or re.fullmatch(r"(c[sn][1-6]|flexString1)(Label)?", key) for key in pairs
    )


@given(INCIDENTS, st.sampled_from(sorted(SINKS)))
def test_a_syslog_message_is_one_message_of_bounded_length(incident, form):
    message = SINKS[form].message(incident)
    assert len(message) <= MAX_OCTETS
    match = RFC5424.fullmatch(message)
    assert match
    assert 0 <= int(match[1]) <= 191
    assert not re.search(rb"[\x00-\x1f\x7f]", message)
    length, _, rest = framed(message).partition(b" ")
    assert int(length) == len(rest)


@given(INCIDENTS)
def test_no_parameter_reaches_into_another_in_structured_data(incident):
    text = structured(incident, 32473)
    assert text.startswith("[leakgate@32473 ")
    pairs, at = {}, len("[leakgate@32473")
    while text[at] == " ":
        name = text[at + 1 : text.index('="', at)]
        at += 1 + len(name) + 2
        value = ""
        while text[at] != '"':
            if text[at] == "\\":
                at += 1
                assert text[at] in '"\\]'
            else:
                assert text[at] != "]"
            value += text[at]
            at += 1
        at += 1
        assert re.fullmatch(r"[a-z]{1,32}", name)
        pairs[name] = value
    assert text[at] == "]"
    assert pairs["id"] == incident.id
    assert pairs.get("actor", "") == cef.bounded(incident.actor, cef.PERSON_BYTES)


# Attributes that schema 1.5.0 requires of the class, with the values that they may have.
REQUIRED = {
    "activity_id": {0, 1, 2, 3, 99},
    "category_uid": {2},
    "class_uid": {2006},
    "severity_id": {0, 1, 2, 3, 4, 5, 6, 99},
    "type_uid": {200600, 200601, 200602, 200603, 200699},
}


@given(INCIDENTS)
def test_an_ocsf_event_has_what_its_class_requires(incident):
    event = json.loads(json.dumps(ocsf.event(incident)))
    for name, values in REQUIRED.items():
        assert event[name] in values
    assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
    assert isinstance(event["time"], int)
    assert event["metadata"]["version"] == "1.5.0"
    assert event["metadata"]["product"]["vendor_name"]
    assert event["finding_info"]["uid"] == incident.id
    assert "secret" not in json.dumps(event, ensure_ascii=False)


@given(INCIDENTS)
def test_json_is_the_record_without_previews(incident):
    data = json.loads(json.dumps(plain.own(incident)))
    assert data["type"] == "leakgate.incident"
    assert data["id"] == incident.id
    left_out = {"evidence", "asked"}
    assert {each.name for each in dataclasses.fields(Incident)} - left_out == {*data} - {"type"}
    assert "•••secret" not in json.dumps(data, ensure_ascii=False)
    assert all("preview" not in group for group in data["findings"])


def test_cef_says_what_happened(incident):
    line = cef.line(incident(1))
    assert line == (
        f"CEF:0|Leakgate|Leakgate|{__version__}|block-ssn|Request refused|8|"
        "externalId=inc-1 rt=1772368215250 act=refuse cat=chat reason=policy src=192.0.2.7 "
        "suser=ann@example.com dhost=api.openai.com requestMethod=POST "
        "cs1Label=service cs1=openai-api cs2Label=operation cs2=chat.completions "
        "cs3Label=rules cs3=block-ssn,log-mail cs4Label=entities cs4=US_SSN:2,EMAIL_ADDRESS:1 "
        "cs5Label=unread cs5=encrypted cs6Label=policyRevision cs6=p-1 "
        "cn1Label=findings cn1=3 cn2Label=unreadPlaces cn2=1 cn3Label=inspectedBytes cn3=2048"
    )


@pytest.mark.parametrize(
    ("address", "key"), [("192.0.2.7", "src"), ("2001:db8::1", "c6a2"), ("somewhere", "shost")]
)
def test_a_source_goes_where_its_kind_belongs(incident, address, key):
    _, pairs = read_cef(cef.line(incident(1, source_ip=address)))
    assert pairs[key] == address


@pytest.mark.parametrize(
    ("enforcement", "action", "disposition"),
    [("forward", 1, 15), ("rewrite", 1, 11), ("refuse", 2, 2)],
)
def test_ocsf_tells_what_was_done(incident, enforcement, action, disposition):
    event = ocsf.event(incident(1, enforcement=enforcement))
    assert (event["action_id"], event["disposition_id"]) == (action, disposition)
    assert event["severity_id"] == 4
    assert event["actor"]["user"]["name"] == "ann@example.com"
    assert event["src_endpoint"]["ip"] == "192.0.2.7"


def test_people_who_are_left_out_stand_nowhere(incident):
    unnamed = incident(1, actor="", source_ip="")
    for told in (cef.line(unnamed), json.dumps(ocsf.event(unnamed)), structured(unnamed, 1)):
        assert "ann@" not in told
        assert "192.0.2" not in told


def test_a_test_says_that_it_is_one_in_every_form():
    incident = probe.incident("7", datetime(2026, 3, 1, tzinfo=UTC))
    for told in (
        cef.line(incident),
        structured(incident, 1),
        json.dumps(ocsf.event(incident)),
        json.dumps(plain.own(incident)),
    ):
        assert "test-7" in told
        assert "leakgate-export-test" in told


def test_every_form_names_the_teams_of_who_sent_it_and_says_nothing_where_there_are_none(incident):
    teams = ("Sales, EMEA", 'R&D "core"]')
    sent = incident(1, actor="ann", teams=teams)
    _, pairs = read_cef(cef.line(sent))
    assert (pairs["flexString1Label"], pairs["flexString1"]) == ("teams", ",".join(teams))
    assert r'teams="Sales, EMEA,R&D \"core\"\]"' in structured(sent, 32473)
    assert [each["name"] for each in ocsf.event(sent)["actor"]["user"]["groups"]] == list(teams)
    assert plain.own(sent)["teams"] == list(teams)
    for nobody in (None, ()):
        other = incident(1, actor="ann", teams=nobody)
        assert "flexString1" not in cef.line(other)
        assert "teams" not in structured(other, 32473)
