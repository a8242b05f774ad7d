"""Evidence is sealed where it is found, and is in clear nowhere else; only the private key opens it."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from support.exchanges import exchange
from support.gateway import KEY, patterns

from gateway import bootstrap, evidence
from gateway.audit import keeping
from gateway.audit.log import Log
from gateway.cli import main
from gateway.evidence import EvidenceError, EvidencePlan
from gateway.incidents.record import from_decision, from_json, to_data, to_json
from gateway.incidents.spool import Spool
from gateway.incidents.states import UnknownIncident, WorkError
from gateway.incidents.store import Store
from gateway.incidents.work import Work
from gateway.model import (
    Act,
    Decision,
    Finding,
    Forward,
    Locator,
    Outcome,
    PartKind,
    Role,
    Route,
    RuleHit,
    Scan,
    Severity,
    Verdict,
)
from gateway.settings import Settings

SSN = "536-90-4399"
CANARY = "the-canary-" + "9f3c" * 3
POLICY = """\
version: 1
rules:
  - {id: numbers, severity: high, when: {entity: US_SSN, min_confidence: 0.5}, action: block}
  - {id: mail, severity: low, when: {entity: EMAIL_ADDRESS}, action: log}
"""


@pytest.fixture(scope="module")
def keys():
    return evidence.make_keys()


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    folder = tmp_path_factory.mktemp("policies")
    (folder / "own.yaml").write_text(POLICY)
    return bootstrap.load_rules(folder)


def plan(keys, keep="surroundings", least=Severity.HIGH, **rules):
    return EvidencePlan(evidence.public_key(keys[1]), keep, least, rules)


def inspected(rules, keeping, text):
    inspector = bootstrap.build_inspector(
        bootstrap.plan(rules, key=KEY, cache=patterns(), max_decoded=1 << 20, keeping=keeping)
    )
    body = json.dumps({"messages": [{"role": "user", "content": text}]}).encode()
    return inspector.inspect(
        exchange(
            body,
            headers=((b"content-type", b"application/json"),),
            host="api.openai.com",
            target="/v1/chat/completions",
            id="inc-7",
        )
    )


TEXT = f"{CANARY} here. My social security number is {SSN}, write to ann.miller@example.com please."


def test_nothing_is_kept_unless_it_is_set_up(rules):
    assert inspected(rules, None, TEXT).evidence == b""
    assert Settings().evidence is None


@pytest.mark.parametrize("keep", ["surroundings", "part"])
def test_what_was_sent_is_in_clear_nowhere_but_under_the_private_key(
    rules, keys, keep, migrated_url, tmp_path, caplog
):
    decision = inspected(rules, plan(keys, keep), TEXT)
    found = evidence.unseal(decision.evidence, "inc-7", keys[0])
    (piece,) = found["pieces"]
    assert CANARY in piece["text"]
    assert (SSN in piece["text"]) is (keep == "part")
    assert piece["entities"] == ["EMAIL_ADDRESS", "US_SSN"]
    if keep == "surroundings":
        assert "number is •••••••••••, write to" in piece["text"]
    # The journal, the record as it is shown and exported, the database.
    incident = from_decision(decision)
    spool = Spool.open(tmp_path / "spool", 1 << 20)
    spool.append(incident)
    (back,) = spool.read(10).incidents
    spool.close()
    store = Store.open(migrated_url)
    store.add([back])
    with store.engine.connect() as connection:
        sealed = connection.exec_driver_sql("SELECT sealed FROM incident_evidence").scalar_one()
        everything = ""
        for table in connection.dialect.get_table_names(connection):
            everything += repr(connection.exec_driver_sql(f"SELECT * FROM {table}").all())
    work = Work(store.engine, Log(store.engine, bytes(32)))
    for wrong, error in ((("inc-7", " "), WorkError), (("none", "because"), UnknownIncident)):
        with pytest.raises(error):
            work.evidence(wrong[0], who="ann", reason=wrong[1])
    taken = work.evidence("inc-7", who="ann", reason="the officer asked")
    assert taken == bytes(sealed) == decision.evidence
    assert [entry.action for entry in work.history("inc-7")] == ["evidence.taken"]
    assert store.get("inc-7") == dataclasses.replace(incident, evidence="")
    store.close()
    places = [
        everything.encode(),
        bytes(sealed),
        repr(decision).encode(),
        repr(incident).encode(),
        json.dumps(to_data(incident)).encode(),
        to_json(incident),
        caplog.text.encode(),
        *(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()),
    ]
    for place in places:
        assert CANARY.encode() not in place
        assert SSN.encode() not in place
    assert "evidence" not in to_data(incident)


def test_an_incident_without_evidence_gives_none(migrated_url):
    store = Store.open(migrated_url)
    store.add([from_decision(decided({}))])
    work = Work(store.engine, Log(store.engine, bytes(32)))
    with pytest.raises(WorkError, match="nothing was kept"):
        work.evidence("x", who="ann", reason="the officer asked")
    assert work.history("x") == ()
    store.close()


def test_a_record_of_before_has_no_evidence():
    data = json.loads(to_json(from_decision(decided({}))))
    del data["evidence"]
    assert from_json(json.dumps(data).encode()).evidence == ""


# --- what is kept --------------------------------------------------------------------------------


def decided(texts, *spans, hits=("numbers",), severity=Severity.HIGH):
    findings = tuple(
        Finding(
            locator=place, role=Role.USER, kind=PartKind.TEXT, editable=True, entity="US_SSN",
            start=start, end=end, confidence=1.0, detector="d", fingerprint="f", preview="",
        )
        for place, start, end in spans
    )  # fmt: skip
    return Decision(
        exchange="x", at=0.0, actor="", source_ip="", method="POST", host="h",
        route=Route("s", "c", "o", Act.OTHER, "generic", {}),
        scan=Scan(findings),
        outcome=Outcome(
            Verdict.BLOCK,
            Verdict.BLOCK,
            severity,
            tuple(RuleHit(hit, severity, "enforce", Verdict.BLOCK, ()) for hit in hits),
        ),
        enforcement=Forward(), policy_revision="", detector_revision="", incident="x",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("keep", "rules", "hits", "severity", "wanted"),
    [
        ("part", {}, ["a"], Severity.HIGH, "part"),
        ("part", {}, ["a"], Severity.MEDIUM, "none"),
        ("none", {"a": "surroundings"}, ["a", "b"], Severity.LOW, "surroundings"),
        ("surroundings", {"a": "part"}, ["a", "b"], Severity.HIGH, "part"),
        ("part", {"a": "none"}, ["a"], Severity.CRITICAL, "none"),
        ("part", {"a": "none"}, ["a", "b"], Severity.CRITICAL, "part"),
    ],
)
def test_the_rules_say_what_is_kept_and_the_most_counts(keys, keep, rules, hits, severity, wanted):
    made = plan(keys, keep, Severity.HIGH, **rules)
    assert made.wanted(decided({}, hits=hits, severity=severity)) == wanted


HERE, THERE = Locator("a"), Locator("b")


@given(
    text=st.text(max_size=400),
    spans=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 40)), min_size=1, max_size=5),
)
def test_no_letter_of_a_finding_is_in_the_surroundings(text, spans):
    keys = KEYS
    places = [(HERE, start, start + size) for start, size in spans]
    sealed = evidence.seal(plan(keys), decided({}, *places), {HERE: text})
    found = evidence.unseal(sealed, "x", keys[0])["pieces"] if sealed else []
    covered = list(text)
    for _, start, end in places:
        for at in range(start, min(end, len(text))):
            covered[at] = "•"
    for piece in found:
        assert piece["text"] in "".join(covered)


KEYS = evidence.make_keys()


def test_what_is_kept_is_bounded_and_says_so(keys):
    long = "x" * 200_000
    sealed = evidence.seal(
        plan(keys, "part"), decided({}, (HERE, 0, 3), (THERE, 0, 3)), {HERE: long, THERE: long}
    )
    found = evidence.unseal(sealed, "x", keys[0])
    assert found["cut"]
    assert sum(len(piece["text"]) for piece in found["pieces"]) == evidence.MAX_CHARS
    many = [(HERE, at, at + 2) for at in range(0, 100_000, 1000)]
    found = evidence.unseal(
        evidence.seal(plan(keys), decided({}, *many), {HERE: long}), "x", keys[0]
    )
    assert (len(found["pieces"]), found["cut"]) == (evidence.MAX_PIECES, True)
    assert evidence.seal(plan(keys), decided({}, (THERE, 0, 3)), {HERE: long}) == b""


def test_its_length_tells_little(keys):
    sizes = {
        len(evidence.seal(plan(keys, "part"), decided({}, (HERE, 0, 1)), {HERE: "x" * size}))
        for size in range(1, 400, 7)
    }
    assert len(sizes) <= 2


def test_surrogates_survive(keys):
    sealed = evidence.seal(plan(keys, "part"), decided({}, (HERE, 0, 1)), {HERE: "a\ud800b"})
    assert evidence.unseal(sealed, "x", keys[0])["pieces"][0]["text"] == "a\ud800b"


# --- keys ----------------------------------------------------------------------------------------


def test_it_opens_with_its_key_and_under_its_incident_only(keys):
    sealed = evidence.seal(plan(keys, "part"), decided({}, (HERE, 0, 1)), {HERE: "abc"})
    with pytest.raises(EvidenceError, match="another incident"):
        evidence.unseal(sealed, "y", keys[0])
    with pytest.raises(EvidenceError, match="another key"):
        evidence.unseal(sealed, "x", evidence.make_keys()[0])
    for at in (20, 60, len(sealed) - 1):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(EvidenceError, match="does not open"):
            evidence.unseal(bytes(changed), "x", keys[0])
    for wrong in (b"", b"LGE1", sealed[:12], b"LGE2" + sealed[4:]):
        with pytest.raises(EvidenceError, match="form"):
            evidence.unseal(wrong, "x", keys[0])


def test_a_private_key_may_have_a_passphrase():
    private, public = evidence.make_keys(b"open sesame")
    keys = (private, public)
    sealed = evidence.seal(plan(keys, "part"), decided({}, (HERE, 0, 1)), {HERE: "abc"})
    assert evidence.unseal(sealed, "x", private, b"open sesame")["incident"] == "x"
    for word in (b"", b"wrong"):
        with pytest.raises(EvidenceError, match="passphrase"):
            evidence.unseal(sealed, "x", private, word)


def test_keys_of_other_tools_are_taken_and_others_told(keys, tmp_path):
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    for command in (
        ["genpkey", "-algorithm", "X25519", "-out", private],
        ["pkey", "-in", private, "-pubout", "-out", public],
        ["genpkey", "-algorithm", "ED25519", "-out", tmp_path / "other.pem"],
        ["pkey", "-in", tmp_path / "other.pem", "-pubout", "-out", tmp_path / "other.pub"],
    ):
        subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True)
    theirs = (private.read_bytes(), public.read_bytes())
    sealed = evidence.seal(plan(theirs, "part"), decided({}, (HERE, 0, 1)), {HERE: "abc"})
    assert evidence.unseal(sealed, "x", theirs[0])["pieces"][0]["text"] == "abc"
    for wrong, told in (
        (theirs[0], "private key"),
        (b"nonsense", "no public key"),
        ((tmp_path / "other.pub").read_bytes(), "no X25519"),
    ):
        with pytest.raises(EvidenceError, match=told):
            evidence.public_key(wrong)
    with pytest.raises(EvidenceError, match="no X25519"):
        evidence.unseal(sealed, "x", (tmp_path / "other.pem").read_bytes())


def test_every_mistake_in_the_setting_is_told(rules, keys, tmp_path):
    path = tmp_path / "key.pem"
    path.write_bytes(keys[0])
    settings = Settings.model_validate(
        {"evidence": {"key": str(path), "rules": {"nubmers": "part"}}}
    )
    with pytest.raises(bootstrap.DocumentError) as caught:
        bootstrap.evidence_plan(settings, rules)
    told = "\n".join(map(str, caught.value.problems))
    assert "unknown rule `nubmers`, did you mean `numbers`?" in told
    assert "is a private key" in told
    path.write_bytes(keys[1])
    settings = Settings.model_validate({"evidence": {"key": str(path), "rules": {"mail": "none"}}})
    made = bootstrap.evidence_plan(settings, rules)
    assert (made.keep, made.min_severity, made.rules) == (
        "surroundings",
        Severity.HIGH,
        {"mail": "none"},
    )
    settings = Settings.model_validate({"evidence": {"key": str(tmp_path / "none.pem")}})
    with pytest.raises(bootstrap.DocumentError, match="cannot be read"):
        bootstrap.evidence_plan(settings, rules)


def test_from_the_pair_of_keys_to_what_was_sent(rules, migrated_sqlite, tmp_path, monkeypatch):
    """As the team does it: keys elsewhere, taken from the gateway, opened elsewhere."""
    monkeypatch.chdir(tmp_path)
    for name in ("LEAKGATE_STATE", "LEAKGATE_CONFIG"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments, stdin=b""):
        done = CliRunner().invoke(main, [*map(str, arguments)], input=stdin)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    assert run("evidence", "keygen", private, public)[0] == 0
    assert private.stat().st_mode & 0o077 == 0
    assert run("evidence", "keygen", private, public)[0] == 2, "a key is never written over"
    decision = inspected(rules, plan((b"", public.read_bytes()), "part"), TEXT)
    state = tmp_path / "state"
    state.mkdir()
    (state / "leakgate.db").write_bytes(migrated_sqlite.read_bytes())
    bootstrap.fingerprint_key(state)
    keeping.key(state / "audit.key")
    store = Store.open(f"sqlite:///{state / 'leakgate.db'}")
    store.add([dataclasses.replace(from_decision(decision), at=datetime.now(UTC))])
    store.close()
    status, out, _ = run("evidence", "take", "inc-7", "--reason", "asked", "--state", state)
    assert status == 0
    assert CANARY not in out
    status, opened, _ = run("evidence", "open", "-", "--key", private, stdin=out.encode())
    assert status == 0
    assert TEXT in json.loads(opened)["pieces"][0]["text"]
    for wrong in (b"{}", b"no json", out.replace("inc-7", "inc-8").encode()):
        assert run("evidence", "open", "-", "--key", private, stdin=wrong)[0] == 2
    status, out, _ = run("audit", "list", "--action", "evidence.taken", "--state", state)
    assert "asked" in out
