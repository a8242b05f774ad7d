"""What is to be done about what was found? Policies as data, written by people, in YAML.

Law: pure. `document` says how a policy is written, in `words`, `compile` turns files into one immutable
`PolicySet`, which `executable` describes, `evaluate` gives the `Outcome` of an exchange, `cases`
runs the tests that stand beside the policies, `schema` tells editors what may be written.
"""

from gateway.policy.cases import CaseResult, run_cases, untested
from gateway.policy.compile import compile_text, load
from gateway.policy.directory import fingerprint
from gateway.policy.document import PolicyDocument
from gateway.policy.evaluate import (
    asks_identity,
    evaluate,
    evaluate_answer,
    look_at_answer,
    merged,
)
from gateway.policy.executable import PolicySet, Section
from gateway.policy.names import Vocabulary
from gateway.policy.schema import cases_schema, policy_schema
from gateway.policy.steering import Contradiction, restrictions

__all__ = [
    "CaseResult",
    "Contradiction",
    "PolicyDocument",
    "PolicySet",
    "Section",
    "Vocabulary",
    "asks_identity",
    "cases_schema",
    "compile_text",
    "evaluate",
    "evaluate_answer",
    "fingerprint",
    "load",
    "look_at_answer",
    "merged",
    "policy_schema",
    "restrictions",
    "run_cases",
    "untested",
]
