"""How do Hugging Face's inference routes carry content?

Law: a task's inputs are what a person sent, whatever shape the model gives them; chat is OpenAI's.
"""

from __future__ import annotations

from typing import Final

from gateway.model import Refusal
from gateway.protocols import openai
from gateway.protocols.protocol import Wire
from gateway.protocols.refusals import sentence
from gateway.protocols.rules import METADATA, USER, compile_rules

TABLE: Final = compile_rules(
    {**openai.PATTERNS, "inputs.**": USER, "parameters.**": METADATA, "options.**": METADATA},
    tags=openai.TAGS,
    same=openai.SAME,
)


def error(refusal: Refusal) -> object:
    """The hub client reads `error` as text."""
    return {"error": sentence(refusal), "error_type": "validation"}


PROTOCOL: Final = Wire("huggingface", TABLE, error)
