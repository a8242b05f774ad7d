"""What can be set about exports? A list of receivers, each of one kind.

Law: a secret never stands in the settings: they name a file or a variable that holds it. What leads
out in clear text carries no secret.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway import secret
from gateway.documents import Strict
from gateway.exporters.reach import forbidden
from gateway.exporters.sink import Undelivered
from gateway.model import Severity
from gateway.secret import NoSecret, not_here


class Secret(secret.Secret):
    """Where the secret of an export is."""

    def value(self) -> str:
        """The secret as it is now, so that a file can be replaced. Raises `Undelivered`."""
        try:
            return super().value()
        except NoSecret:
            raise Undelivered("secret") from None


def _severity(value: object) -> object:
    if isinstance(value, str):
        words = [level.name.lower() for level in Severity]
        if value not in words:
            raise ValueError(f"`{value}` is not one of {', '.join(words)}")
        return Severity[value.upper()]
    return value


def _parts(value: str, schemes: tuple[str, ...]) -> SplitResult:
    """The parts of an address; ValueError says what is wrong, without quoting a password."""
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError("is not an address such as `https://siem.example.com`") from None
    if parts.scheme not in schemes or not parts.hostname:
        shapes = " or ".join(f"`{scheme}://HOST`" for scheme in schemes)
        raise ValueError(f"is not {shapes}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("names a user or password; secrets do not stand in addresses")
    if parts.fragment or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("holds characters that do not belong into an address")
    if port == 0:
        raise ValueError("has no port that can be connected to")
    if _forbidden(parts.hostname):
        raise ValueError(f"`{parts.hostname}` is an address that no export goes to")
    return parts


def _forbidden(host: str) -> bool:
    """Whether the address itself is refused; names are looked up when they are connected to."""
    try:
        return forbidden(host)
    except ValueError:
        return False


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _syslog_address(value: str) -> str:
    parts = _parts(value, ("tls", "tcp"))
    if parts.path.strip("/") or parts.query:
        raise ValueError("has a path; write `tls://HOST:PORT`")
    return value


KAFKA_PORT = 9093


def _kafka_address(value: str) -> str:
    scheme, _, rest = value.partition("://")
    for broker in rest.split(","):
        parts = _parts(f"{scheme}://{broker.strip()}", ("tls", "tcp"))
        if parts.path.strip("/") or parts.query:
            raise ValueError("has a path; write `tls://HOST:PORT,HOST:PORT`")
    return value


def _mail_server(value: str) -> str:
    parts = _parts(value, ("smtps", "smtp"))
    if parts.path.strip("/") or parts.query:
        raise ValueError("has a path; write `smtps://HOST:PORT`")
    return value


def _mail_address(value: str) -> str:
    if not _MAIL.fullmatch(value):
        raise ValueError("is not an address such as `soc@example.com`")
    return value


def _mail_addresses(value: str) -> str:
    each = [one.strip() for one in value.split(",")]
    if len(each) > 100:
        raise ValueError("are more than 100 receivers; write to a list of your mail server")
    for one in each:
        _mail_address(one)
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError("is not a time zone such as `Europe/Berlin`") from None
    return value


def _console_address(value: str) -> str:
    return _web_address(value) if value else value


_MAIL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
"""Addresses that need no quotes: nothing in one can begin another header or another receiver."""


def _web_address(value: str) -> str:
    parts = _parts(value, ("https", "http"))
    if parts.scheme == "http" and not _loopback(parts.hostname or ""):
        raise ValueError("would carry a secret in clear text; write `https://`")
    return value


type SecretRef = Annotated[Secret, BeforeValidator(not_here)]
type Word = Annotated[str, Field(max_length=128, pattern=r"^[\x21-\x7e]*$")]


class _Export(Strict):
    """What all kinds have in common."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")] = Field(
        description="what it is called in metrics, logs and commands"
    )
    min_severity: Annotated[Severity, BeforeValidator(_severity)] = Field(
        Severity.INFO, description="incidents below it are not told"
    )
    people: Literal["named", "unnamed"] = Field(
        "named", description="whether actor and source address are told"
    )


class Syslog(_Export):
    """RFC 5424 over TCP or TLS."""

    kind: Literal["syslog"]
    to: Annotated[str, AfterValidator(_syslog_address)]
    format: Literal["cef", "structured"] = "cef"
    facility: Literal[
        "user", "daemon", "auth", "authpriv", "audit", "alert",
        "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
    ] = "local4"  # fmt: skip
    hostname: Word = ""
    enterprise: Annotated[int, Field(ge=1, le=2**31 - 1)] = 32473
    """Private enterprise number of structured data; 32473 is the one for examples (RFC 5612)."""
    ca: Path | None = None
    client_certificate: Path | None = None


