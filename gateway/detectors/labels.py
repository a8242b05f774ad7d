"""What does the name of a field say of a secret that it holds? Law: a value that comes alone is looked
at as it would be with its name before it, in a file of settings.

Rules for secrets ask for the name and the value in one text. Most names tell of none, so they cost
no second look. Plain tokens are not among them: in what programs send each other, most are
numbers of pages and requests.
"""

from __future__ import annotations

import re

LONGEST = 100
"""Code points of a name."""

_TELLS = re.compile(
    r"(?i)pass[-_ ]?(?:w(?:or)?d|phrase|code)|passwd|pwd|passwort|kennwort|mot[-_ ]de[-_ ]passe"
    r"|contraseña|contrasena|senha|wachtwoord|secret|credential|(?:^|[-_ .])pass$"
    r"|(?:api|access|private|auth|account|encryption|signing|license|service)[-_ ]?(?:key|token)"
)


def said(label: str, text: str) -> tuple[str, int] | None:
    """`text` with `label` before it, and where it begins; None where the label tells of no secret."""
    if not label or len(label) > LONGEST or _TELLS.search(label) is None:
        return None
    quote = "'" if '"' in text else '"'
    if "\n" in text or quote in text:
        return None
    before = f"{label}: {quote}"
    return f"{before}{text}{quote}", len(before)
