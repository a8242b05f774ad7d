"""Rules that coach: what they ask for, what a grant does, and what cannot be written."""

import dataclasses

import pytest

from gateway.documents import DocumentError
from gateway.model import FileInfo, Grant, Locator, Scan, Unread, UnreadReason, Verdict
from gateway.policy import compile_text, evaluate, load, merged, run_cases
from gateway.policy.directory import fingerprint
from gateway.policy.executable import Coaching
from gateway.policy.explain import explain

RULE = "rules: [{id: think, when: {entity: US_SSN}, action: coach}]"


def asks(outcome):
    return {ask.item for hit in outcome.hits for ask in hit.asks}


def test_what_is_coached_does_not_leave_and_says_what_it_asks_for(policy, exchange, route, finding):
    scan = Scan((finding(), finding(start=20, end=29), finding(fingerprint="f2")))
    outcome = evaluate(policy(RULE), exchange(), route(), scan)
    assert Verdict.REDACT < outcome.verdict is Verdict.COACH < Verdict.BLOCK
    assert outcome.hits[0].asks == (Grant("think", "chatty", "f1"), Grant("think", "chatty", "f2"))
    assert "think" in outcome.message
    assert "f1" not in repr(outcome)


def test_a_grant_lets_by_what_it_covers_and_nothing_more(policy, exchange, route, finding):
    rules = policy(RULE)
    granted = exchange(grants=frozenset({Grant("think", "chatty", "f1")}))
    outcome = evaluate(rules, granted, route(), Scan((finding(), finding(start=30, end=39))))
    assert (outcome.verdict, outcome.message) == (Verdict.LOG, "")
    assert outcome.hits[0].justified
    more = Scan((finding(), finding(fingerprint="f2")))
    assert evaluate(rules, granted, route(), more).verdict is Verdict.COACH
    for elsewhere in (
        {"to": route(service="portrait", category="avatar")},
        {"grants": frozenset({Grant("other", "chatty", "f1")})},
    ):
        to = elsewhere.pop("to", route())
        sent = dataclasses.replace(granted, **elsewhere)
        assert evaluate(rules, sent, to, Scan((finding(),))).verdict is Verdict.COACH


def test_other_rules_are_untouched_by_grants(policy, exchange, route, finding):
    rules = policy("""
        rules:
        - {id: think, when: {entity: US_SSN}, action: coach}
        - {id: never, when: {entity: CREDIT_CARD}, action: block}
        - {id: out, when: {entity: US_SSN}, action: redact}
    """)
    granted = exchange(grants=frozenset({Grant("think", "chatty", "f1")}))
    assert evaluate(rules, granted, route(), Scan((finding(),))).verdict is Verdict.REDACT
    both = Scan((finding(), finding("CREDIT_CARD", fingerprint="f3")))
    assert evaluate(rules, granted, route(), both).verdict is Verdict.BLOCK


def test_what_has_no_mark_is_never_granted(policy, exchange, route, finding):
    granted = exchange(grants=frozenset({Grant("think", "chatty", "")}))
    scan = Scan((finding(fingerprint=""),))
    assert evaluate(policy(RULE), granted, route(), scan).verdict is Verdict.COACH


@pytest.mark.parametrize(
    ("when", "item"),
    [
        ("host: '*'", "service"),
        ("file: {family: image}", "file:d1"),
        ("unread: encrypted", "unread:encrypted:d2"),
        ("unread: charset", "unread:charset:"),
    ],
)
def test_files_unread_places_and_services_are_items_too(policy, exchange, route, when, item):
    rules = policy(f"rules: [{{id: think, when: {{{when}}}, action: coach}}]")
    picture = FileInfo(Locator("files[0]"), "image/png", "image", 9, digest="d1")
    locked = FileInfo(Locator("files[1]"), "application/zip", "archive", 9, digest="d2")
    places = (
        Unread(Locator("files[1]"), UnreadReason.ENCRYPTED),
        Unread(Locator("body"), UnreadReason.CHARSET),
    )
    scan = Scan((), places, (picture, locked))
    assert asks(evaluate(rules, exchange(), route(), scan)) == {item}
    granted = exchange(grants=frozenset({Grant("think", "chatty", item)}))
    assert evaluate(rules, granted, route(), scan).verdict is Verdict.LOG
    other = dataclasses.replace(
        scan, files=tuple(dataclasses.replace(file, digest="d9") for file in scan.files)
    )
    digested = item.endswith(("d1", "d2"))
    wanted = Verdict.COACH if digested else Verdict.LOG
    assert evaluate(rules, granted, route(), other).verdict is wanted


def test_leave_for_one_unknown_host_is_none_for_another(policy, exchange, route):
    rules = policy("rules: [{id: think, when: {service: unknown}, action: coach}]")
    unknown = route(service="unknown", category="unknown")
    first = evaluate(rules, exchange(host="A.example"), unknown, Scan())
    grants = frozenset(first.hits[0].asks)
    again, other = (exchange(host=host, grants=grants) for host in ("a.example.", "b.example"))
    assert evaluate(rules, again, unknown, Scan()).verdict is Verdict.LOG
    assert evaluate(rules, other, unknown, Scan()).verdict is Verdict.COACH


def test_two_destinations_are_asked_for_at_once(policy, exchange, route, finding):
    rules, scan = policy(RULE), Scan((finding(),))
    one, other = (evaluate(rules, exchange(), to, scan) for to in (route(), route(service="coder")))
    (hit,) = merged(one, other).hits
    assert {ask.service for ask in hit.asks} == {"chatty", "coder"}


