"""How is a value taken out of a text, and what is remembered of it instead?

Law: pure. `operators` make a replacement for one value, `tokens` one that answers can turn back,
`plan` turns an outcome into edits that never overlap; `fingerprint` and `preview` are all that is
ever kept of a value in the open.
"""

from gateway.redaction.fingerprint import fingerprint, key_print
from gateway.redaction.operators import OperatorError, label, names, operator, prepare
from gateway.redaction.plan import Plan, plan
from gateway.redaction.preview import preview
from gateway.redaction.tokens import Keys, Minter

__all__ = [
    "Keys",
    "Minter",
    "OperatorError",
    "Plan",
    "fingerprint",
    "key_print",
    "label",
    "names",
    "operator",
    "plan",
    "prepare",
    "preview",
]
