"""Which detectors tell kinds of one entity apart, so that a policy may name them?

Law: a name that a policy may use is one that findings bear: languages of code, levels of markings,
kinds of licences and hosts, and rules for secrets and identifiers.
"""

from __future__ import annotations

import functools

from gateway.detectors import identifier_rules, secret_judge, secret_rules
from gateway.detectors.company import RESERVED, entries
from gateway.detectors.internal import KINDS
from gateway.detectors.source_code import detectors


@functools.cache
def detector_names() -> frozenset[str]:
    """The names, without those of a company's own detectors."""
    secrets = {f"secret:{rule.id}" for rule in secret_rules.load_rules()} | {secret_judge.NAME}
    identifiers = {f"id:{rule.id}" for rule in identifier_rules.load_rules()}
    notices = {entry.name for entry in entries()}
    return frozenset({*detectors(), *notices, RESERVED, *KINDS, *secrets, *identifiers})
