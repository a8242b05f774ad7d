"""Where does a request go, and with what said of the company, whatever its content is?

Law: a restriction to the company's tenant is set whenever it may apply: what is not known of a sender
counts for it, and against every exception. What the client said itself is deleted first.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.model import Exchange, Route, Scan
from gateway.policy.evaluate import View
from gateway.policy.executable import PolicySet, TenantRule


class Contradiction(Exception):
    """Two restrictions want different values of one header; their ids and its name."""


def restrictions(
    policy: PolicySet, exchange: Exchange, route: Route
) -> tuple[tuple[str, str], ...]:
    """The headers that say which tenants may be used. Raises `Contradiction`."""
    if not policy.tenants:
        return ()
    view = View(exchange, route, Scan())
    told: dict[str, tuple[str, str, str]] = {}
    for rule in _applying(policy.tenants, view):
        for name, value in rule.headers:
            before = told.setdefault(name.lower(), (name, value, rule.id))
            if before[1] != value:
                raise Contradiction(before[2], rule.id, name)
    return tuple((name, value) for name, value, _ in told.values())


def _applying(rules: Iterable[TenantRule], view: View) -> Iterable[TenantRule]:
    return (
        rule
        for rule in rules
        if rule.route.holds(view.route)
        and view.sender_holds(rule.sender, in_doubt=True)
        and not any(
            route.holds(view.route) and view.sender_holds(sender, in_doubt=False)
            for route, sender in rule.unless
        )
    )
