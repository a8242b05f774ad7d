import functools
import json
import textwrap

import jsonschema
import pytest
import yaml

from gateway.policy import cases_schema, policy_schema

GOOD = """
version: 1
entity_groups: {mine: [secret, US_SSN]}
api_keys: {corporate: [0a1b2c3d4e5f60718293a4b5], other: 0a1b2c3d4e5f60718293a4b6}
approved:
  ours: {url: https://ai.corp.example, protocol: generic, service: coder}
tenants:
- {id: t, when: {service: my-own, group: staff}, unless: {actor: bob}, headers: {X-Tenant: ours}}
rules:
- id: a
  severity: high
  when:
    service: [chatty, my-own]
    category: chat
    facts: {trains_on_input: [yes, unknown], retention_days: {at_least: 31}, jurisdiction: CN}
    entity: US_SSN
    entity_group: mine
    file: {family: image, max_size: 3 MB}
    unread: any
    min_distinct: 3
    time: {days: [mon-fri, sun], hours: "08:00-18:00", zone: Europe/Berlin}
    group: [staff, "eng*"]
    device: laptop
    api_key: {not_in: corporate}
  rollout: 12.5%
  unless:
  - {actor: bob, until: "2026-01-01"}
  - {api_key: {in: [corporate]}, identified: true}
  action: redact
  redact: {US_SSN: mask, default: {operator: partial, keep_last: 4}}
"""


@functools.cache
def validator(schema):
    """Whether a schema is sound takes a second to tell, for the whole of it."""
    read = json.loads(schema)
    jsonschema.Draft202012Validator.check_schema(read)
    return jsonschema.Draft202012Validator(read)


def check(schema, text):
    validator(json.dumps(schema)).validate(yaml.safe_load(textwrap.dedent(text)))


def test_a_sound_policy_fits_the_schema(vocabulary):
    check(policy_schema(vocabulary), GOOD)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("entity: US_SSN", "entity: us_ssn"),
        ("entity: US_SSN", "entity: []"),
        ("trains_on_input: [yes, unknown]", "trains_on_input: maybe"),
        ("trains_on_input:", "trains_on_inpt:"),
        ("unread: any", "unread: anything"),
        ("family: image", "family: imge"),
        ("action: redact", "action: remove"),
        ("US_SSN: mask", "US_SSN: msk"),
        ("severity: high", "sevrity: high"),
        ("rollout: 12.5%", "rollout: 12"),
        ("mon-fri", "mon-friday"),
        ('"08:00-18:00"', '"8-18"'),
        ("id: a", "id: A b"),
        ("0a1b2c3d4e5f60718293a4b6", "sk-live"),
        ("{X-Tenant: ours}", "{}"),
        ("group: staff", "grup: staff"),
        ("{not_in: corporate}", "{notin: corporate}"),
        ("{in: [corporate]}", "{within: [corporate]}"),
    ],
)
def test_an_editor_sees_a_mistake(vocabulary, good, bad):
    assert good in GOOD
    with pytest.raises(jsonschema.ValidationError):
        check(policy_schema(vocabulary), GOOD.replace(good, bad))


def test_names_are_offered_and_fields_explained(vocabulary):
    when = policy_schema(vocabulary)["$defs"]["When"]["properties"]
    assert when["entity"]["anyOf"][0]["anyOf"][0]["enum"] == sorted(vocabulary.entities)
    assert all(field.get("description") for field in when.values())


def test_cases_fit_their_schema(vocabulary):
    schema = cases_schema(vocabulary)
    case = """
    version: 1
    cases:
    - name: a
      request: {service: my-own, category: chat, operation: send}
      parts: [{text: [a, b], role: user}]
      findings: [{entity: US_SSN}]
      unread: [encrypted, {reason: charset}]
      files: [{family: image}]
      want: {verdict: block, rules: a}
    """
    check(schema, case)
    for good, bad in (("US_SSN", "us_ssn"), ("encrypted", "encryptd"), ("block", "blok")):
        with pytest.raises(jsonschema.ValidationError):
            check(schema, case.replace(good, bad))
