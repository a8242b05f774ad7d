"""Which token stands for a value, and is a string one of ours? Told by a key, without any store.

Law: the same value in the same scope has the same token, on every replica and after every restart;
nobody without the key gets from a token to its value, or makes a string that passes for a token.
What a token spells never holds the value.

An opaque token is `LABEL_` and eighteen letters: fifteen that come from the value and three that
prove the rest. Consonants in small letters only: they spell no word, no detector takes them for an
identifier, tokenizers and models copy them, and they stand unescaped in JSON, XML, Markdown, URLs,
shell and code.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.redaction import standins
from gateway.redaction.operators import Scope, Shape, label

LETTERS: Final = "bcdfghjkmnpqrstvwxyz"
IDENTITY: Final = 15
"""Letters that come from the value: 20^15 is 2^64.8."""
PROOF: Final = 3
BODY: Final = IDENTITY + PROOF

_SPELLED = re.compile(
    rf"((?:[A-Z][A-Z0-9]*\\{{0,4}}_)(?:[A-Z0-9]+\\{{0,4}}_)*)([{LETTERS}]{{{BODY}}})"
)
"""A label and a body. Models write `\\_` in Markdown, which JSON in JSON escapes once more."""

_BODY = re.compile(rf"_[{LETTERS}]{{{BODY}}}")
_MOST_MINTED: Final = 1000


def _letters(number: int, count: int) -> str:
    out = []
    for _ in range(count):
        number, digit = divmod(number, len(LETTERS))
        out.append(LETTERS[digit])
    return "".join(out)


def _mac(key: bytes, purpose: bytes, *texts: str) -> bytes:
    """A digest of texts in which no two lists of texts read alike."""
    parts = [text.encode("utf-8", "surrogatepass") for text in texts]
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hmac.digest(key, purpose + b"\0" + framed, hashlib.sha256)


def _proof(key: bytes, name: str, identity: str) -> str:
    return _letters(int.from_bytes(_mac(key, b"proof", name, identity)), PROOF)


def is_opaque(token: str) -> bool:
    """Whether a token of ours is a label and letters, no stand-in."""
    name, _, body = token.rpartition("_")
    return bool(name) and len(body) == BODY and set(body) <= set(LETTERS)


@dataclass(frozen=True, slots=True)
class Hit:
    """A token at `start:end` of a text; `token` is how we spell it."""

    start: int
    end: int
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that tokens are made with, by id, the newest first.

    Old ones stay as long as their tokens are about.
    """

    keys: Mapping[str, bytes] = field(repr=False)

    @property
    def newest(self) -> str:
        """The id of the key that new tokens are made with; empty when there is none."""
        return next(iter(self.keys), "")

    def proves(self, name: str, body: str) -> bool:
        """Whether `name_body` was made with one of the keys."""
        return any(
            hmac.compare_digest(_proof(key, name, body[:IDENTITY]), body[IDENTITY:])
            for key in self.keys.values()
        )

    def at(self, found: re.Match[str]) -> Hit | None:
        """The token that a spelling holds; what sticks to its label is left out.

        Whole words and letters stick to the front of a label (`OLD_PERSON_`, the `3C` of an escape).
        It is not cut within its later words: each cut that is tried lets one in 8,000 of the strings
        pass that only look like a token.
        """
        spelled, body = found[1], found[2]
        first_word = spelled.index("_")
        for cut in range(len(spelled) - 1):
            begins = cut < first_word or spelled[cut - 1] == "_"
            if begins and spelled[cut].isalpha():
                name = spelled[cut:-1].replace("\\", "")
                if self.proves(name, body):
                    return Hit(found.start() + cut, found.end(), f"{name}_{body}")
        return None

    def opaque_in(self, text: str) -> list[Hit]:
        """Every opaque token of ours in `text`."""
        if _BODY.search(text) is None:
            return []
        return [hit for found in _SPELLED.finditer(text) if (hit := self.at(found)) is not None]

    def standins_in(self, text: str) -> list[Hit]:
        """Every stand-in of ours in `text`, by family."""
        return [
            Hit(start, end, text[start:end])
            for start, end in standins.find(text, self._proves_standin)
        ]

    def ours_in(self, text: str, issued: Iterable[str] = ()) -> list[Hit]:
        """Every token of ours in `text`, stand-ins too, in order and apart from each other.

        `issued` are stand-ins that were just put there: they are known wherever they stand.
        """
        hits = self.opaque_in(text)
        stand_ins = self.standins_in(text)
        stand_ins += [
            Hit(*found.span(), token)
            for token in issued
            if token in text
            for found in re.finditer(rf"(?<!\w){re.escape(token)}(?!\w)", text)
        ]
        if stand_ins:
            hits += stand_ins
            hits.sort(key=lambda hit: (hit.start, -hit.end))
            apart: list[Hit] = []
            for hit in hits:
                if not apart or hit.start >= apart[-1].end:
                    apart.append(hit)
            hits = apart
        return hits

    def _proves_standin(self, family: str, identity: int, proof: int, bits: int) -> bool:
        return any(
            standin_proof(key, family, identity, bits) == proof for key in self.keys.values()
        )


def standin_proof(key: bytes, family: str, identity: int, bits: int) -> int:
    """The bits of a stand-in that prove the rest of it."""
    return int.from_bytes(_mac(key, b"stand-in proof", family, str(identity))) % (1 << bits)


@dataclass(frozen=True, slots=True)
class Minter:
    """Makes the tokens of one exchange.

    `scopes` maps each scope to what tells it from others of its kind. `taken` are tokens that
    already stand for another value: the next one is made then, so that no two values share one.
    """

    keys: Keys
    scopes: Mapping[Scope, str] = field(repr=False)
    key_id: str = ""
    taken: frozenset[str] = field(default=frozenset(), repr=False)

    def mint(self, value: str, entity: str, *, shape: Shape, scope: Scope, free: Free) -> str:
        """The token for `value`. `free` says whether a token is still free for it."""
        key = self.keys.keys[self.key_id or self.keys.newest]
        if shape == "similar":
            family = standins.family(value, entity)
            if family is not None:
                for number in range(_MOST_MINTED):
                    seed = _mac(key, b"stand-in", scope, self.scopes[scope], value, str(number))
                    token = family.make(
                        value,
                        int.from_bytes(seed),
                        lambda name, identity, bits: standin_proof(key, name, identity, bits),
                    )
                    if token not in self.taken and free(token):
                        return token
        name = label(entity)
        number = 0
        while True:
            seed = _mac(key, b"token", scope, self.scopes[scope], value, str(number))
            identity = _letters(int.from_bytes(seed), IDENTITY)
            token = f"{name}_{identity}{_proof(key, name, identity)}"
            if token not in self.taken and free(token):
                return token
            number += 1


type Free = Callable[[str], bool]
"""Whether a token may stand for the value at hand: no other value of the exchange has it, and it
does not hold the value.
"""
