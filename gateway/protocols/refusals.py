"""What does a person or program read when the gateway refuses a request?

Law: the answer names the rule and the incident and never the content; everything that comes from
elsewhere is escaped; clients are told not to retry.
"""

from __future__ import annotations

import html
import json
from typing import Final

from gateway.model import Headers, Refusal, Refuse

CAUSE: Final = "policy"

_HEADERS: Final = (
    (b"cache-control", b"no-store"),
    # The SDKs of OpenAI and Anthropic obey this for every status; without it some retry.
    (b"x-should-retry", b"false"),
)
_HTML_HEADERS: Final = (
    (b"content-type", b"text/html; charset=utf-8"),
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Request stopped</title>
<style>
body {{ font: 1.1rem/1.5 system-ui, sans-serif; margin: 0; background: #f6f7f9; color: #1a1d21; }}
main {{ max-width: 40rem; margin: 4rem auto; padding: 2rem; background: #fff;
        border: 1px solid #c9ced6; border-top: .4rem solid #a4262c; border-radius: .4rem; }}
h1 {{ font-size: 1.5rem; margin-top: 0; }}
h2 {{ font-size: 1.15rem; }}
dt {{ font-weight: 600; }}
dd {{ margin: 0 0 .6rem; overflow-wrap: anywhere; }}
@media (prefers-color-scheme: dark) {{
  body {{ background: #14171a; color: #eceff3; }}
  main {{ background: #1f2429; border-color: #444c56; border-top-color: #f1707b; }}
}}
</style>
</head>
<body>
<main>
<h1>This request was stopped before it left the company network</h1>
<p>{message}</p>
<dl>
{details}</dl>
<h2>What you can do</h2>
<p>Take out the personal data or secrets and send it again. If this was a mistake, or your work
needs it, contact the security team and give the incident number above.</p>
</main>
</body>
</html>
"""


def sentence(refusal: Refusal) -> str:
    """The message with the rule and the incident named, each once."""
    known = [
        f"{name} `{value}`"
        for name, value in (("rule", refusal.rule), ("incident", refusal.incident))
        if value and value not in refusal.message
    ]
    message = refusal.message or "This request was stopped by company policy."
    if refusal.link:
        message = f"{message} See why, and how to go on: {refusal.link}"
    return f"{message} ({', '.join(known)})" if known else message


def page(refusal: Refusal) -> bytes:
    """The answer for a person at a browser: one page that needs nothing from elsewhere."""
    details = "".join(
        f"<dt>{name}</dt><dd>{html.escape(value)}</dd>\n"
        for name, value in (("Rule", refusal.rule), ("Incident", refusal.incident))
        if value
    )
    message = html.escape(refusal.message or "This request was stopped by company policy.")
    if refusal.link:
        link = html.escape(refusal.link)
        message += f'</p>\n<p><a href="{link}">See why, and how to go on</a>'
    return _PAGE.format(message=message, details=details).encode("utf-8", "replace")


def refuse(refusal: Refusal, error: object, headers: Headers = ()) -> Refuse:
    """The refusal as an HTTP answer: `error` as JSON, or the page when a page is wanted."""
    if refusal.wants_html:
        return Refuse(CAUSE, refusal.status, (*_HTML_HEADERS, *_HEADERS), page(refusal))
    body = json.dumps(error, ensure_ascii=True).encode("ascii")
    kind = ((b"content-type", b"application/json"),)
    return Refuse(CAUSE, refusal.status, (*kind, *_HEADERS, *headers), body)


def refuse_message(refusal: Refusal, event: object) -> Refuse:
    """The refusal of a WebSocket message: `event` as JSON, or nothing to send when it is None."""
    body = b"" if event is None else json.dumps(event, ensure_ascii=True).encode("ascii")
    return Refuse(CAUSE, refusal.status, (), body)
