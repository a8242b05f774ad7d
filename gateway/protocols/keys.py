"""With which keys does a request come? What its service takes for a sign of who pays.

Law: every header and query value that services take an API key from is looked at, and all keys that
stand there count: a request must not pass for one key and be paid by another. Cookies and signatures
are no keys: they change by themselves.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final
from urllib.parse import parse_qsl

from gateway.model import Exchange

_HEADERS: Final = frozenset(
    {
        b"x-api-key",
        b"api-key",
        b"apikey",
        b"x-goog-api-key",
        b"xi-api-key",
        b"x-auth-token",
        b"x-access-token",
        b"x-auth-key",
        b"ocp-apim-subscription-key",
        b"x-fal-key",
        b"x-key",
        b"x-gladia-key",
        b"x-goog-iam-authorization-token",
        b"x-ms-authorization-auxiliary",
    }
)
_QUERY: Final = frozenset(
    {"key", "api_key", "api-key", "apikey", "access_token", "token", "auth_token"}
)
_SIGNED: Final = re.compile(r"AWS4-HMAC-SHA256\b.*?\bCredential=([^/,\s]+)", re.DOTALL)
_IN_SUBPROTOCOL: Final = "openai-insecure-api-key."
"""How browsers give a key with a WebSocket, which takes no headers from them."""


def keys_of(exchange: Exchange) -> frozenset[str]:
    """The keys of a request; for a message those of the request that opened its WebSocket."""
    found: set[str] = set()
    for name, value in exchange.headers:
        lower, text = name.lower(), value.decode("latin-1").strip()
        if lower == b"authorization":
            found.add(_authorization(text))
        elif lower in _HEADERS:
            found.add(text.removeprefix("Bearer ").strip())
        elif lower == b"sec-websocket-protocol":
            for each in text.split(","):
                word = each.strip()
                if word.startswith(_IN_SUBPROTOCOL):
                    found.add(word.removeprefix(_IN_SUBPROTOCOL))
    query = exchange.target.partition("?")[2].partition("#")[0]
    for asked, given in parse_qsl(query, encoding="utf-8", errors="replace"):
        if asked.lower() in _QUERY:
            found.add(given.strip())
        elif asked.lower() == "x-amz-credential":
            found.add(given.partition("/")[0])
    return frozenset(found - {""})


def _authorization(text: str) -> str:
    """The key of an `Authorization` header: of a signed request, the id of the key that signed."""
    signed = _SIGNED.match(text)
    if signed:
        return signed[1]
    scheme, space, rest = text.partition(" ")
    if not space:
        return text
    if scheme.lower() != "basic":
        return rest.strip()
    try:
        both = base64.b64decode(rest.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return rest.strip()
    # Services that take a key this way take it as the name, with no password, or the reverse.
    return both.strip(":")
