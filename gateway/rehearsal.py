"""What would the policies do? Tried on a file, on one incident, on all incidents of a time.

Law: nothing that is tried leaves the machine or is recorded, and no key or folder is made. A file
goes through the same inspection as a request; an incident is judged by what its record holds.
"""

from __future__ import annotations

import functools
import ipaddress
import json
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, assert_never, cast

from gateway import bootstrap, content, detectors, protocols
from gateway.content import PictureSettings, text_encoding
from gateway.documents import DocumentError
from gateway.incidents import recall, record
from gateway.incidents.record import Incident
from gateway.incidents.store import Store
from gateway.inspection import Inspector
from gateway.model import Act, Decision, Exchange, Route, Severity, Verdict
from gateway.policy import page
from gateway.policy.executable import CompiledRule, FindingTest, OperatorCall, RouteTest, SenderTest
from gateway.policy.explain import Account, Explanation, explain
from gateway.policy.recorded import Hindsight, Recorded, unknown_of
from gateway.policy.rollout import address_of
from gateway.policy.simulate import Simulation
from gateway.redaction import Keys
from gateway.registers.folder import RegisterPlan, Registers
from gateway.secret import KEY_BYTES
from gateway.services import UNKNOWN_SERVICE, Catalogue
from gateway.workers import Answer