def test_monitoring_coaches_nobody(policy, exchange, route, finding):
    rules = policy("rules: [{id: t, when: {entity: US_SSN}, action: coach, mode: monitor}]")
    outcome = evaluate(rules, exchange(), route(), Scan((finding(),)))
    assert (outcome.verdict, outcome.monitored) == (Verdict.ALLOW, Verdict.COACH)


def test_how_a_rule_coaches(policy):
    (plain,) = policy(RULE).rules
    assert plain.coaching == Coaching(
        "general", ("work", "false_alarm", "public", "consent"), 8 * 3600, "optional"
    )
    (own,) = policy("""
        rules:
        - id: think
          when: {entity: CLOUD_KEY}
          action: coach
          coach:
            lesson: secrets
            reasons: [work, Agreed with the customer]
            valid_for: 2 d
            ask_text: required
            use_instead: the company's own assistant
    """).rules
    assert own.coaching == Coaching(
        "secrets",
        ("work", "Agreed with the customer"),
        2 * 86_400,
        "required",
        "the company's own assistant",
    )
    assert policy(RULE).coaches
    assert not policy("rules: []").coaches


def test_an_override_changes_how_and_whether_a_rule_coaches(policy):
    how = "overrides: {think: {coach: {lesson: secrets}}}"
    (rule,) = policy(f"{RULE}\n{how}").rules
    assert rule.coaching is not None
    assert rule.coaching.lesson == "secrets"
    taught = RULE.replace("action: coach", "action: coach, coach: {lesson: secrets}")
    (rule,) = policy(f"{taught}\noverrides: {{think: {{action: block}}}}").rules
    assert (rule.action, rule.coaching) == (Verdict.BLOCK, None)
    blocks = "rules: [{id: think, when: {entity: US_SSN}, action: block}]"
    (rule,) = policy(f"{blocks}\noverrides: {{think: {{action: coach}}}}").rules
    assert rule.coaching is not None


@pytest.mark.parametrize(
    ("coach", "words"),
    [
        ("valid_for: 31 d", "less than or equal to 2592000"),
        ("valid_for: 1 week", "is not a time"),
        ("reasons: [work, work]", "names one twice"),
        ('reasons: ["two\\nlines"]', "single lines"),
        ("reasons: []", "is an empty list"),
        ("ask_text: maybe", "maybe"),
        ("lesson: ../x", "pattern"),
        ("", "says nothing"),
    ],
)
def test_what_cannot_be_written(policy, coach, words):
    rule = f"{{id: t, when: {{entity: US_SSN}}, action: coach, coach: {{{coach}}}}}"
    with pytest.raises(DocumentError, match=words):
        policy(f"rules: [{rule}]")


def test_answers_are_not_coached(policy):
    rule = "answers: {rules: [{id: t, when: {entity: US_SSN}, action: %s}]}"
    with pytest.raises(DocumentError, match="`coach` is for what leaves; in answers use `log`"):
        policy(rule % "coach")
    with pytest.raises(DocumentError, match="`coach` is for what leaves"):
        policy(rule % "log" + "\noverrides: {t: {action: coach}}")


def test_lessons_of_the_folder_are_read_and_checked(tmp_path, vocabulary):
    (tmp_path / "a.yaml").write_text(
        "version: 1\nrules: [{id: t, when: {entity: US_SSN}, action: coach, coach: {lesson: own}}]"
    )
    lessons = tmp_path / "lessons"
    lessons.mkdir()
    before = fingerprint(tmp_path)
    (lessons / "own.en.md").write_text("# Own\n")
    assert fingerprint(tmp_path) != before
    policy = load(tmp_path, vocabulary)
    (lesson,) = policy.lessons
    assert (lesson.name, lesson.language, lesson.text) == ("own", "en", "# Own\n")
    (lessons / "own.en.md").write_text("# Other\n")
    assert load(tmp_path, vocabulary).revision != policy.revision
    (lessons / "own.md").write_text("# Own")
    (lessons / "big.de.md").write_text("x" * 30_000)
    with pytest.raises(DocumentError) as caught:
        load(tmp_path, vocabulary)
    told = "\n".join(map(str, caught.value.problems))
    assert "own.md:0:0: is not a lesson; name it by lesson and language" in told
    assert "a lesson has 1 to 20000 characters, this one 30000" in told


def test_a_case_tells_what_comes_of_it_before_and_after_a_reason(tmp_path, vocabulary):
    text = f"version: 1\n{RULE}"
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "a_test.yaml").write_text("""
version: 1
cases:
- {name: before, findings: [{entity: US_SSN}], want: {verdict: coach, rules: think}}
- name: after
  request: {justified: think}
  findings: [{entity: US_SSN, count: 2}]
  want: {verdict: log, rules: think}
- {name: wrong, findings: [{entity: US_SSN}], want: {verdict: block}}
""")
    results = run_cases(tmp_path, compile_text(text, vocabulary), lambda *_: ())
    assert [result.passed for result in results] == [True, True, False]


def test_an_explanation_tells_of_the_reason_that_was_given(policy, exchange, route, finding):
    granted = exchange(grants=frozenset({Grant("think", "chatty", "f1")}))
    (account,) = explain(policy(RULE), granted, route(), Scan((finding(),))).accounts
    assert account.notes == ("it coaches, but the sender has given a reason for all of it",)
