"""Does the checksum of an address or key of a cryptocurrency fit?

Law: that of `checksums`; the case of letters counts where the address makes it count.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence

from gateway.detectors.checksums.digits import checked

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
RIPPLE = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"


def _from_base58(text: str, alphabet: str = BASE58) -> bytes:
    number = 0
    for character in text:
        number = number * 58 + alphabet.index(character)
    zeros = len(text) - len(text.lstrip(alphabet[0]))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _base58check(text: str, alphabet: str = BASE58) -> bytes:
    """The payload; `ValueError` when its four bytes of double SHA-256 do not fit."""
    data = _from_base58(text, alphabet)
    body, check = data[:-4], data[-4:]
    if hashlib.sha256(hashlib.sha256(body).digest()).digest()[:4] != check:
        raise ValueError
    return body


@checked
def base58check(value: str) -> bool:
    """Bitcoin, Litecoin, Dogecoin, Tron addresses, private and extended keys.

    https://en.bitcoin.it/wiki/Base58Check_encoding
    """
    return len(_base58check(value)) > 20


@checked
def ripple(value: str) -> bool:
    """XRP Ledger address, an alphabet of its own. https://xrpl.org/docs/references/protocol/data-types/base58-encodings"""
    body = _base58check(value, RIPPLE)
    return len(body) == 21 and body[0] == 0


@checked
def solana(value: str) -> bool:
    """Solana address: 32 bytes in base 58, no check. https://solana.com/docs/core/accounts"""
    return len(_from_base58(value)) == 32


BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def polymod(values: Sequence[int]) -> int:
    """The checksum of BIP 173: 1 for bech32, 0x2BC830A3 for bech32m (BIP 350)."""
    state = 1
    for value in values:
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(
            (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
        ):
            if top >> bit & 1:
                state ^= generator
    return state


@checked
def bech32(value: str) -> bool:
    """Segregated-witness addresses and Cardano's: BIP 173 (bech32) and BIP 350 (bech32m).

    https://github.com/bitcoin/bips/blob/master/bip-0350.mediawiki
    """
    if value not in {value.lower(), value.upper()}:
        return False
    human, _, data = value.lower().rpartition("1")
    values = [ord(c) >> 5 for c in human] + [0] + [ord(c) & 31 for c in human]
    values += [BECH32.index(c) for c in data]
    return bool(human) and polymod(values) in {1, 0x2BC830A3}


_KECCAK_ROTATIONS = (
    (0, 36, 3, 41, 18), (1, 44, 10, 45, 2), (62, 6, 43, 15, 61), (28, 55, 25, 21, 56),
    (27, 20, 39, 8, 14),
)  # fmt: skip


_MASK = (1 << 64) - 1


def _keccak_constants() -> tuple[int, ...]:
    constants, state = [], 1
    for _ in range(24):
        constant = 0
        for bit in range(7):
            if state & 1:
                constant |= 1 << ((1 << bit) - 1)
            state = (state << 1) ^ (0x171 if state & 0x80 else 0)
        constants.append(constant)
    return tuple(constants)


_KECCAK_CONSTANTS = _keccak_constants()


def _rotate(lane: int, by: int) -> int:
    return (lane << by | lane >> (64 - by)) & _MASK if by else lane


def keccak256(data: bytes) -> bytes:
    """Keccak with the padding before it became SHA-3. https://keccak.team/keccak_specs_summary.html"""
    rate = 136
    padded = data + b"\x01" + b"\0" * (-(len(data) + 1) % rate)
    padded = padded[:-1] + bytes([padded[-1] | 0x80])
    lanes = [[0] * 5 for _ in range(5)]
    for start in range(0, len(padded), rate):
        for number in range(rate // 8):
            at = start + 8 * number
            lanes[number % 5][number // 5] ^= int.from_bytes(padded[at : at + 8], "little")
        for constant in _KECCAK_CONSTANTS:
            columns = [functools.reduce(int.__xor__, column) for column in lanes]
            for x in range(5):
                mixed = columns[x - 1] ^ _rotate(columns[(x + 1) % 5], 1)
                lanes[x] = [lane ^ mixed for lane in lanes[x]]
            moved = [[0] * 5 for _ in range(5)]
            for x in range(5):
                for y in range(5):
                    moved[y][(2 * x + 3 * y) % 5] = _rotate(lanes[x][y], _KECCAK_ROTATIONS[x][y])
            lanes = [
                [
                    moved[x][y] ^ (~moved[(x + 1) % 5][y] & _MASK & moved[(x + 2) % 5][y])
                    for y in range(5)
                ]
                for x in range(5)
            ]
            lanes[0][0] ^= constant
    return b"".join(lanes[n % 5][n // 5].to_bytes(8, "little") for n in range(4))


@checked
def ethereum(value: str) -> bool:
    """EIP-55: in mixed case, the case is the checksum. https://eips.ethereum.org/EIPS/eip-55"""
    body = value[2:]
    if len(body) != 40 or len(set(body.lower())) < 6:
        return False
    if body in {body.lower(), body.upper()}:
        return True
    nibbles = keccak256(body.lower().encode()).hex()
    return all(
        c.isdecimal() or c.isupper() == (int(nibble, 16) > 7)
        for c, nibble in zip(body, nibbles, strict=False)
    )


@checked
def monero(value: str) -> bool:
    """Base 58 in blocks of eleven characters, four bytes of Keccak. https://docs.getmonero.org/public-address/standard-address/"""
    data = b""
    for start in range(0, len(value), 11):
        block = value[start : start + 11]
        size = {11: 8, 7: 5, 10: 7}[len(block)]
        number = 0
        for character in block:
            number = number * 58 + BASE58.index(character)
        data += number.to_bytes(size, "big") if number < 256**size else b""
    return len(data) > 60 and keccak256(data[:-4])[:4] == data[-4:]