# --- a file ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sending:
    """How a file is sent: as a prompt, when it is text and not an `upload`, or by itself."""

    service: str = UNKNOWN_SERVICE
    operation: str = ""
    upload: bool = False
    name: str = field(default="", repr=False)
    actor: str = ""
    source_ip: str = "192.0.2.1"
    at: float = 0.0
    groups: frozenset[str] | None = None
    device: str = ""
    api_key: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it: where it would go, what rules say, what the gateway would do."""

    route: Route
    explanation: Explanation
    decision: Decision


@dataclass(frozen=True, slots=True)
class _OneWay:
    """A catalogue in which every request goes the same way."""

    there: Route

    def route(self, **_: object) -> Route:
        return self.there


_EVERYTHING = CompiledRule(
    id="everything-is-kept",
    title="",
    severity=Severity.INFO,
    mode="monitor",
    action=Verdict.LOG,
    message="",
    route=RouteTest(),
    sender=SenderTest(),
    finding=FindingTest(),
    min_count=1,
    min_distinct=1,
    file=None,
    unread=None,
    unless=(),
    operators={},
    default_operator=OperatorCall("replace"),
)


def try_file(
    rules: bootstrap.Rules,
    data: bytes,
    sending: Sending,
    *,
    state: Path,
    limits: content.FileLimits | None = None,
    looking: PictureSettings | None = None,
    known: Registers | None = None,
) -> Trial:
    """Send `data` through the inspection, to nobody."""
    return Bench(
        BenchPlan(
            rules,
            key=bootstrap.known_key(state) or secrets.token_bytes(KEY_BYTES),
            cache=None,
            files=limits or content.FileLimits(),
            looking=looking or PictureSettings(),
        ),
        bootstrap.build_engine(rules.detectors, state, known),
    ).try_out(data, sending)


@dataclass(frozen=True, slots=True)
class BenchPlan:
    """What a process needs to try things by these rules."""

    rules: bootstrap.Rules
    key: bytes = field(repr=False)
    cache: Path | None
    files: content.FileLimits
    looking: PictureSettings
    policies: Path = Path()
    registers: RegisterPlan | None = None


@dataclass(frozen=True, slots=True)
class TryOut:
    """Asks a bench to send something to nobody, and to tell what would happen as plain data."""

    data: bytes = field(repr=False)
    sending: Sending


@dataclass(frozen=True, slots=True)
class TryCases:
    """Asks a bench to run the test cases beside the policies."""


class Bench:
    """Where things are tried by one set of rules; the detectors are built once."""

    def __init__(self, plan: BenchPlan, engine: detectors.Engine) -> None:
        self._plan = plan
        self._engine = engine

    def inspect(self, asked: TryOut | TryCases) -> Answer:
        """What was asked for, as a worker's inspector: a trial as plain data, or results of cases.

        In the place of results stand problems when the cases are not sound.
        """
        match asked:
            case TryOut(data=data, sending=sending):
                return Answer(trial_data(self.try_out(data, sending)))
            case TryCases():
                try:
                    return Answer(
                        bootstrap.run_cases(self._plan.policies, self._plan.rules, self._engine)
                    )
                except DocumentError as error:
                    return Answer(error.problems)
            case other:
                assert_never(other)

    def try_out(self, data: bytes, sending: Sending) -> Trial:
        """Send `data` through the inspection, to nobody. `LookupError` names what is unknown."""
        rules = self._plan.rules
        if text_encoding(data) is None:
            sending = replace(sending, upload=True)
        route, host = _destination(rules.catalogue, sending)
        exchange = replace(
            _exchange(data, sending, host), keys=rules.policy.keys_named(sending.api_key)
        )
        # First with rules that only watch, so that nothing is rewritten and all is kept; then as it
        # is.
        watching = replace(
            rules.policy,
            rules=(*(replace(rule, mode="monitor") for rule in rules.policy.rules), _EVERYTHING),
        )
        seen, done = (
            Inspector(
                catalogue=cast("Catalogue", _OneWay(replace(route, protocol="generic"))),
                policy=policy,
                engine=self._engine,
                key=self._plan.key,
                files=self._plan.files,
                looking=self._plan.looking,
                limits=protocols.Limits(),
                tokens=Keys({"rehearsal": secrets.token_bytes(KEY_BYTES)}),
            ).inspect(exchange)
            for policy in (watching, rules.policy)
        )
        scan = seen.scan
        return Trial(route, explain(rules.policy, exchange, route, scan), replace(done, scan=scan))


def build_bench(plan: BenchPlan) -> Bench:
    """A bench in a process of its own; named by `BENCH`."""
    content.prepare(None)
    engine = bootstrap.plain_engine(plan.rules.detectors, plan.key, plan.cache, plan.registers)
    return Bench(plan, engine)


BENCH = "gateway.rehearsal:build_bench"
"""What a worker builds from a `BenchPlan`, as `module:function`."""


def _destination(catalogue: Catalogue, sending: Sending) -> tuple[Route, str]:
    """The route of `sending`, and a host of the service; `LookupError` names what is unknown."""
    act = Act.UPLOAD if sending.upload else Act.PROMPT
    known = catalogue.get(sending.service)
    if known is None:
        if sending.service != UNKNOWN_SERVICE:
            raise LookupError(sending.service)
        return Route(UNKNOWN_SERVICE, "unknown", "other", act, "generic", {}), "host.invalid"
    wanted = [each for each in known.operations if each.id == sending.operation]
    if sending.operation and not wanted:
        raise LookupError(sending.operation)
    route = known.route(wanted[0]) if wanted else replace(known.route(), act=act)
    host = known.hosts[0].text.replace("*", "any") if known.hosts else "host.invalid"
    return route, host


def _exchange(data: bytes, sending: Sending, host: str) -> Exchange:
    encoding = text_encoding(data)
    if encoding is not None and not sending.upload:
        kind = b"application/json"
        message = {"role": "user", "content": data.decode(encoding)}
        body = json.dumps({"messages": [message]}).encode()
    else:
        boundary = secrets.token_hex(16)
        kind = f"multipart/form-data; boundary={boundary}".encode()
        # HTML, 4.10.21.8: the name's quotes and line breaks are percent-encoded; so is a backslash
        # here, which some take as an escape.
        name = re.sub(r'["\\\r\n]', lambda found: f"%{ord(found[0]):02X}", sending.name)
        head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        start = f"--{boundary}\r\n{head}".encode("utf-8", "surrogateescape")
        body = start + data + f"\r\n--{boundary}--\r\n".encode()
    return Exchange(
        id="rehearsal",
        received_at=sending.at,
        actor=sending.actor,
        source_ip=sending.source_ip,
        method="POST",
        scheme="https",
        host=host,
        port=443,
        target="/",
        headers=((b"content-type", kind),),
        body=body,
        groups=sending.groups,
        device=sending.device,
    )


def trial_data(trial: Trial, rule: str | None = None) -> dict[str, Any]:
    """A trial as plain data."""
    explanation, scan = trial.explanation, trial.decision.scan
    enforcement = trial.decision.enforcement
    return {
        "service": trial.route.service,
        "category": trial.route.category,
        "operation": trial.route.operation,
        "act": trial.route.act.value,
        "verdict": explanation.outcome.verdict.name.lower(),
        "if_all_were_enforced": explanation.outcome.monitored.name.lower(),
        "deciding_rules": list(explanation.deciding),
        "enforcement": type(enforcement).__name__.lower(),
        "message": trial.decision.outcome.message,
        "findings": page.findings(scan.findings),
        "unread": [
            {"path": each.locator.path, "reason": each.reason.value} for each in scan.unread
        ],
        "files": [
            {
                "path": each.locator.path,
                "family": each.family,
                "media_type": each.media_type,
                "size": each.size,
                "facts": dict(each.facts),
            }
            for each in scan.files
        ],
        "rules": [page.account(each) for each in _only(explanation.accounts, rule)],
    }


def trial_lines(name: str, trial: Trial, rule: str | None = None) -> Iterator[str]:
    """A trial as lines for people."""
    data = trial_data(trial, rule)
    yield f"{name} to {data['service']} ({data['category']}), {data['operation']}, {data['act']}"
    yield _verdict(data)
    done = {"forward": "sent as it is", "rewrite": "sent, changed", "refuse": "not sent"}
    yield f"  what happens: {done[data['enforcement']]}"
    if data["message"]:
        yield f"  message: {data['message']}"
    yield from _found(
        (each["entity"], each["confidence"], each["path"], each["preview"])
        for each in data["findings"]
    )
    yield from (f"  could not read {each['path']}: {each['reason']}" for each in data["unread"])
    for each in data["files"]:
        facts = ", ".join(f"{key}: {value}" for key, value in sorted(each["facts"].items()))
        yield f"  file {each['path']}: {each['family']}, {each['size']} bytes" + (
            f" ({facts})" if facts else ""
        )
    yield from page.accounts(_only(trial.explanation.accounts, rule))


def _verdict(data: Mapping[str, Any]) -> str:
    by = ", ".join(f"`{rule}`" for rule in data["deciding_rules"])
    would = data["if_all_were_enforced"]
    more = f" (if every rule were enforced: {would})" if would != data["verdict"] else ""
    return f"  verdict: {data['verdict']}" + (f", by {by}" if by else "") + more


def _found(groups: Iterable[tuple[str, float, str, str]]) -> Iterator[str]:
    number = 0
    for number, (entity, confidence, path, preview) in enumerate(groups, start=1):
        if number <= _SHOWN:
            yield f"  found {entity} at {confidence:.2f} in {path}: {preview}"
    if number > _SHOWN:
        yield f"  and {number - _SHOWN} more findings"


_SHOWN = 20
"""Findings that are listed for people; `--json` has them all."""


def _only(accounts: Iterable[Account], rule: str | None) -> list[Account]:
    return [each for each in accounts if rule is None or each.rule == rule]


# --- an incident ----------------------------------------------------------------------------------


def today(catalogue: Catalogue) -> recall.RouteOf:
    """Routes of records by this catalogue: its category and facts, the record's operation."""

    @functools.cache
    def route(service: str, category: str, operation: str, act: Act) -> Route:
        known = catalogue.get(service)
        return Route(
            service,
            known.category if known is not None else category,
            operation,
            act,
            known.protocol if known is not None else "generic",
            known.facts if known is not None else {},
        )

    return route


