"""For whom is a rule in force while it is being rolled out? For a share of the senders, always the same.

Law: a function of the rule's id and the sender alone. So every gateway and every command agrees,
nothing that is sent can change the answer, and whoever is in a share is in every larger one.
The shares of different rules are independent: nobody is the first for everything. It is no secret
who is in a share; a rule that must not be evaded is not rolled out by shares.
"""

from __future__ import annotations

import hashlib
import ipaddress

WHOLE = 10_000
"""All senders, in hundredths of a percent."""

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def address_of(text: str) -> Address | None:
    """An address as rules compare it: without a zone, and never IPv4 in the clothes of IPv6."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def place(rule: str, *, actor: str, source_ip: str) -> int | None:
    """Where the sender stands, 0 to `WHOLE` - 1; None when nobody can say who it is.

    The sender is the actor, in any letter case, or the address where no actor is known.
    """
    if actor:
        sender = f"actor:{actor.lower()}"
    else:
        address = address_of(source_ip)
        if address is None:
            return None
        sender = f"address:{address}"
    # The id is the key of the hash, so that each rule deals the senders anew; ids have at most 64
    # characters of ASCII, and so many bytes a key may have.
    digest = hashlib.blake2b(
        sender.encode("utf-8", "surrogatepass"), key=rule.encode(), digest_size=8
    )
    return int.from_bytes(digest.digest()) % WHOLE


def enforced(rule: str, share: int, *, actor: str, source_ip: str) -> bool:
    """Whether `rule`, rolled out to `share`, is enforced for the sender; in doubt it is."""
    if share >= WHOLE:
        return True
    stands = place(rule, actor=actor, source_ip=source_ip)
    return stands is None or stands < share
