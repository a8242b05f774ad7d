"""How does the AUTOMATIC1111 web UI carry content?

Law: prompts are text, pictures are base64, and scripts may take anything.
"""

from __future__ import annotations

from typing import Final

from gateway.model import Refusal
from gateway.protocols.protocol import Wire
from gateway.protocols.refusals import sentence
from gateway.protocols.rules import MEDIA, METADATA, USER, compile_rules

TABLE: Final = compile_rules(
    {
        "prompt": USER,
        "negative_prompt": USER,
        "init_images[]": MEDIA,
        "mask": MEDIA,
        "image": MEDIA,
        "styles[]": METADATA,
        "script_args.**": USER,
        "alwayson_scripts.**": USER,
        "alwayson_scripts.controlnet.args[].image": MEDIA,
        "override_settings.**": METADATA,
    }
)


def error(refusal: Refusal) -> object:
    """The API is FastAPI, whose errors are in `detail`."""
    text = sentence(refusal)
    return {"error": "HTTPException", "detail": text, "body": "", "errors": text}


PROTOCOL: Final = Wire("automatic1111", TABLE, error)
