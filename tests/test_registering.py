"""Can an operator make data known, and see what is known, from a shell?"""

import json
import shutil

import docx
import pytest
from click.testing import CliRunner
from support.gateway import warm

from gateway import bootstrap
from gateway.audit.keeping import key as audit_key
from gateway.cli import main
from gateway.database.schema import migrate
from gateway.incidents.desk import open_desk
from gateway.settings import Settings

POLICY = """version: 1
detectors:
  nlp: {engine: blank}
  registered:
    - name: customers
      kind: table
      columns:
        email: {alone: true, header: E-Mail}
        name: {kind: name}
        birth: {kind: date}
      match: 2 of name, birth within 100
    - {name: projects, kind: dictionary}
    - {name: contracts, kind: documents}
rules:
  - id: customers
    title: Customers stay
    severity: critical
    when: {entity: REGISTERED_CUSTOMERS, detector: "registered:customers/*"}
    action: block
    message: No customers.
"""
CSV = "E-Mail;name;birth\nann.miller@example.com;Ann Miller;1987-03-02\nbroken\njo@corp.example;Jo Bloggs;soon\n"
TEXT = (
    "the turbines are to be delivered to the harbour on the first day of the month after signing "
)


class Shell:
    def __init__(self, folder):
        self.folder, self.state, self.policies = folder, folder / "state", folder / "policies"
        self.policies.mkdir()
        (self.policies / "own.yaml").write_text(POLICY)
        self.state.mkdir()
        shutil.copy(warm() / "fingerprint.key", self.state)
        (self.state / "cache").symlink_to(warm() / "cache")
        (folder / "c.csv").write_text(CSV)
        (folder / "p.txt").write_text("Project Nightingale\n")

    def __call__(self, *arguments):
        options = ["--state", str(self.state), "--policies", str(self.policies)]
        done = CliRunner().invoke(main, [*map(str, arguments), *options])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    @property
    def settings(self):
        return Settings(state=self.state, policies=self.policies)


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path)


def test_a_table_is_registered_and_told(shell):
    code, out, err = shell("register", "table", "customers", "c.csv")
    assert (code, err.count("no database yet")) == (0, 1)
    assert "2 rows registered as `customers`: REGISTERED_CUSTOMERS" in out
    assert "1 row left out" in err
    assert "(lines 3)" in err
    assert "`birth`: 1 values are no date" in err
    assert "jo@corp" not in out + err
    assert not list(shell.folder.rglob("*.csv"))[1:]


def test_mistakes_are_told_all_at_once(shell):
    (shell.folder / "c.csv").write_text("Mail;nam;birth\n")
    code, _, err = shell("register", "table", "customers", "c.csv", "--column", "emial=x")
    assert code == 2
    assert "no column `emial`, did you mean `email`" in err
    assert "has no column `E-Mail`, did you mean `Mail`?; say which one `email` is" in err
    assert "has no column `name`, did you mean `nam`" in err
    for arguments, message in (
        (
            ("table", "custmers", "c.csv"),
            "describe no register `custmers`, did you mean `customers`",
        ),
        (("dictionary", "customers", "p.txt"), "`customers` is a table by the policies"),
        (("table", "customers", "c.csv", "--column", "email"), "write COLUMN=HEADER"),
        (("dictionary", "projects", "p.txt", "--encoding", "utf-99"), "is no encoding"),
        (("remove", "customers"), "nothing is registered as `customers`"),
    ):
        code, _, err = shell("register", *arguments)
        assert (code, message in err) == (2, True), err
    assert not list(shell.state.glob("registers/*"))


