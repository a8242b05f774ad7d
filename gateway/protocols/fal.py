"""How does fal carry content?

Law: every field belongs to the model; all of it is what a person sent.
"""

from __future__ import annotations

from typing import Final

from gateway.model import Refusal
from gateway.protocols.protocol import Wire
from gateway.protocols.refusals import sentence
from gateway.protocols.rules import FILE_NAME, IDENTIFIER, MEDIA, USER, compile_rules

TABLE: Final = compile_rules(
    {
        "prompt": USER,
        "negative_prompt": USER,
        "image_url": MEDIA,
        "image_urls[]": MEDIA,
        "mask_url": MEDIA,
        "audio_url": MEDIA,
        "video_url": MEDIA,
        "file_name": FILE_NAME,
        "content_type": IDENTIFIER,
    }
)


def error(refusal: Refusal) -> object:
    """A validation error; the client shows `detail`."""
    return {
        "detail": [
            {"loc": ["body"], "msg": sentence(refusal), "type": "content_policy_violation"},
        ],
    }


PROTOCOL: Final = Wire("fal", TABLE, error)
