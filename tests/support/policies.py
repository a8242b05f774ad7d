"""Small policies that tests of the whole gateway run with."""

POLICY = """\
version: 1
rules:
  - id: secrets
    severity: critical
    when: {{entity_group: secret, min_confidence: 0.6}}
    action: {action}
    message: A secret stands in this request.
  - id: cards
    severity: critical
    when: {{entity: CREDIT_CARD, min_confidence: 0.6}}
    action: {action}
    message: A card number stands in this request.
  - id: unread
    severity: high
    when:
      unread:
        - undecodable
        - too_large
        - expands_too_far
        - malformed
        - too_deep
        - unknown_type
        - charset
        - encrypted
        - partial
        - detector_failed
    action: block
    message: Part of this request could not be read.
"""
"""One action for secrets and cards wherever they stand; what cannot be read is stopped."""
