"""How does the Model Context Protocol carry content over streamable HTTP?

Law: ids, methods, metadata and the server's opaque state go back as they came. What a header repeats
of the body says the same after a redaction, or the request is refused: the header would carry the
value out, and the server would reject the mismatch.

Source: the protocol's revisions up to 2026-07-28, and the official Python SDK 2.3.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from gateway.encodings import content_encoding
from gateway.encodings.splice import MAX_DECODED, CannotRewrite
from gateway.model import Exchange, Header, Refusal, Rewrite
from gateway.protocols.protocol import Wire
from gateway.protocols.refusals import sentence
from gateway.protocols.rules import (
    IDENTIFIER,
    MEDIA,
    METADATA,
    SAY,
    TOOL_CALL,
    TOOL_RESULT,
    USER,
    Rule,
    compile_rules,
)
from gateway.protocols.said import KEPT, Answers

_INVALID_PARAMS: Final = -32602


def _content(prefix: str, text: Rule) -> dict[str, Rule]:
    """A block of content, in the results that a client gives."""
    return {
        f"{prefix}.**": text,
        f"{prefix}.type": IDENTIFIER,
        f"{prefix}.data": MEDIA,
        f"{prefix}.mimeType": IDENTIFIER,
        f"{prefix}.resource.blob": MEDIA,
        f"{prefix}.resource.mimeType": IDENTIFIER,
        f"{prefix}._meta.**": IDENTIFIER,
    }


TABLE: Final = compile_rules(
    {
        "jsonrpc": IDENTIFIER,
        "id": IDENTIFIER,
        "method": IDENTIFIER,
        # What a client asks for.
        "params.name": TOOL_CALL,
        "params.uri": TOOL_CALL,
        "params.arguments.**": TOOL_CALL,
        "params.argument.**": USER,
        "params.context.**": TOOL_CALL,
        "params.inputResponses.**": TOOL_RESULT,
        "params.requestState": IDENTIFIER,
        "params._meta.**": IDENTIFIER,
        "params.protocolVersion": IDENTIFIER,
        "params.capabilities.**": IDENTIFIER,
        "params.clientInfo.**": METADATA,
        "params.cursor": IDENTIFIER,
        "params.level": IDENTIFIER,
        "params.progressToken": IDENTIFIER,
        "params.requestId": IDENTIFIER,
        # What it answers when the server asks: sampling, elicitation, roots.
        "result.role": IDENTIFIER,
        "result.model": IDENTIFIER,
        "result.stopReason": IDENTIFIER,
        "result.action": IDENTIFIER,
        "result._meta.**": IDENTIFIER,
        "result.roots[].**": METADATA,
        **_content("result.content", TOOL_RESULT),
        **_content("result.content[]", TOOL_RESULT),
        "error.message": SAY,
        "error.data.**": SAY,
    },
    # Older revisions send several calls in one array.
    same={"[]": ""},
)


def error(refusal: Refusal) -> object:
    """An error that reaches the model: it reads it as a fault of its arguments, which it is."""
    return {
        "jsonrpc": "2.0",
        "id": None if refusal.call is None else refusal.call.id,
        "error": {"code": _INVALID_PARAMS, "message": sentence(refusal)},
    }


ANSWERS: Final = Answers.of(
    {
        "jsonrpc": KEPT,
        "id": KEPT,
        "method": KEPT,
        # A server may ask, too: for sampling, for what a person has to say.
        "params.requestState": KEPT,
        "params._meta.**": KEPT,
        "result.requestState": KEPT,
        "result.nextCursor": KEPT,
        "result._meta.**": KEPT,
    }
)

PROTOCOL: Final = Wire("mcp", TABLE, error, calls=True, answers=ANSWERS)


# --- headers that repeat the body ----------------------------------------------------------------

_WRAPPED: Final = re.compile(r"=\?base64\?(.*)\?=")
_PLAIN: Final = re.compile(r"[\x20-\x7e]*")


def is_mirror(name: bytes) -> bool:
    """Does this header repeat a value of the body?"""
    lower = name.lower()
    return lower == b"mcp-name" or lower.startswith(b"mcp-param-")


def mirrored(exchange: Exchange, rewrite: Rewrite) -> Rewrite:
    """The rewrite, with the headers that repeat the body saying what it says now.

    Raises `CannotRewrite` where they cannot.
    """
    before = [header for header in exchange.headers if is_mirror(header[0])]
    after = [header for header in rewrite.headers if is_mirror(header[0])]
    if not before or (before == after and exchange.body == rewrite.body):
        return rewrite
    if [name for name, _ in before] != [name for name, _ in after]:
        raise CannotRewrite("the name of a header that repeats the body would change")
    was_told, is_told = _told(exchange, exchange.body), _told(exchange, rewrite.body)
    if len(was_told) != len(is_told):
        raise CannotRewrite("its headers repeat a body that would have another form")
    pairs = list(zip(was_told, is_told, strict=True))
    fitting: dict[Header, Header] = {}
    for old, new in zip(before, after, strict=True):
        said = _decoded(old[1])
        wanted = {value for was, value in pairs if was == said}
        if len(wanted) > 1 or (wanted == {said} and new != old):
            raise CannotRewrite("a header repeats the body, and they would differ")
        fitting[new] = (new[0], _encoded(wanted.pop())) if wanted - {said} else new
    return replace(
        rewrite, headers=tuple(fitting.get(header, header) for header in rewrite.headers)
    )


def _told(exchange: Exchange, body: bytes) -> list[str]:
    """What headers may repeat of a body, in document order."""
    try:
        encodings = exchange.header("content-encoding") or ""
        said = json.loads(content_encoding.decode(body, encodings, MAX_DECODED))
        params = said.get("params") if isinstance(said, dict) else None
        if isinstance(params, dict):
            told = (params.get(name) for name in ("name", "uri", "arguments"))
            return [text for value in told for text in _scalars(value)]
    except (content_encoding.EncodingError, ValueError, RecursionError):
        pass
    # Not raised inside `except`: the error of a parser holds the document.
    raise CannotRewrite("its headers repeat a body that cannot be read")


def _scalars(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for item in value.values():
                yield from _scalars(item)
        case list():
            for item in value:
                yield from _scalars(item)
        case bool():
            yield "true" if value else "false"
        case str() | int() | float():
            yield str(value)


def _decoded(value: bytes) -> str:
    """What a header says; the header itself where its base64 is none."""
    text = value.decode("utf-8", "surrogateescape").strip(" \t")
    wrapped = _WRAPPED.fullmatch(text)
    if wrapped is not None:
        try:
            return base64.b64decode(wrapped[1], validate=True).decode("utf-8")
        except (binascii.Error, ValueError):
            pass
    return text


def _encoded(text: str) -> bytes:
    """The form that the protocol asks for: plain where it survives, else base64."""
    if _PLAIN.fullmatch(text) and text == text.strip() and not _WRAPPED.fullmatch(text):
        return text.encode("ascii")
    return b"=?base64?" + base64.b64encode(text.encode("utf-8", "replace")) + b"?="
