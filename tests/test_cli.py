"""The commands, each as a process of its own: exit statuses, what goes to which stream, and where
errors are."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest
import yaml
from click.testing import CliRunner
from cryptography import x509
from support.gateway import warm
from support.tables import sqlite

from gateway import __version__, bootstrap, detectors
from gateway.audit import keeping
from gateway.cli import main
from gateway.incidents.record import FindingGroup, FiredRule, Incident
from gateway.incidents.store import Store
from gateway.model import Severity, Verdict
from gateway.vault import keys
from gateway.vault.store import Vault

COMMAND = Path(sys.executable).with_name("leakgate")
PACKS = Path(__file__).parent.parent / "policies"
SSN = "536-90-4399"

POLICY = """\
version: 1
rules:
  - id: numbers
    title: Numbers stay here
    severity: high
    when:
      entity: US_SSN
      min_confidence: 0.5
    action: block
    message: No numbers, please.
"""
CASES = """\
version: 1
cases:
  - name: a number is stopped
    request: {service: openai-api}
    parts:
      - text: ["My social security number is 536-", "90-4399"]
    want: {verdict: WANT}
"""


def leakgate(*arguments, stdin=b"", **environment):
    """Run a command; the environment holds nothing but what is given."""
    done = subprocess.run(
        [COMMAND, *map(str, arguments)],
        input=stdin,
        cwd=warm(),
        env={"PATH": os.environ["PATH"], "LEAKGATE_STATE": str(warm())} | environment,
        capture_output=True,
        timeout=240,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


build_engine = bootstrap.build_engine


@functools.cache
def engine(settings):
    return build_engine(detectors.Settings.model_validate_json(settings), warm())


@pytest.fixture
def inside(monkeypatch):
    """The same without a new process and with detectors that are built once: for variants."""
    monkeypatch.setattr(
        bootstrap, "build_engine", lambda settings, *_: engine(settings.model_dump_json())
    )
    monkeypatch.chdir(warm())
    for name in [name for name in os.environ if name.startswith("LEAKGATE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LEAKGATE_STATE", str(warm()))

    def run(*arguments, stdin=b"", **environment):
        done = CliRunner().invoke(main, [*map(str, arguments)], input=stdin, env=environment)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    return run


@pytest.fixture
def policies(tmp_path):
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "own.yaml").write_text(POLICY)
    return folder


def test_version():
    assert leakgate("version") == (0, f"{__version__}\n", "")


def test_the_module_can_be_run_too():
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "version"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, f"{__version__}\n")


def test_help_names_every_command():
    status, out, _ = leakgate("--help")
    assert status == 0
    for name in (
        "run",
        "demo",
        "scan",
        "policy",
        "services",
        "incidents",
        "audit",
        "tokens",
        "ca",
        "version",
        "evaluate",
    ):
        assert f"\n  {name} " in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["bogus"],
        ["scan"],
        ["scan", "a", "--jsonl"],
        ["services", "show"],
        ["run", "--workers", "2"],
    ],
)
def test_a_wrong_call_has_status_2_and_prints_nothing(inside, arguments):
    status, out, err = inside(*arguments)
    assert (status, out) == (2, "")
    assert "Error: " in err


# --- settings -------------------------------------------------------------------------------------


def test_an_unknown_key_is_told_with_line_and_column(tmp_path):
    config = tmp_path / "leakgate.yaml"
    config.write_text("listen: 127.0.0.1:0\n\nwrokers: 2\nstate: [1]\n")
    status, out, err = leakgate("run", "--config", config)
    assert (status, out) == (2, "")
    assert f"{config}:3:1: unknown key `wrokers`, did you mean `workers`?\n" in err
    assert f"{config}:4:1: " in err
    assert "Traceback" not in err


def test_an_unknown_variable_is_told(inside, tmp_path):
    status, out, err = inside("ca", "path", "--state", tmp_path, LEAKGATE_LISTNE="1.2.3.4:80")
    assert (status, out) == (2, "")
    assert err == "environment LEAKGATE_LISTNE: unknown setting, did you mean `listen`?\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--listen", "nowhere"], "option --listen: `nowhere` is not HOST:PORT"),
        (["--policies", "none"], "none: is not a folder of policy files"),
        (["--config", "none.yaml"], "none.yaml: cannot be read: No such file or directory"),
    ],
)
def test_run_does_not_start_with_wrong_settings(inside, tmp_path, arguments, complaint):
    status, out, err = inside("run", "--state", tmp_path / "state", *arguments)
    assert (status, out) == (2, "")
    assert err == f"{complaint}\n"


def test_run_does_not_start_with_wrong_policies(inside, tmp_path, policies):
    (policies / "own.yaml").write_text(POLICY.replace("US_SSN", "US_SNN"))
    status, out, err = inside("run", "--state", tmp_path / "state", "--policies", policies)
    assert (status, out) == (2, "")
    assert err.startswith(f"{policies}/own.yaml:7:")
    assert "did you mean `US_SSN`?" in err


# --- scan -----------------------------------------------------------------------------------------


def test_scan_tells_findings_and_their_places_but_not_the_values(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text(f"first line\n😀 my social security number is {SSN}\n")
    status, out, err = leakgate("scan", path)
    assert (status, err) == (1, "")
    assert out.startswith(f"{path}:2:32: US_SSN (")
    assert SSN not in out


def test_scan_of_a_clean_file_and_of_standard_input(inside):
    assert inside("scan", "-", stdin=b"nothing here") == (0, "", "")


def test_scan_json_counts_code_points(inside):
    text = f"😀 ssn {SSN}"
    status, out, _ = inside("scan", "-", "--json", stdin=text.encode())
    (found,) = json.loads(out)["findings"]
    assert status == 1
    assert set(found) == {"entity", "start", "end", "confidence", "detector"}
    assert text[found["start"] : found["end"]] == SSN
    assert 0 < found["confidence"] <= 1


def test_scan_of_marked_utf_16(inside):
    status, out, _ = inside("scan", "-", "--json", stdin=f"ssn {SSN}".encode("utf-16"))
    assert (status, json.loads(out)["findings"][0]["start"]) == (1, 4)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("missing", None, "cannot be read: No such file or directory"),
        ("picture.png", b"\x89PNG\r\n\x1a\n\0", "is not text"),
    ],
)
def test_scan_of_what_cannot_be_read_has_status_2(inside, tmp_path, name, content, complaint):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    status, out, err = inside("scan", path)
    assert (status, out) == (2, "")
    assert err.startswith(f"{path}: {complaint}")


def test_scan_refuses_a_policy_folder_that_is_not_there(inside, tmp_path):
    status, _, err = inside("scan", "-", "--policies", tmp_path / "none")
    assert status == 2
    assert "is not a folder of policy files" in err


BAD_LINES = [
    b"no json",
    b'{"id": 1}',
    b'{"text": "x"}',
    b'{"id": 1, "text": 2}',
    b"[1, 2]",
    b'{"id": 1, "text": "\xff"}',
    b"[" * 100_000,
]


def test_json_lines_are_answered_in_order_and_bad_ones_are_told():
    texts = {f"id-{number}": f"{'😀' * number} ssn {SSN}" for number in range(20)}
    texts |= {"clean": "nothing", "half": "\ud800 x"}
    good = [json.dumps({"id": key, "text": text}).encode() for key, text in texts.items()]
    status, out, err = leakgate("scan", "--jsonl", stdin=b"\n".join([*BAD_LINES, b"", *good]))
    assert status == 2
    answers = [json.loads(line) for line in out.splitlines()]
    assert [answer["id"] for answer in answers] == list(texts)
    for answer in answers[:-2]:
        (found,) = answer["findings"]
        assert texts[answer["id"]][found["start"] : found["end"]] == SSN
    assert [answer["findings"] for answer in answers[-2:]] == [[], []]
    assert [line.split(": ")[0] for line in err.splitlines()] == [
        f"-:{number}:1" for number in range(1, len(BAD_LINES) + 1)
    ]


def test_each_json_line_is_answered_before_the_next_is_asked():
    environment = {"PATH": os.environ["PATH"], "LEAKGATE_STATE": str(warm())}
    with subprocess.Popen(
        [COMMAND, "scan", "--jsonl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=warm(),
        env=environment,
    ) as process:
        for number in range(3):
            process.stdin.write(json.dumps({"id": number, "text": f"ssn {SSN}"}).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.stdout.read() == b""
    assert process.returncode == 0


def test_json_lines_may_have_a_mark_carriage_returns_and_any_length(inside):
    long = "x " * 300_000 + f"ssn {SSN}"
    lines = [
        json.dumps({"id": key, "text": text}) for key, text in (("a", f"ssn {SSN}"), ("b", long))
    ]
    status, out, err = inside("scan", "--jsonl", stdin=("\ufeff" + "\r\n".join(lines)).encode())
    assert (status, err) == (0, "")
    answers = [json.loads(line) for line in out.splitlines()]
    assert [answer["id"] for answer in answers] == ["a", "b"]
    assert [len(answer["findings"]) for answer in answers] == [1, 1]
    assert answers[1]["findings"][0]["start"] == len(long) - len(SSN)


def test_good_json_lines_have_status_0(inside):
    line = json.dumps({"id": None, "text": f"ssn {SSN}"}).encode()
    status, out, err = inside("scan", "--jsonl", stdin=line)
    assert (status, err) == (0, "")
    assert json.loads(out)["id"] is None
    assert set(json.loads(out)["findings"][0]) == {
        "entity",
        "start",
        "end",
        "confidence",
        "detector",
    }


# --- policy ---------------------------------------------------------------------------------------


def test_policy_check(policies):
    status, out, err = leakgate("policy", "check", policies)
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == f"{policies}/own.yaml"
    assert "1 rules, revision " in out


def test_policy_check_tells_every_problem_with_its_place(inside, policies):
    (policies / "own.yaml").write_text(POLICY.replace("high", "hihg").replace("block", "blokc"))
    (policies / "two.yaml").write_text("version: 1\nruels: []\n")
    status, out, err = inside("policy", "check", policies)
    assert (status, out) == (2, "")
    places = [line.split(": ")[0].removeprefix(f"{policies}/") for line in err.splitlines()]
    assert places == ["own.yaml:5:5", "own.yaml:9:5", "two.yaml:2:1"]


EXCEPTIONS = """\
    unless:
      - {actor: ann, until: 2026-01-31, owner: jane, reason: Pilot}
      - {actor: bob, until: 9999-12-31}
