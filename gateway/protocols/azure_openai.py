"""How does Azure OpenAI differ from OpenAI? Grounding data, and its own shape for a stopped prompt.

Law: the tables of OpenAI hold; the error is the one that Azure's clients know from its own filter.
"""

from __future__ import annotations

from typing import Final

from gateway.model import Refusal
from gateway.protocols import openai
from gateway.protocols.protocol import Wire
from gateway.protocols.refusals import sentence
from gateway.protocols.rules import CREDENTIAL, METADATA, SYSTEM, compile_rules

TABLE: Final = compile_rules(
    {
        **openai.PATTERNS,
        "data_sources[].**": METADATA,
        "data_sources[].parameters.role_information": SYSTEM,
        "data_sources[].parameters.authentication.**": CREDENTIAL,
        "data_sources[].parameters.key": CREDENTIAL,
    },
    tags=openai.TAGS,
    same=openai.SAME,
)


def error(refusal: Refusal) -> object:
    """The answer of Azure's content filter, with our message."""
    return {
        "error": {
            "message": sentence(refusal),
            "type": None,
            "param": "prompt",
            "code": "content_filter",
            "status": refusal.status,
            "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {}},
        }
    }


PROTOCOL: Final = Wire("azure_openai", TABLE, error, event=openai.event, answers=openai.ANSWERS)
