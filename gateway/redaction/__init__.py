"""How is a value taken out of a text, and what is remembered of it instead?

Law: pure. `operators` make a replacement for one value, `plan` turns an outcome into edits that
never overlap, `fingerprint` and `preview` are all that is ever kept of a value.
"""

from gateway.redaction.fingerprint import fingerprint
from gateway.redaction.operators import OperatorError, names, operator
from gateway.redaction.plan import edits
from gateway.redaction.preview import preview

__all__ = ["OperatorError", "edits", "fingerprint", "names", "operator", "preview"]
