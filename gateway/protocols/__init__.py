"""How is content carried? One file per wire protocol: a table of places, and an error shape.

Law: every protocol reads every place of an exchange; a table only adds who speaks there and what
may not change.
"""

from __future__ import annotations

from gateway.protocols import generic, openai
from gateway.protocols.protocol import Protocol, Wire
from gateway.protocols.reading import Limits

__all__ = ["Limits", "Protocol", "get", "names"]

_ALL: tuple[Wire, ...] = (
    generic.PROTOCOL,
    openai.PROTOCOL,
)
_BY_NAME = {wire.name: wire for wire in _ALL}


def names() -> tuple[str, ...]:
    """The names of all protocols, in the order of the alphabet."""
    return tuple(sorted(_BY_NAME))


def get(name: str) -> Protocol:
    """The protocol called `name`. Raises `KeyError` when there is none."""
    return _BY_NAME[name]
