"""What can be set about identity? Everything under `identity:` in the settings.

Law: passwords never travel in clear text and no secret stands here; a setting that could name the
wrong person is an error.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.documents import Strict
from gateway.secret import SecretRef

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_SPANS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _span(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"([0-9]{1,9})([smhd]?)", str(value).strip().lower())
    if isinstance(value, bool) or match is None:
        raise ValueError(f"`{value}` is not a span of time such as `30s` or `8h`")
    return timedelta(seconds=int(match[1]) * _SPANS[match[2] or "s"])


def _network(value: object) -> object:
    try:
        return ipaddress.ip_network(str(value))
    except ValueError as error:
        raise ValueError(f"`{value}` is not a network: {error}; write e.g. `10.0.0.0/8`") from None


def _trusted(networks: tuple[Network, ...]) -> tuple[Network, ...]:
    for network in networks:
        if network.prefixlen == 0:
            raise ValueError(
                f"`{network}` is everybody, who could then name anybody; name your proxies"
            )
    return networks


def _header(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", value):
        raise ValueError(f"`{value}` is not the name of a header")
    return value


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _server(value: str) -> str:
    parts = urlsplit(value)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if (
        parts.scheme not in {"ldap", "ldaps"}
        or not parts.hostname
        or port == 0
        or parts.path.strip("/")
        or parts.query
        or "@" in value
    ):
        raise ValueError(f"`{value}` is not `ldaps://HOST` or `ldap://HOST`")
    return value


def _template(*places: str) -> AfterValidator:
    """A filter that names at least one of `places`, and no others, with its brackets in order."""

    def check(value: str) -> str:
        named = set(re.findall(r"\{([^}]*)\}", value))
        if not named & set(places) or named - set(places):
            wanted = " or ".join(f"`{{{place}}}`" for place in places)
            raise ValueError(f"`{value}` must name {wanted}, and nothing else in such brackets")
        depth = 0
        for character in value:
            depth += (character == "(") - (character == ")")
            if depth < 0:
                break
        if depth or not value.startswith("("):
            raise ValueError(f"`{value}` is not a filter such as `(uid={{user}})`")
        return value

    return AfterValidator(check)


type Span = Annotated[timedelta, BeforeValidator(_span), Field(gt=timedelta(0))]
type Networks = Annotated[
    tuple[Annotated[Network, BeforeValidator(_network)], ...], BeforeValidator(_listed)
]
type Header = Annotated[str, AfterValidator(_header)]


class Directory(Strict):
    """An LDAP directory that checks passwords and knows groups."""

    servers: Annotated[
        tuple[Annotated[str, AfterValidator(_server)], ...],
        BeforeValidator(_listed),
        Field(min_length=1),
    ]
    """`ldaps://HOST`, or `ldap://HOST` with `start_tls`; the next is asked when one is away."""
    start_tls: bool = False
    ca: Path | None = None
    """PEM file of the authorities of the servers; the usual ones by default."""
    bind_dn: str = ""
    bind_password: SecretRef | None = None
    base: Annotated[str, Field(min_length=1)]
    """Where people are."""
    user_filter: Annotated[str, _template("user")] = "(uid={user})"
    user_name: str = "uid"
    """Attribute with the name by which policies, tokens and incidents call a person."""
    group_base: str = ""
    """Where groups are; `base` by default."""
    group_filter: Annotated[str, _template("dn", "user")] = (
        "(|(member={dn})(uniqueMember={dn})(memberUid={user}))"
    )
    nested_filter: Annotated[str, _template("dn")] | Literal["none"] = (
        "(|(member={dn})(uniqueMember={dn}))"
    )
    """How the groups of a group are found; `none` when `group_filter` finds them all."""
    group_name: str = "cn"
    timeout: Annotated[Span, Field(le=timedelta(seconds=30))] = timedelta(seconds=3)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if bool(self.bind_dn) != (self.bind_password is not None):
            raise ValueError("`bind_dn` and `bind_password` belong together; give both or none")
        for server in self.servers:
            parts = urlsplit(server)
            if parts.scheme == "ldaps" and self.start_tls:
                raise ValueError(f"`{server}` is TLS from the start; leave `start_tls` out")
            if (
                parts.scheme == "ldap"
                and not self.start_tls
                and not _loopback(parts.hostname or "")
            ):
                raise ValueError(
                    f"`{server}` would carry passwords in clear text; write `ldaps://` or `start_tls: true`"
                )
        return self


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Passwords(Strict):
    """Proxy authentication with a name and a password."""

    realm: Annotated[str, Field(pattern=r"^[ !#-\[\]-~]{1,64}$")] = "Leakgate"
    htpasswd: Path | None = None
    """File of `htpasswd -B` or `-5`; asked before the directory."""
    directory: bool = False
    """Whether passwords are those of `directory`."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.htpasswd is None and not self.directory:
            raise ValueError("checks nothing; give `htpasswd`, `directory: true` or both")
        return self