def explain_incident(rules: bootstrap.Rules, incident: Incident) -> tuple[Account, ...]:
    """What the rules say of an incident now, those that surely match first.

    Where the record does not tell, `why` says what it lacks, and the account is not one of a match.
    """
    past = recall.recorded(incident, today(rules.catalogue))
    policy = rules.policy
    if recall.is_of_answer(incident):
        policy = replace(policy, rules=policy.answers)
    hindsight = Hindsight(policy)
    bounds = hindsight.bounds(past)
    fired = {each.rule: each for each in incident.rules}
    told: list[tuple[int, Account]] = []
    for rule in policy.rules:
        sure, possible = bounds.surely.get(rule.id), bounds.possibly.get(rule.id)
        then = fired.get(rule.id)
        hit = sure or possible
        account = Account(
            rule.id,
            rule.title,
            hit.mode if hit is not None else rule.mode,
            hit.action if hit is not None else rule.action,
            matched=sure is not None,
            why=_why(rule, hindsight, past, sure=sure is not None, possible=possible is not None),
            notes=(f"it matched then ({then.mode}, {then.action.name.lower()})",) if then else (),
        )
        told.append((0 if sure is not None else 1 if possible is not None else 2, account))
    told.sort(key=lambda each: (each[0], -each[1].action))
    return tuple(account for _, account in told)


