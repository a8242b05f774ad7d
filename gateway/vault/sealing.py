"""How is a value closed so that only its own row opens it? With AES-SIV, bound to actor and token.

Law: what was sealed for one actor and token opens for these and with this key only; anything else,
a changed bit included, opens to nothing. What is sealed tells how long a value is to 32 bytes, and
nothing more.

AES-SIV (RFC 5297), not AES-GCM-SIV: it needs no nonce, since actor and token make every row its own,
and is in every OpenSSL 3, while AES-GCM-SIV came with 3.2. Being deterministic, it also lets a
database compare two sealed values of one row without opening either; that is what makes two gateways
that keep one token at the same moment agree.
"""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from gateway.vault.keys import DIGEST_BYTES, Keyring

_PAD = 32
_KIND = b"leakgate vault 1"


class Seals:
    """The digests and seals of one keyring. All methods may be called from any thread."""

    def __init__(self, keyring: Keyring) -> None:
        self.keyring = keyring
        self._lookup = keyring.looking_up()
        self._seals = {key.id: AESSIV(key.sealing()) for key in keyring.keys}

    def __repr__(self) -> str:
        return f"Seals({', '.join(self._seals)})"

    def actor(self, actor: str) -> bytes:
        """What stands for an actor in the database."""
        return self._digest(b"actor", actor.encode("utf-8", "surrogatepass"))

    def token(self, actor: bytes, token: str) -> bytes:
        """What stands for a token of the actor with digest `actor`.

        The actor is part of it: nobody sees in the database that two people hold the same token.
        """
        return self._digest(b"token", actor + token.encode("utf-8", "surrogatepass"))

    def mark(self, actor: str, token: str | None = None, value: str | None = None) -> bytes:
        """A digest of all that is given, to remember it by in memory; it stands in no database."""
        owner = self.actor(actor)
        data = owner if token is None else owner + self.token(owner, token)
        if value is not None:
            data += value.encode("utf-8", "surrogatepass")
        return self._digest(b"mark", data)

    def _digest(self, purpose: bytes, data: bytes) -> bytes:
        return hashlib.blake2b(
            data, key=self._lookup, person=purpose, digest_size=DIGEST_BYTES
        ).digest()

    def seal(self, value: str, *, actor: bytes, token: bytes, key: str) -> bytes:
        """The value, closed with the key of this id. `KeyError` when there is no such key."""
        # 0x80 and zeros, as ISO/IEC 7816-4 pads; a value may hold any character, 0x00 too.
        plain = value.encode("utf-8", "surrogatepass") + b"\x80"
        plain += bytes(-len(plain) % _PAD)
        return self._seals[key].encrypt(plain, [_KIND, key.encode("ascii"), actor, token])

    def open(self, sealed: bytes, *, actor: bytes, token: bytes, key: str) -> str | None:
        """The value; None when it does not open: another row, another key, or changed."""
        seal = self._seals.get(key)
        if seal is None:
            return None
        try:
            plain = seal.decrypt(sealed, [_KIND, key.encode("ascii"), actor, token])
        except (InvalidTag, ValueError):  # ValueError: shorter than a tag
            return None
        return plain.rstrip(b"\0")[:-1].decode("utf-8", "surrogatepass")
