"""Is what is registered found by the detectors, as policies say?"""

import base64

import pytest
from support.gateway import KEY

from gateway import detectors
from gateway.detectors import Engine, Registered, Settings
from gateway.detectors.engine import ScanResult
from gateway.detectors.registered import columns_of, misfit
from gateway.detectors.settings import Nlp
from gateway.documents import DocumentError, load
from gateway.policy.names import _own_detectors, _own_entities
from gateway.registers import passages, tables
from gateway.registers.folder import Register, Registers
from gateway.registers.passages import Documents
from gateway.registers.prints import Prints
from gateway.registers.tables import Table

PRINTS = Prints(bytes(range(32)))
YAML = """
nlp: {engine: blank}
registered:
  - name: customers
    kind: table
    columns:
      email: {alone: true}
      name: {kind: name}
      birth: {kind: date}
      account:
    match: 2 of name, birth, account within 80
  - {name: projects, kind: dictionary, entity: PROJECT, severity: low}
  - {name: contracts, kind: documents}
"""
SETTINGS = load(YAML, Settings, source="policy.yaml")
CUSTOMERS, PROJECTS, CONTRACTS = SETTINGS.registered
ROWS = [
    ["ann.miller@example.com", "Ann Miller", "1987-03-02", "AC-77-90123"],
    ["jo@corp.example", "Jo Bloggs", "1990-02-01", "AC-77-90999"],
    ["kim@acme-works.com", "Kim Novak", "1991-05-17", ""],
]
CONTRACT = (
    "The supplier shall deliver the turbines to the harbour of the buyer no later than the first day"
    " of the month that follows the signing of this agreement, and bears the cost of their transport."
    " Should the buyer not accept the turbines within ten days, the supplier may store them at the"
    " cost of the buyer, and is free of any further duty from then on."
)


def registered(each):
    if each.kind == "documents":
        return Documents.of(passages.build([[CONTRACT]], PRINTS))
    columns = [
        tables.Column(name, c.kind, shortest=c.shortest) for name, c in columns_of(each).items()
    ]
    rows = ROWS if each.kind == "table" else [["Project Nightingale"], ["Zebra-7"]]
    return Table.of(tables.build(columns, rows, PRINTS))


@pytest.fixture(scope="module")
def engine(cache):
    known = {
        each.name: Register(each.name, registered(each), {}, "1") for each in SETTINGS.registered
    }
    return Engine.build(SETTINGS, key=KEY, cache_dir=cache, registers=Registers(PRINTS, known))


def found(engine, text):
    result = engine.scan(text)
    assert not result.failures
    return {
        (text[m.start : m.end], m.entity, m.detector)
        for m in result.matches
        if m.detector.startswith("registered:")
    }


def test_what_is_registered_is_found_at_its_place(engine):
    text = "Ann Miller, born 2 March 1987, leads Project  NIGHTINGALE; jo@corp.example too"
    assert found(engine, text) == {
        ("Ann Miller", "REGISTERED_CUSTOMERS", "registered:customers/name"),
        ("2 March 1987", "REGISTERED_CUSTOMERS", "registered:customers/birth"),
        ("jo@corp.example", "REGISTERED_CUSTOMERS", "registered:customers/email"),
        ("Project  NIGHTINGALE", "PROJECT", "registered:projects"),
    }


def test_what_suffices_only_together_is_nothing_alone(engine):
    assert not found(engine, "Ann Miller said hello")
    assert not found(engine, "Ann Miller, born 1 February 1990")


def test_a_passage_is_told_with_its_share(engine):
    for share, text in (("most", CONTRACT), ("part", " ".join(CONTRACT.split()[:18]))):
        ((_, entity, detector),) = found(engine, f"Summarise this: {text}")
        assert (entity, detector) == ("REGISTERED_CONTRACTS", f"registered:contracts/{share}")