class Splunk(_Export):
    """Splunk's HTTP Event Collector."""

    kind: Literal["splunk"]
    to: Annotated[str, AfterValidator(_web_address)]
    token: SecretRef
    format: Literal["json", "ocsf"] = "json"
    index: Word = ""
    source: Word = "leakgate"
    sourcetype: Word = "leakgate:incident"
    ca: Path | None = None
    client_certificate: Path | None = None


class Webhook(_Export):
    """Signed JSON by POST."""

    kind: Literal["webhook"]
    to: Annotated[str, AfterValidator(_web_address)]
    secret: SecretRef
    format: Literal["json", "ocsf"] = "json"
    ca: Path | None = None
    client_certificate: Path | None = None


class Kafka(_Export):
    """Records of one topic of a Kafka cluster. `to` names one broker or several to begin with."""

    kind: Literal["kafka"]
    to: Annotated[str, AfterValidator(_kafka_address)]
    topic: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")] = "leakgate"
    user: Word = ""
    password: SecretRef | None = None
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    compression: Literal["none", "gzip"] = "gzip"
    format: Literal["json", "ocsf"] = "json"
    ca: Path | None = None
    client_certificate: Path | None = None

    @model_validator(mode="after")
    def _login(self) -> Kafka:
        if bool(self.user) != (self.password is not None):
            raise ValueError("`user` and `password` go together; write both or none")
        if self.user and not self.encrypted and not all(_loopback(h) for h, _ in self.brokers):
            raise ValueError("would carry a secret in clear text; write `tls://` in `to`")
        return self

    @property
    def encrypted(self) -> bool:
        """Whether connections are by TLS."""
        return self.to.startswith("tls:")

    @property
    def brokers(self) -> tuple[tuple[str, int], ...]:
        """Hosts and ports of the brokers that are named."""
        each = (urlsplit(f"//{one.strip()}") for one in self.to.partition("://")[2].split(","))
        return tuple((parts.hostname or "", parts.port or KAFKA_PORT) for parts in each)


type Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
type MailAddress = Annotated[str, AfterValidator(_mail_address)]


class Mail(_Export):
    """A digest by e-mail, from time to time, to one team. It tells counts, and names nobody."""

    kind: Literal["email"]
    to: Annotated[str, AfterValidator(_mail_addresses)]
    sender: MailAddress
    server: Annotated[str, AfterValidator(_mail_server)]
    user: Annotated[str, Field(max_length=256)] = ""
    password: SecretRef | None = None
    every: Literal["hour", "day", "week"] = "day"
    at: Clock = "07:00"
    zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    services: Annotated[tuple[Word, ...], Field(max_length=100)] = ()
    empty: bool = False
    console: Annotated[str, AfterValidator(_console_address)] = ""
    ca: Path | None = None
    client_certificate: Path | None = None

    @model_validator(mode="after")
    def _login(self) -> Mail:
        if bool(self.user) != (self.password is not None):
            raise ValueError("`user` and `password` go together; write both or none")
        return self

    @property
    def receivers(self) -> tuple[str, ...]:
        """The addresses."""
        return tuple(each.strip() for each in self.to.split(","))

    @property
    def host_port(self) -> tuple[str, int]:
        """The server."""
        parts = urlsplit(self.server)
        return parts.hostname or "", parts.port or (465 if self.encrypted else 587)

    @property
    def encrypted(self) -> bool:
        """Whether TLS begins with the first byte."""
        return self.server.startswith("smtps:")

    @property
    def starttls(self) -> bool:
        """Whether TLS begins after a greeting. To this machine it does where `ca` says what to trust."""
        return not self.encrypted and (not _loopback(self.host_port[0]) or self.ca is not None)


class Lines(_Export):
    """A file that grows by one line of JSON per incident."""

    kind: Literal["file"]
    to: Path
    format: Literal["json", "ocsf"] = "json"


type Export = Annotated[
    Syslog | Splunk | Webhook | Kafka | Mail | Lines, Field(discriminator="kind")
]


def distinct(exports: list[Export]) -> list[Export]:
    """For a setting: names are how exports are told apart, in the database too."""
    names = [export.name for export in exports]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"the name `{min(twice)}` is given twice")
    return exports
