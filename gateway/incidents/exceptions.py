"""How does a false alarm become an exception? As the text of a policy file that the team commits.

Law: the exception is narrow (one rule, one service, values by fingerprint), dated and owned, and what
is written is checked as policies are. The gateway never edits policies.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta

import yaml

from gateway.documents import load
from gateway.incidents.record import Incident
from gateway.incidents.states import WorkError
from gateway.policy.document import PolicyDocument
from gateway.policy.words import RULE_ID

LONGEST = timedelta(days=366)
"""No exception holds for longer; it can be agreed on again."""

TEXT_CHARS = 200


def fingerprints(incident: Incident, chosen: Sequence[str] | None = None) -> tuple[str, ...]:
    """The values that an exception is to be about: those `chosen`, or the only one there is.

    Raises `WorkError` when that is not clear, or there is none.
    """
    known = tuple(dict.fromkeys(f for group in incident.findings for f in group.fingerprints))
    if not known:
        raise WorkError(
            f"incident `{incident.id}` has no value with a fingerprint, so that no narrow exception"
            " can be made of it; write one by hand"
        )
    if chosen is None:
        if len(known) > 1:
            raise WorkError(
                f"incident `{incident.id}` has {len(known)} values; name the fingerprints of those"
                " that are false alarms"
            )
        return known
    if not chosen:
        raise WorkError("name at least one fingerprint")
    for each in chosen:
        if each not in known:
            raise WorkError(f"incident `{incident.id}` has no value with fingerprint `{each[:64]}`")
    return tuple(dict.fromkeys(chosen))


def draft(
    incident: Incident,
    rule: str,
    values: Sequence[str],
    *,
    owner: str,
    reason: str,
    until: date,
    today: date,
) -> str:
    """A policy file that leaves `values` out of `rule` on the way to the incident's service.

    `until` is the last day (UTC). Raises `WorkError` for a rule that did not fire, and for what makes
    no exception: no owner, no reason, an end that is past or more than a year away.
    """
    if rule not in {fired.rule for fired in incident.rules} or not re.fullmatch(RULE_ID, rule):
        raise WorkError(f"rule `{rule[:64]}` did not fire in incident `{incident.id}`")
    owner, reason = _one_line(owner, "owner"), _one_line(reason, "reason")
    if until < today:
        raise WorkError(f"`until` is past: {until}")
    if until > today + LONGEST:
        raise WorkError(f"`until` is more than a year away; {today + LONGEST} is the last day")
    exception = {
        "service": incident.service,
        "fingerprint": list(values) if len(values) > 1 else values[0],
        "until": until,
        "owner": owner,
        "reason": reason,
    }
    document = {"version": 1, "overrides": {rule: {"unless": [exception]}}}
    entities = sorted(
        {g.entity for g in incident.findings if not set(values).isdisjoint(g.fingerprints)}
    )
    text = (
        f"# {', '.join(entities)}: a false alarm in incident {incident.id}, {today}.\n"
        "# Commit it beside your policies; `leakgate policy check` tells when it ends.\n"
        + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    )
    load(text, PolicyDocument, source="exception")  # INVARIANT: what is handed out is a policy
    return text


def file_name(incident: Incident, rule: str) -> str:
    """Under which name the file may lie; it comes after those that ship."""
    return f"80-exception-{rule}-{re.sub(r'[^a-z0-9]', '', incident.id.lower())[:16]}.yaml"


def _one_line(text: str, what: str) -> str:
    text = " ".join(text.split())
    if not text or not text.isprintable():
        raise WorkError(f"an exception needs `{what}`")
    if len(text) > TEXT_CHARS:
        raise WorkError(f"`{what}` is over {TEXT_CHARS} characters; shorten it")
    return text
