"""What does a client get in place of what was stopped? A refusal in the shape of its protocol.

Law: a refusal says which rule and which incident, and nothing of what was sent. A fault of a stage
is a refusal, too.
"""

from __future__ import annotations

from dataclasses import replace

from gateway import protocols
from gateway.model import (
    Decision,
    Exchange,
    Outcome,
    Refusal,
    Refuse,
    Route,
    Scan,
    Severity,
    Transport,
    Verdict,
)
from gateway.services import Catalogue, route_of

BLOCKED = "policy"
COACHED = "coach"
"""`Refuse.cause` when a rule refused, or asked for a thought; every other is a fault of a stage."""

_FAULT_MESSAGES = {
    "timeout": "The request could not be checked in time, so it was not sent.",
    "overloaded": "The gateway is overloaded, so the request was not sent. Please try again.",
    "too_large": "The request is larger than the gateway can check, so it was not sent.",
    "redirect": "This was not sent: where it should go instead cannot be reached. Please tell your IT"
    " department.",
    "two_way": (
        "This request waits for answers before it ends. The gateway checks a request whole before"
        " any of it is sent, so this cannot work through it. Please use the service's other calls."
    ),
    "identity": "This was not sent: the company's proxy does not know who you are. Set your name and"
    " password for the proxy, or sign in to the company's network, and send again.",
    "identity_wrong": "This was not sent: you are not known to the company's proxy any more. Sign in"
    " to it again and send again.",
    "identity_away": "This was not sent: the company's proxy cannot check now who you are. Please try"
    " again in a minute.",
    "spool_full": "The gateway cannot record incidents now, so the request was not sent.",
}
_ANSWER_MESSAGE = "The answer could not be checked, so it was stopped."
_FAULT_MESSAGE = "The request could not be checked, so it was not sent."


def blocked(exchange: Exchange, route: Route, outcome: Outcome) -> Refuse:
    """What the client gets in place of what a rule stopped."""
    # The strictest hit comes first.
    rule = next((hit.rule for hit in outcome.hits if hit.mode == "enforce"), "")
    return _shape(exchange, route, cause=BLOCKED, message=outcome.message, rule=rule)


def fault(catalogue: Catalogue, exchange: Exchange, cause: str, *, detail: str = "") -> Decision:
    """The decision when inspection itself failed: refuse. `cause` is a closed word of ours."""
    route = route_of(catalogue, exchange)
    message = _FAULT_MESSAGES.get(cause, _FAULT_MESSAGE)
    return Decision(
        exchange=exchange.id,
        at=exchange.received_at,
        actor=exchange.actor,
        source_ip=exchange.source_ip,
        method=protocols.method_of(exchange),
        # Nobody has looked at it: a subdomain may spell out what was to stay here.
        host=exchange.host if exchange.host.lower() in catalogue.hosts() else "*",
        route=route,
        scan=Scan(),
        outcome=Outcome(Verdict.BLOCK, Verdict.BLOCK, Severity.MEDIUM, message=message),
        enforcement=_shape(exchange, route, cause=cause, message=message, rule=f"gateway:{cause}"),
        policy_revision="",
        detector_revision=detail,
        incident=exchange.id,
    )


def coached(exchange: Exchange, route: Route, outcome: Outcome, *, link: str = "") -> Refuse:
    """What the client gets in place of what is coached; `link` leads to where one may go on.

    A person who loads a page goes there at once. Without a link there is no way on.
    """
    if link and _is_navigation(exchange) and exchange.transport is Transport.HTTP:
        fields = ((b"location", link.encode("ascii")), (b"cache-control", b"no-store"))
        return Refuse(COACHED, 303, fields, b"")
    rule = next((hit.rule for hit in outcome.hits if hit.mode == "enforce"), "")
    return _shape(exchange, route, cause=COACHED, message=outcome.message, rule=rule, link=link)


def refuse_answer(
    exchange: Exchange, route: Route, outcome: Outcome, *, cause: str, incident: str
) -> Refuse:
    """What the client gets in place of the answer to `exchange`, or of the rest of it.

    The status is that of a refused request: the service has done its work, and a client that took
    this for a fault of the way there would send the request again.
    """
    rule = next((hit.rule for hit in outcome.hits if hit.mode == "enforce"), "")
    message = outcome.message
    if cause != BLOCKED or not message:
        rule, message = f"gateway:answer_{cause}", _ANSWER_MESSAGE
    # The page for people says that a request was stopped.
    return _shape(
        replace(exchange, id=incident),
        route,
        cause=cause,
        message=message,
        rule=rule,
        wants_html=False,
    )


def _shape(
    exchange: Exchange,
    route: Route,
    *,
    cause: str,
    message: str,
    rule: str,
    wants_html: bool = True,
    link: str = "",
) -> Refuse:
    protocol = protocols.of(route.protocol, exchange)
    call = protocols.call_of(exchange) if protocol.calls else None
    refusal = Refusal(
        message=message or "This request was not sent: company policy does not allow it.",
        rule=rule,
        incident=exchange.id,
        wants_html=wants_html and _is_navigation(exchange),
        over_socket=exchange.transport is not Transport.HTTP,
        # JSON-RPC carries errors under a good status: some clients wait forever after another.
        status=200 if call is not None and call.id is not None else 400,
        call=call,
        link=link,
    )
    return replace(protocol.refuse(refusal), cause=cause)


def _is_navigation(exchange: Exchange) -> bool:
    """Is a person looking at a page load? Browsers say so in Fetch Metadata.

    https://www.w3.org/TR/fetch-metadata/#sec-fetch-mode-header; older ones only by `Accept`.
    """
    mode = exchange.header("sec-fetch-mode")
    if mode is not None:
        return mode == "navigate"
    accept = exchange.header("accept") or ""
    return accept.startswith("text/html") and exchange.header("x-requested-with") is None