@pytest.mark.parametrize(
    "text",
    [
        "ask j\u200bo@cor\u200bp.exam\u200bple about it",
        "ask \uff4a\uff4f\uff20\uff43\uff4f\uff52\uff50.example about it",
        "ask jo&#64;corp&#46;example about it",
        "ask " + base64.b64encode(b"please write to jo@corp.example today").decode() + " about it",
        'ask {"name": "Jo Bloggs", "birth": "1990-02-01T00:00:00Z"} about it',
        "ask id,name,birth\n17,Jo Bloggs,01/02/1990\n about it",
    ],
)
def test_disguises_and_tables_do_not_hide_it(engine, text):
    assert found(engine, text)


def test_a_value_that_is_cut_over_texts_is_found(engine):
    splits, _ = engine.across(["write to jo@corp", ".example please"])
    assert [split.entity for split in splits if split.detector.startswith("registered:")]


def test_it_hides_nothing_and_nothing_hides_it(engine):
    entities = {match.entity for match in engine.scan("to kim@acme-works.com").matches}
    assert entities >= {"EMAIL_ADDRESS", "REGISTERED_CUSTOMERS"}


def test_what_is_described_but_not_registered_finds_nothing(cache, engine):
    without = Engine.build(SETTINGS, key=KEY, cache_dir=cache)
    assert not found(without, "jo@corp.example")
    assert without.revision != engine.revision


def test_a_fault_is_a_failure_and_not_silence(engine, monkeypatch):
    def fail(_):
        raise ValueError

    monkeypatch.setattr(engine._registered, "find", fail)
    result = engine.scan("a text that was not scanned before")
    assert isinstance(result, ScanResult)
    assert "registered" in result.failures


def test_disabled_entities_are_not_looked_for(cache):
    settings = Settings(
        registered=(PROJECTS,), disabled=frozenset({"PROJECT"}), nlp=Nlp(engine="blank")
    )
    known = {"projects": Register("projects", registered(PROJECTS), {}, "1")}
    built = Engine.build(settings, key=KEY, cache_dir=cache, registers=Registers(PRINTS, known))
    assert not found(built, "Project Nightingale")


def test_policies_and_detectors_give_the_same_names():
    raw = {
        "registered": [
            {"name": "customers", "kind": "table", "columns": {"email": {}, "name": {}, "birth": {}, "account": None}},
            {"name": "projects", "kind": "dictionary", "entity": "PROJECT"},
            {"name": "contracts", "kind": "documents"},
        ]
    }  # fmt: skip
    assert [name for _, name, _ in _own_entities(raw)] == [
        each.says for each in SETTINGS.registered
    ]
    for each, described in zip(raw["registered"], SETTINGS.registered, strict=True):
        assert _own_detectors(each) == set(described.detectors)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"match": "2 of name, brith"}, "no column `brith`, did you mean `birth`"),
        ({"match": "two of name, birth"}, "is not like `2 of name, birth, iban within 200`"),
        ({"match": ()}, "column `name` of `customers` finds nothing"),
        ({"columns": {}}, "has no `columns`"),
        ({"kind": "dictionary"}, "only a `table` has `columns`"),
        ({"match_case": True}, "only a `dictionary` has `match_case`"),
        ({"entity": "PERSON"}, "`PERSON` is a built-in entity"),
        ({"name": "Customers"}, "should match pattern"),
        ({"groups": ("compny",)}, "did you mean `company`"),
    ],
)
def test_mistakes_are_told(change, message):
    with pytest.raises(ValueError, match=message):
        Registered.model_validate({**CUSTOMERS.model_dump(), **change})


def test_unknown_keys_are_told_with_what_was_meant():
    with pytest.raises(DocumentError, match="unknown key `alon`, did you mean `alone`"):
        load(YAML.replace("alone:", "alon:"), Settings, source="policy.yaml")


def test_a_register_that_does_not_fit_is_told():
    about = {"kind": "table", "columns": [["email", "text"], ["name", "name"]], "cased": False}
    assert "without column `birth` of kind `date`" in misfit(CUSTOMERS, about)
    assert "another kind" in misfit(CONTRACTS, about)
    assert "match_case" in misfit(PROJECTS, {**about, "columns": [["term", "text"]], "cased": True})
    assert misfit(PROJECTS, {**about, "columns": [["term", "text"]]}) is None
    assert "REGISTERED_CUSTOMERS" in detectors.Settings(registered=(CUSTOMERS,)).entities()
