"""How does Stability AI carry content?

Law: the prompt is text in JSON or in a form field; pictures are files.
"""

from __future__ import annotations

from typing import Final

from gateway.model import Refusal
from gateway.protocols.protocol import Wire
from gateway.protocols.refusals import sentence
from gateway.protocols.rules import IDENTIFIER, MEDIA, USER, compile_rules

TABLE: Final = compile_rules(
    {
        "text_prompts[].text": USER,
        "prompt": USER,
        "negative_prompt": USER,
        "search_prompt": USER,
        "select_prompt": USER,
        "image": MEDIA,
        "init_image": MEDIA,
        "mask": MEDIA,
        "mask_image": MEDIA,
        "style_preset": IDENTIFIER,
        "output_format": IDENTIFIER,
        "aspect_ratio": IDENTIFIER,
        "mode": IDENTIFIER,
        "model": IDENTIFIER,
    }
)


def error(refusal: Refusal) -> object:
    """Both versions at once: the older reads `message`, the newer `errors`."""
    text = sentence(refusal)
    return {
        "id": refusal.incident,
        "name": "content_moderation",
        "message": text,
        "errors": [text],
    }


PROTOCOL: Final = Wire("stability", TABLE, error)
