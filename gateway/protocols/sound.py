"""How is speech carried to services that listen over a WebSocket?

Law: a binary message that is neither text nor a file is bare samples, which nobody can read: a
recording, about which policy decides. All else is read as without a protocol.
"""

from __future__ import annotations

from typing import Final

from gateway.protocols import generic
from gateway.protocols.protocol import Wire
from gateway.protocols.rules import RECORDING, compile_rules

TABLE: Final = compile_rules({"": RECORDING})

PROTOCOL: Final = Wire("sound", TABLE, generic.error)
