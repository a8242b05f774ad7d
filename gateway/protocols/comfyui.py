"""How does ComfyUI carry content?

Law: a prompt is a graph of nodes with any inputs; every string in it is read.
"""

from __future__ import annotations

from typing import Final

from gateway.model import Refusal
from gateway.protocols.protocol import Wire
from gateway.protocols.refusals import sentence
from gateway.protocols.rules import FILE_NAME, IDENTIFIER, USER, compile_rules

TABLE: Final = compile_rules(
    {
        "prompt.**": USER,
        "prompt.*.class_type": IDENTIFIER,
        "prompt.*._meta.**": USER,
        "prompt.*.inputs.image": FILE_NAME,
        "client_id": IDENTIFIER,
        "prompt_id": IDENTIFIER,
        "extra_data.**": USER,
    }
)


def error(refusal: Refusal) -> object:
    """The shape that the page shows beside the graph."""
    return {
        "error": {
            "type": "blocked_by_policy",
            "message": sentence(refusal),
            "details": "",
            "extra_info": {},
        },
        "node_errors": {},
    }


PROTOCOL: Final = Wire("comfyui", TABLE, error)
