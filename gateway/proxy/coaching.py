"""How does the proxy coach? It gives out links, knows grants, and answers for a host of its own.

Law: what goes to that host is answered here and never goes on, whatever else it is called. A grant is
believed when the database says so, each time; without its answer what is coached is refused, without a
link.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace

from mitmproxy import http
from mitmproxy.net.http import status_codes

from gateway import refusals
from gateway.coaching.front import Front
from gateway.coaching.pages import MAX_BODY, Asked, Pages
from gateway.coaching.store import Ask, Concern
from gateway.model import Decision, Exchange, Grant, Outcome, Refuse, RuleHit, Verdict
from gateway.policy.executable import Coaching as Plan

type Decide = Callable[[Exchange], Awaitable[Decision]]

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Coach:
    """Coaching for the gate. `hosts` are the names, in lower case, that are answered here."""

    front: Front
    pages: Pages
    hosts: frozenset[str]
    plan_of: Callable[[str], Plan | None]

    def own(self, names: Iterable[str]) -> str | None:
        """The name by which a request is meant for us; None when it goes by no such name."""
        plain = (name.lower().rstrip(".") for name in names)
        return next((name for name in plain if name in self.hosts), None)

    def prepared(self, exchange: Exchange) -> Exchange:
        """The exchange with the grants that its sender had a moment ago: mostly they hold."""
        grants = self.front.known(exchange.sender)
        return replace(exchange, grants=grants) if grants else exchange

    async def settled(self, exchange: Exchange, decision: Decision, decide: Decide) -> Decision:
        """What comes of a decision that may coach: with all grants known, and a link where it does."""
        used = _used(decision.outcome)
        if used:
            held = await self.front.granted(exchange.sender, used)
            if held < used:
                # Taken back since, at whichever gateway, or run out.
                exchange = replace(exchange, grants=exchange.grants - used | held)
                decision = await decide(exchange)
        if not _is_coached(decision):
            return decision
        asks = _asks(decision.outcome)
        granted = await self.front.granted(exchange.sender, asks)
        if granted - exchange.grants:
            # Given on another gateway, or remembered no more. Some may be for other rules only.
            exchange = replace(exchange, grants=exchange.grants | granted)
            decision = await decide(exchange)
            if not _is_coached(decision):
                return decision
        link = await self.front.ask(self._ask(exchange, decision))
        if link is None:
            return decision
        refusal = refusals.coached(exchange, decision.route, decision.outcome, link=link)
        return replace(decision, enforcement=refusal)

    def _ask(self, exchange: Exchange, decision: Decision) -> Ask:
        hits = _hits(decision.outcome)
        plans = {hit.rule: self.plan_of(hit.rule) for hit in hits}
        first, *further = (
            Concern(rule, "" if plan is None else plan.lesson) for rule, plan in plans.items()
        )
        return Ask(
            incident=decision.incident,
            actor=exchange.actor,
            source_ip=exchange.source_ip,
            service=decision.route.service,
            host=decision.host,
            rule=first.rule,
            lesson=first.lesson,
            found=_found(decision, hits),
            # What was granted before is granted anew with the rest: it counts from the answer on.
            asks=_asks(decision.outcome),
            further=tuple(further),
        )

    async def page(self, flow: http.HTTPFlow, name: str, sender: str) -> http.Response:
        """The answer to a request for one of our pages."""
        request = flow.request
        port = "" if _DEFAULT_PORTS.get(request.scheme) == request.port else f":{request.port}"
        body = request.raw_content or b""
        given = await self.pages.answer(
            Asked(
                method=request.method,
                path=request.path.partition("?")[0],
                headers={key.lower(): value for key, value in request.headers.items()},
                body=body if len(body) <= MAX_BODY else b"",
                sender=sender,
                origin=f"{request.scheme}://{name}{port}",
            )
        )
        now = time.time()
        return http.Response(
            b"HTTP/1.1",
            given.status,
            status_codes.RESPONSES.get(given.status, "").encode(),
            http.Headers((*given.headers, (b"content-length", b"%d" % len(given.body)))),
            given.body,
            None,
            now,
            now,
        )


def _is_coached(decision: Decision) -> bool:
    return (
        decision.outcome.verdict is Verdict.COACH
        and isinstance(decision.enforcement, Refuse)
        and decision.enforcement.cause == refusals.COACHED
    )


def _hits(outcome: Outcome) -> list[RuleHit]:
    """The hits that coach, the most severe first."""
    return [hit for hit in outcome.hits if hit.mode == "enforce" and hit.action is Verdict.COACH]


def _used(outcome: Outcome) -> frozenset[Grant]:
    """The grants without which it would be coached."""
    return frozenset(ask for hit in outcome.hits if hit.justified for ask in hit.asks)


def _asks(outcome: Outcome) -> frozenset[Grant]:
    return frozenset(ask for hit in _hits(outcome) for ask in hit.asks)


def _found(decision: Decision, hits: Iterable[RuleHit]) -> dict[str, int]:
    """What was hit, counted: values by entity, else files, unread places, or the request itself."""
    found: Counter[str] = Counter()
    findings = {index for hit in hits for index in hit.findings}
    values = {
        (finding.entity, finding.fingerprint)
        for index, finding in enumerate(decision.scan.findings)
        if index in findings
    }
    found.update(entity for entity, _ in values)
    unread = {index for hit in hits for index in hit.unread}
    if unread:
        found["unread"] = len(unread)
    files = {ask.item for hit in hits for ask in hit.asks if ask.item.startswith("file:")}
    if files:
        found["file"] = len(files)
    return dict(found) or {"request": 1}
