"""How does Leonardo carry content?

Law: the prompt is text; pictures are uploaded elsewhere and named by id.
"""

from __future__ import annotations

from typing import Final

from gateway.model import Refusal
from gateway.protocols.protocol import Wire
from gateway.protocols.refusals import sentence
from gateway.protocols.rules import FILE_NAME, IDENTIFIER, USER, compile_rules

TABLE: Final = compile_rules(
    {
        "prompt": USER,
        "negative_prompt": USER,
        "modelId": IDENTIFIER,
        "init_image_id": IDENTIFIER,
        "init_generation_image_id": IDENTIFIER,
        "imagePrompts[]": IDENTIFIER,
        "presetStyle": IDENTIFIER,
        "extension": IDENTIFIER,
        "name": FILE_NAME,
        "description": USER,
    }
)


def error(refusal: Refusal) -> object:
    """The error of a Hasura action, which is what stands behind the API."""
    return {"error": sentence(refusal), "path": "$", "code": "blocked-by-policy"}


PROTOCOL: Final = Wire("leonardo", TABLE, error)
