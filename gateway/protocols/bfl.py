"""How does Black Forest Labs carry content?

Law: the prompt is text, pictures are base64 or addresses.
"""

from __future__ import annotations

from typing import Final

from gateway.model import Refusal
from gateway.protocols.protocol import Wire
from gateway.protocols.refusals import sentence
from gateway.protocols.rules import IDENTIFIER, MEDIA, METADATA, USER, compile_rules

TABLE: Final = compile_rules(
    {
        "prompt": USER,
        "image_prompt": MEDIA,
        "input_image": MEDIA,
        "input_image_2": MEDIA,
        "input_image_3": MEDIA,
        "input_image_4": MEDIA,
        "input_image_5": MEDIA,
        "input_image_6": MEDIA,
        "input_image_7": MEDIA,
        "input_image_8": MEDIA,
        "image": MEDIA,
        "mask": MEDIA,
        "control_image": MEDIA,
        "aspect_ratio": IDENTIFIER,
        "output_format": IDENTIFIER,
        "webhook_url": METADATA,
        "webhook_secret": METADATA,
    }
)


def error(refusal: Refusal) -> object:
    """The service checks with FastAPI, whose errors are in `detail`."""
    return {"detail": sentence(refusal)}


PROTOCOL: Final = Wire("bfl", TABLE, error)