def test_everything_is_listed_verified_and_removed(shell):
    code, out, _ = shell("register", "verify")
    assert code == 1
    for name, file in (("table", "c.csv"), ("dictionary", "p.txt")):
        assert shell("register", name, {"table": "customers"}.get(name, "projects"), file)[0] == 0
    paper = docx.Document()
    paper.add_paragraph(TEXT * 3)
    (shell.folder / "papers").mkdir()
    paper.save(shell.folder / "papers" / "a.docx")
    (shell.folder / "papers" / "b.txt").write_text("short")
    code, out, err = shell("register", "documents", "contracts", "papers")
    assert (code, "2 documents registered" in out) == (0, True), err
    assert "1 documents have no passage of their own" in err
    code, out, _ = shell("register", "list", "--json")
    told = {each["name"]: each for each in json.loads(out)}
    assert told["customers"]["size"] == "2 rows"
    assert told["projects"]["size"] == "1 terms"
    assert told["contracts"]["entity"] == "REGISTERED_CONTRACTS"
    assert shell("register", "verify")[0] == 0
    path = shell.state / "registers" / "projects.register"
    path.write_bytes(path.read_bytes()[:-1])
    code, _, err = shell("register", "verify")
    assert (code, "is damaged" in err) == (1, True)
    assert shell("register", "remove", "projects")[0] == 0
    assert not path.exists()


def test_it_is_in_the_audit_log(shell):
    settings = shell.settings
    migrate(settings.database_url)
    audit_key(settings.audit_key_path)
    assert shell("register", "table", "customers", "c.csv")[2].count("no database") == 0
    assert shell("register", "remove", "customers")[0] == 0
    desk = open_desk(
        settings.database_url,
        audit_key=settings.audit_key_path,
        seen=settings.audit_seen_path,
        person_key=bytes(32),
        second_person=False,
        agreed_for=settings.unmask_for,
    )
    entries = desk.audit.list(limit=10)
    assert {(one.action, one.target) for one in entries} == {
        ("register.table", "customers"), ("register.remove", "customers")
    }  # fmt: skip
    assert {one.detail.get("rows") for one in entries} == {"2", None}
    desk.close()


def test_a_gateway_does_not_start_without_what_policies_describe(shell):
    rules = bootstrap.load_rules(shell.policies)
    with pytest.raises(bootstrap.DocumentError) as caught:
        bootstrap.register_plan(shell.settings, rules)
    assert [p.source for p in caught.value.problems] == [
        "register contracts", "register customers", "register projects"
    ]  # fmt: skip
    assert "leakgate register table customers" in str(caught.value)
    shell("register", "table", "customers", "c.csv")
    policy = shell.policies / "own.yaml"
    policy.write_text(policy.read_text().replace("birth: {kind: date}", "birth: {kind: text}"))
    with pytest.raises(bootstrap.DocumentError, match="without column `birth` of kind `text`"):
        bootstrap.register_plan(shell.settings, bootstrap.load_rules(shell.policies))


def test_a_check_tells_what_is_not_registered_and_goes_on(shell, monkeypatch):
    monkeypatch.setenv("LEAKGATE_STATE", str(shell.state))
    done = CliRunner().invoke(main, ["policy", "check", str(shell.policies)])
    assert done.exit_code == 0
    assert "`customers` is described by the policies" in done.stderr
    policy = shell.policies / "own.yaml"
    policy.write_text(
        policy.read_text().replace("entity: REGISTERED_CUSTOMERS", "entity: REGISTERED_CUSTOMRS")
    )
    done = CliRunner().invoke(main, ["policy", "check", str(shell.policies)])
    assert done.exit_code == 2
    assert (
        "unknown entity `REGISTERED_CUSTOMRS`, did you mean `REGISTERED_CUSTOMERS`" in done.stderr
    )


def test_a_scan_shows_it(shell):
    shell("register", "table", "customers", "c.csv")
    (shell.folder / "t.txt").write_text("Miller, Ann (2.3.1987)")
    code, out, _ = shell("scan", "t.txt")
    assert code == 1
    assert "t.txt:1:1: REGISTERED_CUSTOMERS (0.95, registered:customers/name)" in out
