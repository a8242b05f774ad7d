"""Is a request a remote call of JSON-RPC, which has to be answered by its id?

Law: this is asked only for the shape of an answer and for who speaks where; it hides nothing, and
what cannot be told is no call.
"""

from __future__ import annotations

import json
import re
from typing import Final

from gateway.model import Call, Exchange, Transport

_VERSION: Final = re.compile(rb'"jsonrpc"\s{0,4}:\s{0,4}"2\.0"')
_LOOKED_AT: Final = 4096
"""Bytes at the beginning and at the end of a body: clients put the version in either place."""

_MAX_READ: Final = 4 << 20
"""A longer call is refused without its id, which is not worth the time."""


def is_call(exchange: Exchange) -> bool:
    """Does the exchange look like JSON-RPC, by a header of MCP or by its body?"""
    if exchange.transport is not Transport.HTTP:
        return False
    if any(name[:4].lower() == b"mcp-" for name, _ in exchange.headers):
        return True
    body = exchange.body
    return bool(_VERSION.search(body[:_LOOKED_AT]) or _VERSION.search(body[-_LOOKED_AT:]))


def call_of(exchange: Exchange) -> Call | None:
    """The call that an exchange is; its id is None where none can be told or answered."""
    if not is_call(exchange):
        return None
    if len(exchange.body) > _MAX_READ:
        return Call(None)
    try:
        said = json.loads(exchange.body)
    except (ValueError, RecursionError):
        return Call(None)
    # An answer of the client (`result`) has an id, too, but nobody waits for an answer to it.
    if not isinstance(said, dict) or "method" not in said:
        return Call(None)
    known = said.get("id")
    told = isinstance(known, str | int) and not isinstance(known, bool)
    return Call(known if told else None)
