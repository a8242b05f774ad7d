"""How does an answer reach the person with the values that the service never saw?

Law: pure, no clock, no I/O. Bytes go in as they come, and come out as early as they can: only what
may still become a token waits. Nothing but tokens changes; reasoning, signatures and encrypted
content pass byte for byte.

Where policy asks for it, an answer is looked at first: `passages` tells the texts of an answer,
`ahead` holds them back until they were looked at.

`framing` cuts an answer into frames, `channels` finds tokens in texts that come in pieces over many
frames, `restore` decides what a token becomes at its place, `stream` puts them together.
"""

from gateway.answers.ahead import Ahead
from gateway.answers.passages import MESSAGES
from gateway.answers.restore import Vault
from gateway.answers.stream import AnswerStream, Counts, Shape, shape_of, shape_of_file

__all__ = [
    "MESSAGES",
    "Ahead",
    "AnswerStream",
    "Counts",
    "Shape",
    "Vault",
    "shape_of",
    "shape_of_file",
]
