"""What of the company's own data is known, without being held? Tables, dictionaries, documents.

`words` reads texts and cells the same way, `prints` makes digests of them, `store` keeps those in
files. `tables` knows rows again, `passages` parts of documents. `folder` says what is registered.
"""

from __future__ import annotations

ENTITY = "REGISTERED_"
"""How the entity of a register begins that has no other name."""

SHARES = ("part", "much", "most")
"""How much of a document was found: less than a quarter, up to three quarters, more."""


def entity_of(name: str) -> str:
    """The entity of the register `name`, where its definition gives no other."""
    return f"{ENTITY}{name.upper().replace('-', '_')}"


def detector_of(name: str, part: str = "") -> str:
    """The detector, as findings and policies name it: of the register, or of a part of it."""
    return f"registered:{name}/{part}" if part else f"registered:{name}"