def _why(
    rule: CompiledRule, hindsight: Hindsight, past: Recorded, *, sure: bool, possible: bool
) -> str:
    if sure:
        return "what is recorded is enough for it"
    if possible:
        return f"cannot be known: {unknown_of(rule, past)}"
    return hindsight.why_not(rule, past)


def incident_data(
    incident: Incident, told: Iterable[Account], rule: str | None = None
) -> dict[str, Any]:
    """An incident and what rules say of it now, as plain data."""
    return {
        "incident": record.to_data(incident),
        "rules": [page.account(each) for each in _only(told, rule)],
    }


def incident_lines(
    incident: Incident, told: Iterable[Account], rule: str | None = None
) -> Iterator[str]:
    """The same as lines for people."""
    yield f"{incident.id} of {incident.at:%Y-%m-%d %H:%M} UTC to {incident.service}, {incident.act}"
    by = ", ".join(
        f"`{each.rule}`"
        for each in incident.rules
        if each.mode == "enforce" and each.action is incident.verdict
    )
    yield f"  verdict then: {incident.verdict.name.lower()}" + (f", by {by}" if by else "")
    yield from _found(
        (group.entity, group.confidence, f"{group.path} ({group.count})", group.preview)
        for group in incident.findings
    )
    yield from (f"  could not read {each.path}: {each.reason}" for each in incident.unread)
    yield "  by the policies of today, as far as the record tells:"
    yield from page.accounts(_only(told, rule))


# --- all incidents --------------------------------------------------------------------------------


def simulate(
    store: Store,
    before: bootstrap.Rules,
    after: bootstrap.Rules,
    *,
    since: datetime,
    until: datetime,
    sender_of: Callable[[Incident], str] | None = None,
    teams_of: Callable[[Incident], Iterable[str]] | None = None,
) -> Simulation:
    """Ask `after` about every incident from `since` up to `until`.

    `sender_of` and `teams_of` say under which names its changes are counted.
    """
    simulation = Simulation(before.policy, after.policy)
    now, then = today(after.catalogue), today(before.catalogue)
    for incident in _each(store, since, until):
        if recall.is_of_answer(incident):
            continue  # rules for requests say nothing of it
        try:
            past = recall.recorded(incident, now)
        except ValueError:
            simulation.tally.unreadable += 1
            continue
        before_route = then(incident.service, incident.category, incident.operation, past.route.act)
        simulation.add(
            past,
            recall.happened(incident),
            sender=(sender_of or sender)(incident),
            then=before_route,
            teams=teams_of(incident) if teams_of is not None else incident.teams or (),
        )
    return simulation


def sender(incident: Incident) -> str:
    """Who sent it: the actor, or the network (/24, /64) of the address where none is known."""
    if incident.actor:
        return incident.actor
    address = address_of(incident.source_ip)
    if address is None:
        return "unknown"
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 64), strict=False))


def _each(store: Store, since: datetime, until: datetime) -> Iterator[Incident]:
    for incidents in store.walk(since=since, until=until):
        yield from incidents
