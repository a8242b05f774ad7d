"""How is something taken out of a PDF? `rewritten` is all that the other writers see.

Law: what is to go is gone from the file, not covered: glyphs from content streams, strings from
objects, pixels from pictures; the file is written anew, so that no earlier revision and no unused
object is left. `fonts` and `glyphs` follow content streams, `pages` changes one, `document` the rest.
"""

from gateway.content.pdfwrite.document import rewritten

__all__ = ["rewritten"]
