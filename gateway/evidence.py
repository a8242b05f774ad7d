"""What is kept of what was sent, for those who have to look? Little, and sealed to the team's key.

Law: off unless somebody sets it up. What is kept is sealed where it was found, before it goes anywhere;
the private key is not on the gateway, so that the gateway cannot read back what it has kept.

Evidence is one message of HPKE (RFC 9180) per incident, base mode, with DHKEM(X25519, HKDF-SHA256),
HKDF-SHA256 and AES-256-GCM:

    "LGE1"  8 bytes: which public key  32 bytes: encapsulated key  the rest: ciphertext and tag

`info` is `leakgate evidence 1`, a zero byte and the id of the incident, so that evidence opens under the
incident that it belongs to only. Inside is JSON, filled up with blanks to a multiple of 1,024 bytes, so
that its length tells little. Keys are PEM files as other tools make them, too (`openssl genpkey
-algorithm X25519`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from gateway.model import Decision, Finding, Locator, Severity

type Keep = Literal["none", "surroundings", "part"]
"""What is kept of a place with findings: nothing, some text around each finding, in which findings are
covered, or all of its text as it was sent."""

AROUND = 75
"""Characters of surroundings before and after a finding."""

MAX_PIECES = 20
MAX_CHARS = 64 << 10
"""So much text is kept of one incident; what is more is left out, and that is said."""

MAGIC = b"LGE1"
KEY_ID_BYTES = 8
_FILL = 1024
_SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
_STRENGTH: Mapping[Keep, int] = {"none": 0, "surroundings": 1, "part": 2}


class EvidenceError(ValueError):
    """A key or evidence that cannot be used; the text says why, and quotes nothing."""


@dataclass(frozen=True, slots=True)
class EvidencePlan:
    """What is kept, and sealed to which key. `rules` says otherwise for some rules: the most counts.

    `public` is the raw public key, 32 bytes.
    """

    public: bytes = field(repr=False)
    keep: Keep
    min_severity: Severity
    rules: Mapping[str, Keep] = field(default_factory=dict)

    def wanted(self, decision: Decision) -> Keep:
        """What is to be kept of an exchange that is remembered."""
        said = [self.rules[hit.rule] for hit in decision.outcome.hits if hit.rule in self.rules]
        if decision.outcome.severity >= self.min_severity and any(
            hit.rule not in self.rules for hit in decision.outcome.hits
        ):
            said.append(self.keep)
        return max(said, key=_STRENGTH.__getitem__, default="none")


# --- keeping -------------------------------------------------------------------------------------


def seal(plan: EvidencePlan, decision: Decision, texts: Mapping[Locator, str]) -> bytes:
    """The evidence of a decision, sealed; empty when nothing is to be kept.

    `texts` are those in which the findings of the decision stand.
    """
    keep = plan.wanted(decision)
    if keep == "none" or not decision.incident:
        return b""
    pieces = list(_pieces(keep, decision.scan.findings, texts))
    if not pieces:
        return b""
    data = {
        "incident": decision.incident,
        "at": decision.at,
        "service": decision.route.service,
        "keep": keep,
        "cut": any(piece.pop("cut") for piece in pieces) or len(pieces) == MAX_PIECES,
        "pieces": pieces,
    }
    plain = json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass")
    plain += b" " * (-len(plain) % _FILL)
    public = X25519PublicKey.from_public_bytes(plan.public)
    sealed = _SUITE.encrypt(plain, public, _info(decision.incident))
    return MAGIC + key_id(plan.public) + sealed


def _pieces(
    keep: Keep, findings: Sequence[Finding], texts: Mapping[Locator, str]
) -> Iterator[dict[str, Any]]:
    by_place: dict[Locator, list[Finding]] = {}
    for finding in findings:
        if finding.locator in texts:
            by_place.setdefault(finding.locator, []).append(finding)
    left, made = MAX_CHARS, 0
    for place, members in by_place.items():
        text = texts[place]
        stretches = (
            [(0, len(text))]
            if keep == "part"
            else _joined((one.start - AROUND, one.end + AROUND) for one in members)
        )
        shown = text if keep == "part" else _covered(text, members)
        for start, end in stretches:
            if made == MAX_PIECES or left <= 0:
                return
            piece = shown[max(0, start) : end]
            kept = piece[:left]
            left -= len(kept)
            made += 1
            yield {
                "place": place.path,
                "role": members[0].role.value,
                "entities": sorted({one.entity for one in members if start <= one.start < end}),
                "text": kept,
                "cut": len(kept) < len(piece),
            }


def _joined(stretches: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    """Stretches in order; those that touch are one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(stretches):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _covered(text: str, findings: Sequence[Finding]) -> str:
    """The text with every finding covered, as long as it was: places stay where they are."""
    letters = list(text)
    for one in findings:
        start, end = max(0, one.start), min(len(text), one.end)
        letters[start:end] = "•" * max(0, end - start)
    return "".join(letters)


# --- keys and opening ----------------------------------------------------------------------------


def key_id(public: bytes) -> bytes:
    """Which public key it is."""
    return hashlib.sha256(b"leakgate evidence key" + public).digest()[:KEY_ID_BYTES]


def public_key(pem: bytes) -> bytes:
    """The raw public key of a PEM file. Raises `EvidenceError`; a private key is one, too."""
    if b"PRIVATE KEY" in pem:
        raise EvidenceError("is a private key; keep that off the gateway, and give the public one")
    try:
        key = load_pem_public_key(pem)
    except ValueError:
        raise EvidenceError("is no public key in PEM") from None
    if not isinstance(key, X25519PublicKey):
        raise EvidenceError("is no X25519 key; `leakgate evidence keygen` makes one")
    return key.public_bytes_raw()


def make_keys(passphrase: bytes = b"") -> tuple[bytes, bytes]:
    """A new private and public key, both in PEM; the private one under a passphrase if one is given."""
    key = X25519PrivateKey.generate()
    closed = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return (
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, closed),
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    )


def unseal(sealed: bytes, incident: str, pem: bytes, passphrase: bytes = b"") -> dict[str, Any]:
    """What was kept of an incident, with the private key in PEM. Raises `EvidenceError`."""
    try:
        key = load_pem_private_key(pem, passphrase or None)
    except TypeError:
        raise EvidenceError("the private key needs its passphrase, or has none") from None
    except ValueError:
        raise EvidenceError("the private key cannot be read, or its passphrase is wrong") from None
    if not isinstance(key, X25519PrivateKey):
        raise EvidenceError("the private key is no X25519 key")
    head = len(MAGIC) + KEY_ID_BYTES
    if sealed[: len(MAGIC)] != MAGIC or len(sealed) <= head:
        raise EvidenceError("is no evidence of a form that this version knows")
    if sealed[len(MAGIC) : head] != key_id(key.public_key().public_bytes_raw()):
        raise EvidenceError("was sealed to another key")
    try:
        plain = _SUITE.decrypt(sealed[head:], key, _info(incident))
    except InvalidTag:
        raise EvidenceError("does not open: it was changed, or is of another incident") from None
    data: dict[str, Any] = json.loads(plain.decode("utf-8", "surrogatepass"))
    return data


def _info(incident: str) -> bytes:
    return b"leakgate evidence 1\0" + incident.encode()
