"""How does Ideogram carry content, in its three generations?

Law: the prompt is text in a JSON or a form field; a JSON prompt is read as the document that it is.
"""

from __future__ import annotations

from typing import Final

from gateway.model import Refusal
from gateway.protocols.protocol import Wire
from gateway.protocols.refusals import sentence
from gateway.protocols.rules import IDENTIFIER, MEDIA, USER, compile_rules

TABLE: Final = compile_rules(
    {
        "image_request.**": USER,
        "image_request.model": IDENTIFIER,
        "image_request.aspect_ratio": IDENTIFIER,
        "image_request.style_type": IDENTIFIER,
        "prompt": USER,
        "negative_prompt": USER,
        "text_prompt": USER,
        "json_prompt.**": USER,
        "image": MEDIA,
        "image_file": MEDIA,
        "mask": MEDIA,
        "style_reference_images[]": MEDIA,
        "character_reference_images[]": MEDIA,
        "aspect_ratio": IDENTIFIER,
        "rendering_speed": IDENTIFIER,
        "style_type": IDENTIFIER,
    }
)


def error(refusal: Refusal) -> object:
    """The answer that Ideogram gives when its own check stops a prompt."""
    return {"error": sentence(refusal)}


PROTOCOL: Final = Wire("ideogram", TABLE, error)
