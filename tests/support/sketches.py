"""Rules and exchanges of all kinds, for laws that hold for each of them."""

import dataclasses

from hypothesis import strategies as st

from gateway.model import (
    Act,
    FileInfo,
    Finding,
    Locator,
    PartKind,
    Role,
    Route,
    Scan,
    Sent,
    Unread,
    UnreadReason,
)

HEAD = """
api_keys: {corporate: aaaaaaaaaaaaaaaaaaaaaaaa}
rules:
"""
LINES = """
- {id: route, when: {service: [chatty, coder], category: chat, act: [prompt, upload]}, action: log}
- {id: facts, when: {facts: {trains_on_input: [yes, unknown], retention_days: {at_least: 31}}}, action: log}
- {id: sender, when: {actor: "a*", source_network: 10.0.0.0/8}, action: block, rollout: 50%}
- {id: host, when: {host: "*.example"}, unless: {host: "x*", until: 2026-12-31, owner: jo, reason: y}, action: log}
- id: hours
  when: {time: {days: mon-fri, hours: "08:00-18:00", zone: Europe/Berlin}}
  unless: {operation: upload}
  action: log
- {id: entity, when: {entity: [US_SSN, PERSON], min_confidence: 0.5}, action: redact}
- {id: group, when: {entity_group: pii, role: [user, tool]}, unless: {role: tool, entity: PERSON}, action: redact, redact: {PERSON: mask}}
- {id: detector, when: {entity: US_SSN, detector: "te*"}, unless: [{actor: bob}, {fingerprint: f1}], action: block}
- {id: fingerprint, when: {fingerprint: [f1, f2]}, action: block}
- {id: counted, when: {entity_group: pii, min_count: 2}, unless: {fingerprint: f2}, action: block}
- {id: distinct, when: {min_distinct: 2, part: [text, file]}, action: redact}
- {id: long, when: {entity: PERSON, min_length: 5}, mode: monitor, action: block}
- {id: in-file, when: {entity: US_SSN, file: {family: document}}, action: block}
- {id: not-in-file, when: {entity: PERSON}, unless: {file: {family: [document, image]}}, action: block}
- {id: unread, when: {unread: [encrypted, charset]}, unless: {unread: charset}, action: block}
- {id: unread-file, when: {unread: any, file: {family: document}}, unless: {actor: bob}, action: block}
- {id: file, when: {file: {family: image, faces: {at_least: 1}, max_size: 2 kB}}, unless: {file: {label: true}}, action: block}
- {id: clean, when: {has_files: true}, action: redact, clean: {metadata: strip}}
- {id: files, when: {has_files: true}, unless: {category: avatar}, action: log}
- {id: mark, when: {file: {media_type: "image/*", gps: true, mismatch: true, uploaded: true}}, action: log}
- {id: history, when: {history: {face_pictures: {at_least: 2}, within: 1 h}}, action: block}
- {id: member, when: {group: ["eng*", sales]}, unless: {device: "managed-*"}, action: block}
- {id: unless-member, when: {act: prompt}, unless: [{group: finance}, {actor: bob, identified: true}], action: block}
- {id: device, when: {device: [phone, "managed-*"], entity: PERSON}, action: redact}
- {id: anonymous, when: {identified: false, category: chat}, action: block}
- {id: key, when: {api_key: {not_in: corporate}, act: prompt}, action: block}
- {id: coached, when: {entity: [CREDIT_CARD, PERSON]}, unless: {role: tool}, action: coach, coach: {valid_for: 7 d}}
- {id: coached-service, when: {service: portrait, act: prompt}, action: coach}
- {id: coached-unread, when: {unread: any}, action: coach, mode: monitor}
- {id: unless-key, when: {act: upload}, unless: {api_key: {in: corporate}}, action: block}
"""
RULES = HEAD + LINES.lstrip()
PLACES = ("body.text", "files[0].text", "files[1]", "nowhere")


FINDINGS = st.builds(
    Finding,
    locator=st.sampled_from(PLACES).map(Locator),
    role=st.sampled_from([Role.USER, Role.TOOL]),
    kind=st.sampled_from([PartKind.TEXT, PartKind.FILE, PartKind.IDENTIFIER]),
    editable=st.booleans(),
    entity=st.sampled_from(["US_SSN", "PERSON", "CREDIT_CARD"]),
    start=st.just(0),
    end=st.integers(1, 9),
    confidence=st.sampled_from([0.4, 0.5, 0.9]),
    detector=st.sampled_from(["test", "other+base64"]),
    fingerprint=st.sampled_from(["f1", "f2", "f3"]),
    preview=st.just(""),
)


FILES = st.lists(
    st.builds(
        FileInfo,
        locator=st.just(Locator("files[0]")),
        media_type=st.sampled_from(["image/png", "application/pdf"]),
        family=st.sampled_from(["image", "document"]),
        size=st.integers(1, 4000),
        declared_type=st.sampled_from(["", "image/png"]),
        facts=st.fixed_dictionaries(
            {},
            optional={"faces": st.integers(0, 2), "gps": st.just(True), "label": st.just("Secret")},
        ),
    ),
    max_size=2,
).map(
    lambda files: tuple(
        dataclasses.replace(file, locator=Locator(f"files[{number}]"))
        for number, file in enumerate(files)
    )
)
UNREAD = st.builds(
    Unread,
    st.sampled_from(PLACES).map(Locator),
    st.sampled_from([UnreadReason.ENCRYPTED, UnreadReason.CHARSET, UnreadReason.UNSUPPORTED_FILE]),
    st.integers(0, 99),
)
SCANS = st.builds(
    Scan,
    st.lists(FINDINGS, max_size=5).map(tuple),
    st.lists(UNREAD, max_size=2).map(tuple),
    FILES,
    st.lists(st.sampled_from("ab"), max_size=2, unique=True).map(tuple),
)
ROUTES = st.builds(
    Route,
    service=st.sampled_from(["chatty", "portrait", "unknown"]),
    category=st.sampled_from(["chat", "avatar"]),
    operation=st.sampled_from(["send", "upload"]),
    act=st.sampled_from([Act.PROMPT, Act.UPLOAD, Act.TRAIN]),
    protocol=st.just("generic"),
    facts=st.fixed_dictionaries(
        {}, optional={"trains_on_input": st.booleans(), "retention_days": st.sampled_from([7, 90])}
    ),
)
SENDERS = st.fixed_dictionaries(
    {
        "actor": st.sampled_from(["", "ann", "Bob"]),
        "groups": st.sampled_from(
            [None, frozenset(), frozenset({"engineering"}), frozenset({"finance"})]
        ),
        "device": st.sampled_from(["", "phone", "Managed-7"]),
        "keys": st.sampled_from([None, frozenset(), frozenset({"a" * 24}), frozenset({"b" * 24})]),
        "source_ip": st.sampled_from(["10.1.2.3", "192.0.2.1", "?"]),
        "host": st.sampled_from(["chat.example", "x.example", "other"]),
        "received_at": st.floats(1_790_000_000, 1_810_000_000),
        "history": st.lists(
            st.builds(Sent, st.just(1_789_999_000.0), st.just("chatty"), st.just("c")), max_size=1
        ).map(tuple),
    }
)
