"""How is something taken out of a PDF? `rewritten` and `without_unseen` are all that the others see.

Law: what is to go is gone from the file, not covered: glyphs from content streams, strings from
objects, pixels from pictures; the file is written anew, so that no earlier revision and no unused
object is left. `fonts` and `glyphs` follow content streams, `pages` changes one, `document` the rest;
`unseen` leaves out text that no page shows.
"""

from gateway.content.pdfwrite.document import rewritten
from gateway.content.pdfwrite.unseen import without_unseen

__all__ = ["rewritten", "without_unseen"]