"""


def test_policy_check_tells_of_exceptions_that_have_ended(inside, policies):
    (policies / "own.yaml").write_text(POLICY.replace("    action:", f"{EXCEPTIONS}    action:"))
    status, out, err = inside("policy", "check", policies)
    assert status == 0
    assert out.endswith(": ok, 1 exception ended\n")
    assert [line.split(": ")[0] for line in err.splitlines()] == [f"{policies}/own.yaml:10:9"]
    assert "rule `numbers`: the exception of `jane` ended on 2026-01-31" in err
    status, _, err = inside("policy", "check", "--strict", policies)
    assert status == 1
    assert "own.yaml:11:9: rule `numbers`: the exception has no `owner` and no `reason`" in err


def test_policy_test(policies):
    (policies / "own_test.yaml").write_text(CASES.replace("WANT", "block"))
    status, out, err = leakgate("policy", "test", policies)
    assert (status, err) == (0, "")
    assert f"{policies}/own_test.yaml:3:" in out
    assert out.endswith("1 passed, 0 failed\n")


def test_a_failed_case_has_status_1(inside, policies):
    (policies / "own_test.yaml").write_text(CASES.replace("WANT", "allow"))
    status, out, _ = inside("policy", "test", policies)
    assert status == 1
    assert out.endswith("0 passed, 1 failed\n")


def test_policy_test_names_rules_without_a_case(inside, policies):
    status, out, err = inside("policy", "test", policies)
    assert (status, out) == (0, "0 passed, 0 failed\n")
    assert "rule `numbers` is matched by no case" in err


@pytest.mark.parametrize(
    ("options", "pattern"), [((), "[0-9]*s.yaml"), (("--tests",), "*_test.yaml")]
)
def test_policy_schema_fits_the_shipped_packs(inside, options, pattern):
    status, out, _ = inside("policy", "schema", *options)
    assert status == 0
    validator = jsonschema.validators.validator_for(json.loads(out))(json.loads(out))
    files = [path for path in PACKS.glob("*.yaml") if ("_test" in path.name) == bool(options)]
    assert len(files) > 3
    for path in files:
        validator.validate(yaml.safe_load(path.read_text()))
    assert not validator.is_valid({"version": 1, "ruels": []})


def account(out, rule):
    return next(each for each in json.loads(out)["rules"] if each["rule"] == rule)


def test_policy_explain_tells_why_of_a_prompt(inside, policies, tmp_path):
    (policies / "two.yaml").write_text(
        "version: 1\nrules:\n- {id: pictures, when: {service: midjourney}, action: block}\n"
        "- {id: sure, when: {entity: US_SSN, min_confidence: 0.99}, action: log}\n"
    )
    prompt = tmp_path / "prompt.txt"
    prompt.write_text(f"My social security number is {SSN}, is it valid?")
    where = ("--policies", policies, "--service", "openai-api")
    status, out, err = inside("policy", "explain", prompt, *where)
    assert (status, err) == (0, "")
    assert f"{prompt} to openai-api (chat), other, prompt\n  verdict: block, by `numbers`" in out
    assert "  what happens: not sent\n  message: No numbers, please.\n" in out
    assert "  numbers (enforce, block): found US_SSN at " in out
    assert "  pictures: service is openai-api, the rule wants midjourney\n" in out
    assert SSN not in out
    status, out, _ = inside("policy", "explain", prompt, *where, "--json", "--rule", "sure")
    assert status == 0
    assert [each["rule"] for each in json.loads(out)["rules"]] == ["sure"]
    assert account(out, "sure")["why"] == "found US_SSN at 0.85, the rule wants 0.99"
    assert SSN not in out


def test_policy_explain_reads_a_file_as_an_upload_does(inside, policies, tmp_path):
    (policies / "two.yaml").write_text(
        "version: 1\nrules: [{id: files, when: {has_files: true, act: upload}, action: log}]\n"
    )
    page = tmp_path / 'a "page".html'
    page.write_text(f"<p>My social security number is {SSN}</p>")
    status, out, _ = inside("policy", "explain", page, "--upload", "--json", "--policies", policies)
    told = json.loads(out)
    assert (status, told["act"], told["verdict"]) == (0, "upload", "block")
    assert [file["family"] for file in told["files"]] == ["text"]
    assert account(out, "files")["matched"] is True
    assert {each["part"] for each in told["findings"] if each["entity"] == "US_SSN"} == {"file"}


def test_policy_explain_uploads_what_is_no_text(inside, policies):
    status, out, _ = inside(
        "policy", "explain", "-", "--json", "--policies", policies, stdin=b"\x00\xff\xfe" * 9
    )
    told = json.loads(out)
    assert (status, told["act"]) == (0, "upload")
    assert [(file["family"], file["size"]) for file in told["files"]] == [("unknown", 27)]
    assert told["unread"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "no file and no incident `nothing`"),
        (["-", "--service", "openai-apy"], "no service or operation `openai-apy`"),
        (["-", "--rule", "nubers"], "no rule `nubers`, did you mean `numbers`?"),
    ],
)
def test_policy_explain_of_what_is_not_there_has_status_2(inside, policies, state, arguments, said):
    options = ("--policies", policies, "--state", state)
    status, out, err = inside("policy", "explain", *arguments, *options, stdin=b"text")
    assert (status, out) == (2, "")
    assert said in err


def test_policy_explain_tells_of_an_incident_what_its_record_holds(inside, policies, state):
    (policies / "two.yaml").write_text(
        "version: 1\nrules: [{id: long, when: {entity: US_SSN, min_length: 5}, action: log}]\n"
    )
    where = ("--policies", policies, "--state", state)
    status, out, err = inside("policy", "explain", f"{1:016x}", *where)
    assert (status, err) == (0, "")
    assert "  verdict then: block, by `numbers`\n" in out
    assert "  found US_SSN at 0.85 in messages[0].content (1): ••••99\n" in out
    status, out, _ = inside("policy", "explain", f"{1:016x}", *where, "--json")
    assert account(out, "numbers")["matched"] is True
    assert account(out, "numbers")["notes"] == ["it matched then (enforce, block)"]
    assert account(out, "long")["matched"] is None
    assert account(out, "long")["why"] == "cannot be known: lengths are not recorded"


def test_policy_simulate_counts_what_changes(inside, policies, state, tmp_path):
    changed = tmp_path / "changed"
    changed.mkdir()
    (changed / "own.yaml").write_text(POLICY.replace("action: block", "action: log"))
    options = ("--since", "3650d", "--against", policies, "--state", state)
    status, out, err = inside("policy", "simulate", "--policies", changed, "--json", *options)
    assert (status, err) == (0, "")
    told = json.loads(out)
    assert told["exchanges"] == 3
    assert told["changed_rules"] == ["numbers"]
    assert {name: number for name, number in told["changes"].items() if number} == {
        "lifted_block": 3
    }
    assert told["by_service"]["chatgpt"]["lifted_block"] == 1
    network, person = told["by_sender"]
    assert network == "192.0.2.0/24"
    assert person.startswith("person-"), "people have pseudonyms here, too"
    status, out, _ = inside("policy", "simulate", "--policies", changed, *options)
    assert status == 0
    assert out.startswith("3 recorded exchanges, 2026-11-23 12:01 to 2026-11-23 12:03 UTC\n")
    assert "rules that changed: numbers\n" in out
    assert "\nExchanges that no rule had anything to say about are not recorded" in out


def test_policy_simulate_refuses_a_time_that_is_none(inside, policies, state):
    status, _, err = inside("policy", "simulate", "--since", "soon", "--state", state)
    assert status == 2
    assert "--since: `soon` is not a span of time such as `12h` or `30d`" in err


def test_policy_diff_tells_what_differs_and_which_cases_do(inside, policies, tmp_path):
    changed = tmp_path / "changed"
    changed.mkdir()
    (changed / "own.yaml").write_text(POLICY.replace("action: block", "action: log"))
    (changed / "own_test.yaml").write_text(CASES.replace("WANT", "log"))
    status, out, err = inside("policy", "diff", policies, changed, "--cases")
    assert (status, err) == (0, "")
    assert out == (
        "~ rule `numbers`\n    action: block → log\n1 case come out otherwise\n"
        f"{changed}/own_test.yaml:3: block → log: a number is stopped\n"
    ).replace("case come", "case comes")
    status, out, _ = inside("policy", "diff", policies, changed, "--json")
    (told,) = json.loads(out)["differences"]
    assert (told["kind"], told["name"], told["sign"]) == ("rule", "numbers", "~")
    assert told["changes"] == [{"key": "action", "before": "block", "after": "log"}]
    assert inside("policy", "diff", policies, policies) == (0, "no difference\n", "")


def test_policy_diff_takes_git_revisions(inside, policies):
    def git(*arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        subprocess.run(
            ["git", "-C", policies.parent, *identity, *arguments], check=True, capture_output=True
        )

    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    (policies / "own.yaml").write_text(POLICY.replace("high", "low"))
    status, out, err = inside("policy", "diff", "HEAD", policies)
    assert (status, out, err) == (0, "~ rule `numbers`\n    severity: high → low\n", "")
    for wrong in ("nonsense", "--output=x"):
        status, out, err = inside("policy", "diff", "--", wrong, policies)
        assert (status, out) == (2, "")
        assert f"{wrong}: is neither a folder nor a git revision of `{policies}`" in err


# --- services -------------------------------------------------------------------------------------


def test_services_list_and_show():
    status, out, _ = leakgate("services", "list", "--json", "--category", "avatar")
    listed = json.loads(out)
    assert status == 0
    assert {service["category"] for service in listed} == {"avatar"}
    assert "headshotpro" in {service["id"] for service in listed}
    status, out, _ = leakgate("services", "show", "headshotpro", "--json")
    assert status == 0
    assert json.loads(out)["id"] == "headshotpro"


def test_services_in_words(inside):
    status, out, _ = inside("services", "list")
    assert status == 0
    assert out.splitlines()[0].split() == ["id", "category", "name", "hosts"]
    assert any(line.startswith("openai-api ") for line in out.splitlines())
    status, out, _ = inside("services", "show", "openai-api")
    assert yaml.safe_load(out)["id"] == "openai-api"


def test_an_unknown_service_has_status_2(inside):
    status, out, err = inside("services", "show", "openai-apy")
    assert (status, out) == (2, "")
    assert "no service `openai-apy`, did you mean `openai-api`?" in err


# --- incidents ------------------------------------------------------------------------------------


def incident(number, **changes):
    values = {
        "id": f"{number:016x}",
        "exchange": f"{number:016x}",
        "at": datetime(2026, 11, 23, 12, number, tzinfo=UTC),
        "actor": "",
        "source_ip": "192.0.2.7",
        "service": "openai-api",
        "category": "chat",
        "operation": "chat_completions",
        "act": "prompt",
        "host": "api.openai.com",
        "method": "POST",
        "verdict": Verdict.BLOCK,
        "monitored": Verdict.BLOCK,
        "enforcement": "refuse",
        "cause": "policy",
        "severity": Severity.HIGH,
        "policy_revision": "p",
        "detector_revision": "d",
        "inspected": 10,
        "rules": (FiredRule("numbers", "enforce", Verdict.BLOCK, Severity.HIGH),),
        "findings": (
            FindingGroup(
                entity="US_SSN",
                path="messages[0].content",
                role="user",
                kind="text",
                detector="x",
                count=1,
                distinct=1,
                confidence=0.85,
                preview="••••99",
                fingerprints=("f",),
            ),
        ),
        "findings_total": 1,
    }
    return Incident(**(values | changes))


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    folder = tmp_path_factory.mktemp("state")
    url = sqlite(folder / "leakgate.db")
    store = Store.open(url)
    store.add(
        [
            incident(1, actor="ann@example.com"),
            incident(2, service="chatgpt"),
            incident(3, rules=(), findings=()),
        ]
    )
    store.close()
    bootstrap.fingerprint_key(folder)
    keeping.key(folder / "audit.key")
    return folder


@pytest.fixture
def worked(state, tmp_path):
    """A copy that may be changed."""
    return shutil.copytree(state, tmp_path / "state")


WHY = "the works council asked"


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ((), [3, 2, 1]),
        (("--limit", "1"), [3]),
        (("--service", "chatgpt"), [2]),
        (("--rule", "numbers"), [2, 1]),
        (("--entity", "US_SSN"), [2, 1]),
        (("--actor", "nobody"), []),
    ],
)
def test_incidents_list_json(inside, state, options, numbers):
    status, out, err = inside("incidents", "list", "--json", "--state", state, *options)
    assert (status, err) == (0, "")
    assert [each["id"] for each in json.loads(out)] == [f"{each:016x}" for each in numbers]


def test_incidents_in_words(inside, state):
    status, out, _ = inside("incidents", "list", "--state", state)
    head, first, *_ = out.splitlines()
    assert status == 0
    assert head.split() == [
        "id", "time", "from", "service", "severity", "enforcement", "status", "rules"
    ]  # fmt: skip
    assert first.split()[:3] == [f"{3:016x}", "2026-11-23", "12:03:00"]
    assert first.split()[3].startswith("address-")
    assert first.split()[-1] == "open"
    status, out, _ = inside("incidents", "show", f"{1:016x}", "--state", state)
    assert status == 0
    assert yaml.safe_load(out)["findings"][0]["preview"] == "••••99"


def test_incidents_show_json(inside, state):
    status, out, _ = inside("incidents", "show", f"{1:016x}", "--json", "--state", state)
    shown = json.loads(out)
    assert status == 0
    assert shown["severity"] == "high"
    assert shown["findings"][0]["entity"] == "US_SSN"


def test_an_unknown_incident_has_status_2(inside, state):
    status, out, err = inside("incidents", "show", "none", "--state", state)
    assert (status, out, err) == (2, "", "no incident `none`\n")


def test_a_state_folder_without_a_database_has_status_2(inside, tmp_path):
    status, out, err = inside("incidents", "list", "--state", tmp_path)
    assert (status, out) == (2, "")
    assert err == f"{tmp_path}: holds no database; has the gateway run there?\n"
    assert not list(tmp_path.iterdir())


def test_people_are_shown_by_pseudonym_until_somebody_says_why(inside, worked):
    for command in (("list",), ("list", "--json"), ("show", f"{1:016x}")):
        status, out, _ = inside("incidents", *command, "--state", worked)
        assert status == 0
        assert "ann@example.com" not in out
        assert "192.0.2.7" not in out
    _, out, _ = inside("incidents", "show", f"{1:016x}", "--json", "--state", worked)
    pseudonym = json.loads(out)["actor"]
    status, out, _ = inside("incidents", "list", "--json", "--actor", pseudonym, "--state", worked)
    assert [each["id"] for each in json.loads(out)] == [f"{1:016x}"]
    # A name that is guessed tells nothing.
    options = ("--actor", "ann@example.com", "--json", "--state", worked)
    assert json.loads(inside("incidents", "list", *options)[1]) == []
    status, out, err = inside("incidents", "list", *options, "--unmask")
    assert (status, out) == (2, "")
    assert "`reason`" in err
    status, out, _ = inside("incidents", "list", *options, "--unmask", "--reason", WHY)
    assert [each["actor"] for each in json.loads(out)] == ["ann@example.com"]
    shown = ("incidents", "show", f"{1:016x}", "--state", worked, "--unmask", "--reason", WHY)
    assert "ann@example.com" in inside(*shown)[1]
    _, out, _ = inside("audit", "list", "--action", "unmask.*", "--json", "--state", worked)
    told = json.loads(out)
    assert [each["action"] for each in told] == ["unmask.seen", "unmask.seen", "unmask.searched"]
    assert {each["reason"] for each in told} == {WHY}
    assert "at the shell" in told[0]["who"]
    assert "ann@example.com" not in out


def test_a_second_person_is_asked_where_the_setting_says_so(inside, worked, monkeypatch):
    monkeypatch.setenv("LEAKGATE_UNMASK_SECOND_PERSON", "true")
    here = ("--state", worked)
    status, _, err = inside("incidents", "show", f"{1:016x}", "--unmask", "--reason", WHY, *here)
    assert status == 2
    assert "second person" in err
    status, out, _ = inside("incidents", "ask", f"{1:016x}", "--reason", WHY, *here)
    request = out.split()[1]
    assert request in inside("incidents", "requests", *here)[1]
    status, _, err = inside("incidents", "answer", request, "--grant", *here)
    assert (status, err) == (2, "another person has to decide, not the one who asks\n")


def test_incidents_are_worked_on_and_the_log_of_it_is_verified(inside, worked):
    here = ("--state", worked)
    one, two = f"{1:016x}", f"{2:016x}"
    assert inside("incidents", "set", one, two, "--assignee", "ann", "--label", "q3", *here) == (
        0,
        "2 changed, 0 were so already, 0 not found\n",
        "",
    )
    assert inside("incidents", "set", "none", "--assignee", "ann", *here)[0] == 1
    assert inside("incidents", "set", one, "--status", "closed", *here) == (
        2,
        "",
        "an incident is closed with a `resolution`\n",
    )
    assert inside("incidents", "set", one, *here)[0] == 2
    assert inside("incidents", "note", one, "asked the team", *here)[0] == 0
    until = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
    status, out, _ = inside(
        "incidents", "except", one, "numbers", "--until", until, "--owner", "jane",
        "--reason", "sample", *here,
    )  # fmt: skip
    assert status == 0
    assert yaml.safe_load(out)["overrides"]["numbers"]["unless"][0]["fingerprint"] == "f"
    _, out, _ = inside("incidents", "list", "--status", "closed", "--json", *here)
    assert [each["work"]["resolution"] for each in json.loads(out)] == ["false_positive"]
    assert (
        inside("incidents", "list", "--label", "q3", "--assignee", "ann", *here)[1].count("\n") == 3
    )
    _, out, _ = inside("incidents", "show", one, *here)
    shown = yaml.safe_load(out)["work"]
    assert shown["notes"][0]["text"] == "asked the team"
    assert len(shown["history"]) == 4
    assert (
        "numbers  0               1                0%" in inside("incidents", "precision", *here)[1]
    )
    status, out, _ = inside("incidents", "repeats", "--at-least", "1", *here)
    assert out.splitlines()[1].split()[:2] == ["f", "US_SSN"]
    status, out, _ = inside("audit", "verify", *here)
    assert status == 0
    head = out.split("head ")[1].split()[0]
    assert inside("audit", "verify", "--head", head, *here)[0] == 0
    database = sqlite3.connect(worked / "leakgate.db")
    database.execute("UPDATE audit_log SET who = 'eve' WHERE seq = 2")
    database.commit()
    database.close()
    status, out, err = inside("audit", "verify", *here)
    assert status == 1
    assert err.startswith("entry 2: altered: ")
    assert "THE LOG IS NOT WHOLE" in out
    assert inside("audit", "verify", "--head", "nonsense", *here)[0] == 2


def test_a_log_whose_end_is_gone_takes_nothing_until_it_is_begun_anew(inside, worked):
    here = ("--state", worked)
    set_it = ("incidents", "set", f"{1:016x}", "--assignee", "ann", *here)
    assert inside(*set_it)[0] == 0
    database = sqlite3.connect(worked / "leakgate.db")
    database.execute("DELETE FROM audit_head")
    database.commit()
    database.close()
    status, _, err = inside("incidents", "set", f"{2:016x}", "--assignee", "ann", *here)
    assert status == 2
    assert err.startswith("audit log: ")
    assert inside("audit", "restart", "--reason", "it broke", *here)[0] == 0
    assert inside("incidents", "set", f"{2:016x}", "--assignee", "ann", *here)[0] == 0
    status, out, _ = inside("audit", "verify", *here)
    assert status == 0
    assert out.startswith("1 entries are of before")


# --- tokens ---------------------------------------------------------------------------------------


@pytest.fixture
def vaulted(tmp_path):
    """A state folder with keys, and with tokens of two people, some of which have expired."""
    now = datetime.now(UTC)
    ring = keys.ensure(tmp_path / "token.keys", now - timedelta(days=40))
    url = sqlite(tmp_path / "leakgate.db")
    for actor, age in (("ann", 1), ("ann", 35), ("bob", 35)):
        then = now - timedelta(days=age)
        vault = Vault.open(url, ring, ttl=timedelta(days=30), clock=lambda then=then: then)
        vault.keep(actor, {f"T{age}": "canary-value"}, key_id=ring.keys[0].id)
        vault.close()
    return tmp_path


def test_tokens_are_counted_by_key_and_rotation_is_announced(inside, vaulted):
    old = keys.load(vaulted / "token.keys").keys[0].id
    status, out, err = inside("tokens", "status", "--state", vaulted)
    assert (status, err) == (0, "")
    assert [line.split() for line in out.splitlines()[1:]] == [
        [old, *out.splitlines()[1].split()[1:3], "current", "3"]
    ]
    status, out, _ = inside("tokens", "rotate", "--state", vaulted)
    new = keys.load(vaulted / "token.keys").keys[0].id
    assert status == 0
    assert out.startswith(f"{new} is used for new conversations from ")
    lines = inside("tokens", "status", "--state", vaulted)[1].splitlines()
    assert [line.split()[0] for line in lines] == ["key", new, old]
    assert "  from " in lines[1]
    assert lines[1].split()[-1] == "0"
    assert lines[2].split()[3:] == ["current", "3"]


def test_a_dropped_key_is_missing_from_then_on(inside, vaulted):
    old = keys.load(vaulted / "token.keys").keys[0].id
    status, _, err = inside("tokens", "drop", old, "--state", vaulted)
    assert status == 2
    assert "`leakgate tokens rotate` first" in err
    inside("tokens", "rotate", "--state", vaulted)
    assert inside("tokens", "drop", old, "--state", vaulted) == (0, f"{old} is dropped.\n", "")
    out = inside("tokens", "status", "--state", vaulted)[1]
    assert out.splitlines()[-1].split() == [old, "missing", "3"]
    assert out.splitlines()[1].split()[3:] == ["current", "0"]


def test_tokens_are_forgotten_and_purged(inside, vaulted):
    assert inside("tokens", "purge", "--state", vaulted) == (0, "2 tokens deleted.\n", "")
    assert inside("tokens", "purge", "--state", vaulted) == (0, "0 tokens deleted.\n", "")
    assert inside("tokens", "forget", "eve", "--state", vaulted) == (0, "0 tokens deleted.\n", "")
    assert inside("tokens", "forget", "ann", "--state", vaulted) == (0, "1 token deleted.\n", "")


@pytest.mark.parametrize(
    "command", [("status",), ("rotate",), ("drop", "k1"), ("forget", "ann"), ("purge",)]
)
def test_commands_about_tokens_make_neither_keys_nor_a_database(inside, tmp_path, command):
    status, out, err = inside("tokens", *command, "--state", tmp_path)
    assert (status, out) == (2, "")
    assert "has the gateway run there?" in err or "cannot be" in err
    assert len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_database_without_the_vault_is_told_in_one_line(inside, vaulted):
    (vaulted / "leakgate.db").unlink()
    (vaulted / "leakgate.db").touch()
    status, out, err = inside("tokens", "purge", "--state", vaulted)
    assert (status, out) == (2, "")
    assert err == "setting database: the database cannot be used: OperationalError\n"


# --- ca -------------------------------------------------------------------------------------------


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_ca_path_export_and_rotate(tmp_path):
    state = tmp_path / "state"
    status, out, _ = leakgate("ca", "path", "--state", state)
    path = Path(out.strip())
    assert status == 0
    assert path.is_absolute()
    assert path.is_file()
    assert mode(path.parent) == 0o700
    assert mode(path.parent / "leakgate-ca.pem") == 0o600
    first = path.read_text()
    assert "PRIVATE" not in first

    assert leakgate("ca", "export", "--state", state) == (0, first, "")

    status, out, _ = leakgate("ca", "rotate", "--state", state)
    second = path.read_text()
    assert status == 0
    assert str(path) in out
    assert first != second
    assert mode(path.parent / "leakgate-ca.pem") == 0o600

    status, out, _ = leakgate("ca", "export", "--state", state)
    assert (status, out) == (0, second + first)
    assert len(x509.load_pem_x509_certificates(out.encode())) == 2
    assert "PRIVATE" not in out


def test_a_ca_key_that_others_can_read_is_refused(inside, tmp_path):
    inside("ca", "path", "--state", tmp_path)
    key = tmp_path / "ca" / "leakgate-ca.pem"
    key.chmod(0o640)
    status, out, err = inside("ca", "export", "--state", tmp_path)
    assert (status, out) == (2, "")
    assert f"chmod 600 {key}" in err


def test_a_register_is_written_from_a_folder(tmp_path):
    shipped = importlib.util.find_spec("sklearn").submodule_search_locations[0]
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    shutil.copy(Path(shipped) / "datasets/images/china.jpg", pictures / "temple.jpg")
    (pictures / "notes.txt").write_text("words")
    result = CliRunner().invoke(
        main, ["register", "pictures", str(pictures), str(tmp_path / "register")]
    )
    assert result.exit_code == 0, result.output
    assert "1 picture in" in result.output
    assert "notes.txt is no picture" in result.output
    assert json.loads((tmp_path / "register").read_text())["pictures"][0]["name"] == "temple"


def test_a_folder_without_pictures_makes_no_register(tmp_path):
    result = CliRunner().invoke(
        main, ["register", "pictures", str(tmp_path), str(tmp_path / "register")]
    )
    assert result.exit_code == 2
    assert not (tmp_path / "register").exists()


def test_coaching_list_tells_answers_and_no_names(inside, worked):
    from gateway.coaching.store import Answer, Ask
    from gateway.coaching.store import Store as CoachingStore
    from gateway.model import Grant

    coaching = CoachingStore.open(f"sqlite:///{worked / 'leakgate.db'}", bytes(32))
    for number, answer in enumerate((Answer("justified", "work"), Answer("cancelled"))):
        asks = frozenset({Grant("numbers", "chatgpt", f"f{number}")})
        ask = Ask("inc", "ann@example.com", "192.0.2.7", "chatgpt", "h", "numbers", "pii", {}, asks)
        coaching.answer(coaching.ask(ask, link=f"{number:024d}", identity=f"c{number}"), answer)
    coaching.close()
    status, out, _ = inside("coaching", "list", "--state", worked)
    assert status == 0
    assert "ann@" not in out
    assert out.count("person-") == 2
    status, out, _ = inside("coaching", "list", "--answer", "justified", "--state", worked)
    assert "work" in out
    assert "cancelled" not in out
    assert "c0" in out


def test_coaching_withdraw_takes_it_back_once_and_notes_it(inside, worked):
    from gateway.coaching.store import Answer, Ask
    from gateway.coaching.store import Store as CoachingStore
    from gateway.model import Grant

    coaching = CoachingStore.open(f"sqlite:///{worked / 'leakgate.db'}", bytes(32))
    grant = Grant("numbers", "chatgpt", "f1")
    ask = Ask(
        *("inc", "ann@example.com", "192.0.2.7", "chatgpt", "h", "numbers", "pii"),
        {},
        frozenset({grant}),
    )
    coaching.ask(ask, link="l" * 24, identity="c1")
    coaching.answer("c1", Answer("justified", "work", "", timedelta(hours=1)))
    status, _, err = inside("coaching", "withdraw", "c1", "--reason", "   ", "--state", worked)
    assert status == 2
    assert "say why" in err
    assert coaching.live("ann@example.com", {grant})
    status, out, _ = inside("coaching", "withdraw", "c1", "--reason", "too much", "--state", worked)
    assert status == 0
    assert "is asked again" in out
    assert "ann@" not in out
    assert not coaching.live("ann@example.com", {grant})
    coaching.close()
    status, _, err = inside("coaching", "withdraw", "c1", "--reason", "too much", "--state", worked)
    assert status == 2
    assert "lets nothing by" in err
    status, out, _ = inside("audit", "list", "--state", worked)
    assert "coaching.withdrawn" in out
