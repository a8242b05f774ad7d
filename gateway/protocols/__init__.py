"""How is content carried? One file per wire protocol: a table of places, and an error shape.

Law: every protocol reads every place of an exchange; a table only adds who speaks there and what
may not change.
"""

from __future__ import annotations

from typing import Final

from gateway.model import Exchange
from gateway.protocols import (
    anthropic,
    automatic1111,
    azure_openai,
    bedrock,
    bfl,
    calls,
    cohere,
    comfyui,
    fal,
    gemini,
    generic,
    huggingface,
    ideogram,
    leonardo,
    mcp,
    mistral,
    ollama,
    openai,
    replicate,
    sound,
    stability,
)
from gateway.protocols.calls import call_of
from gateway.protocols.fields import method_of
from gateway.protocols.keys import keys_of
from gateway.protocols.mcp import mirrored
from gateway.protocols.pieces import Piece, piece_of
from gateway.protocols.protocol import Protocol, Wire
from gateway.protocols.reading import Limits

__all__ = [
    "Limits",
    "Piece",
    "Protocol",
    "call_of",
    "get",
    "keys_of",
    "method_of",
    "mirrored",
    "names",
    "of",
    "piece_of",
]

_BY_NAME: Final[dict[str, Wire]] = {
    module.PROTOCOL.name: module.PROTOCOL
    for module in (
        anthropic, automatic1111, azure_openai, bedrock, bfl, cohere, comfyui, fal, gemini,
        generic, huggingface, ideogram, leonardo, mcp, mistral, ollama, openai, replicate, sound,
        stability,
    )
}  # fmt: skip


def names() -> tuple[str, ...]:
    """The names of all protocols, in the order of the alphabet."""
    return tuple(sorted(_BY_NAME))


def get(name: str) -> Protocol:
    """The protocol called `name`. Raises `KeyError` when there is none."""
    return _BY_NAME[name]


def of(name: str, exchange: Exchange) -> Protocol:
    """The protocol of an exchange whose route says `name`.

    Any host may be a server of the Model Context Protocol, so that its requests are told by what
    they are where nothing better is known.
    """
    return mcp.PROTOCOL if name == generic.PROTOCOL.name and calls.is_call(exchange) else get(name)