class TrustedProxies(Strict):
    """Proxies before this one that say in headers who sends."""

    networks: Annotated[Networks, Field(min_length=1), AfterValidator(_trusted)]
    user_header: Header = "X-Authenticated-User"
    address_header: Header = "X-Client-IP"


class Certificates(Strict):
    """Client certificates on connections to the proxy itself (`https://` proxies)."""

    ca: Path
    """PEM file of the authorities that issue them."""
    crl_file: Path | None = None
    """PEM file of their revocation lists, one of each authority; read again when it changes."""
    name: Literal["common_name", "email", "dns"] = "common_name"
    """Where in a certificate the name stands."""
    names: Literal["user", "device"] = "user"
    """What it names."""
    required: bool = False
    """Whether a connection over TLS without one is refused."""


class AddressMap(Strict):
    """A file that says who has which address, e.g. of a login script or a NAC."""

    file: Path
    valid: Span = timedelta(hours=8)
    """How long a line holds after it was `seen`."""


class Identity(Strict):
    """Who is behind a request, and who has to say so."""

    require: Literal["none", "inspected", "all"] = "inspected"
    """From whom a name is wanted: for requests to inspected hosts, for all, or as rules say."""
    exempt: Networks = ()
    """Networks from which nobody is asked."""
    passwords: Passwords | None = None
    directory: Directory | None = None
    trusted_proxies: TrustedProxies | None = None
    certificates: Certificates | None = None
    address_map: AddressMap | None = None
    groups: Path | None = None
    """YAML file of groups: a name, and its members; `@name` is another group."""
    fresh: Span = timedelta(minutes=5)
    """How long an answer of the directory is taken without asking again."""
    stale: Annotated[Span, Field(le=timedelta(days=7))] = timedelta(hours=1)
    """How long it is taken while the directory is away; then people are refused."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.passwords is not None and self.passwords.directory and self.directory is None:
            raise ValueError("`passwords` asks a directory, but there is no `directory`")
        if self.stale < self.fresh:
            raise ValueError("`stale` is shorter than `fresh`")
        ways = (self.passwords, self.trusted_proxies, self.certificates, self.address_map)
        if not any(ways) and self.require != "none":
            raise ValueError(
                "nobody could say who they are: give `passwords`, `trusted_proxies`,"
                " `certificates` or `address_map`, or `require: none`"
            )
        return self

    @property
    def paths(self) -> tuple[tuple[str, Path], ...]:
        """The files that must be there at the start, by the setting that names them."""
        found = (
            ("passwords.htpasswd", self.passwords and self.passwords.htpasswd),
            ("directory.ca", self.directory and self.directory.ca),
            ("certificates.ca", self.certificates and self.certificates.ca),
            ("certificates.crl_file", self.certificates and self.certificates.crl_file),
            ("address_map.file", self.address_map and self.address_map.file),
            ("groups", self.groups),
        )
        return tuple((name, path) for name, path in found if path)
