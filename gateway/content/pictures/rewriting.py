"""Can a picture file be rewritten so? Law: a file that cannot be rewritten safely is refused, with a
reason in words of ours that a person can be told.
"""

from __future__ import annotations


class CannotRewrite(Exception):
    """The file cannot be rewritten. `reason` says why, and what would help; it holds no content."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
