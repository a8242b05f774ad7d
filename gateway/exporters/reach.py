"""May an export connect to this address? To a named host, but never to what only machines ask.

Law: the address that is checked is the address that is connected to, so no change of DNS in between
gets past; link-local and cloud metadata addresses are refused whatever name leads there.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

import certifi

from gateway.exporters.sink import Undelivered

_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        # Cloud metadata that is not link-local: AWS over IPv6, Alibaba, Oracle.
        ("fd00:ec2::254", "100.100.100.200", "192.0.0.192"),
    )
)


def forbidden(address: str) -> bool:
    """Whether no export goes to this IP address, in whichever way it is written."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        # ::ffff:169.254.169.254 and 64:ff9b::a9fe:a9fe reach the same machine.
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return forbidden(str(inner))
    return ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip in _METADATA


@dataclass(frozen=True, slots=True)
class Reach:
    """Finds addresses of hosts. `denied` holds names and addresses that the operator refuses."""

    denied: Container[str] = frozenset()

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """The addresses of `host`, all of them allowed. Raises `Undelivered`."""
        if host in self.denied:
            raise Undelivered("denied")
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            )
        except OSError:
            raise Undelivered("resolve") from None
        addresses = tuple(dict.fromkeys(str(item[4][0]) for item in found))
        if not addresses:
            raise Undelivered("resolve")
        if any(forbidden(address) or address in self.denied for address in addresses):
            # One of several is enough: a name that points there is not a SIEM's.
            raise Undelivered("denied")
        return addresses


def tls_context(ca: Path | None, client_certificate: Path | None) -> ssl.SSLContext:
    """How receivers are verified: always, by `ca` or the usual authorities. Raises OSError."""
    context = ssl.create_default_context(cafile=str(ca) if ca else certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if client_certificate is not None:
        context.load_cert_chain(client_certificate)
    return context
