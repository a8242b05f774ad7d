"""What can be set about the console? Whether there is one, where it is reached, who signs in.

Law: no secret stands in the settings. A console that others than this machine reach is reached by TLS.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.console.roles import Role
from gateway.documents import Strict, span
from gateway.exporters.document import Secret


def _origin(value: str) -> str:
    """Scheme, host and port of the console as browsers name them, without a slash at the end."""
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError("is not an address such as `https://leakgate.example.com`") from None
    if parts.scheme not in {"https", "http"} or not parts.hostname or port == 0:
        raise ValueError("is not an address such as `https://leakgate.example.com`")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
        raise ValueError("has more than a host and a port; the console is always at `/console/`")
    if parts.scheme == "http" and parts.hostname not in {"localhost", "127.0.0.1", "::1"}:
        raise ValueError("must begin with `https://`: passwords and sessions pass there")
    return value.rstrip("/").lower()


def _issuer(value: str) -> str:
    parts = urlsplit(value)
    local = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise ValueError("is not an address such as `https://login.example.com`")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("has more than host and path")
    return value


def _many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


type Span = Annotated[timedelta, BeforeValidator(span)]
type Names = Annotated[tuple[str, ...], BeforeValidator(_many)]


class Tls(Strict):
    """The certificate and the key of the admin address, in PEM."""

    certificate: Path
    key: Path


class Oidc(Strict):
    """A provider that says who somebody is. `roles` maps each role to the groups that have it."""

    issuer: Annotated[str, AfterValidator(_issuer)]
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: Secret | None = None
    scopes: Names = ("openid", "profile", "email")
    name_claim: str = "email"
    groups_claim: str = "groups"
    roles: Annotated[dict[Role, Names], Field(min_length=1)]
    trusted_ca: Path | None = None
    title: Annotated[str, Field(max_length=60)] = "your organisation"

    @model_validator(mode="after")
    def _openid(self) -> Self:
        if "openid" not in self.scopes:
            raise ValueError("`scopes` needs `openid`")
        return self


class Console(Strict):
    """The web console and its API."""

    enabled: bool = True
    url: Annotated[str, AfterValidator(_origin)] = ""
    idle: Annotated[Span, Field(ge=timedelta(minutes=1), le=timedelta(days=1))] = timedelta(
        minutes=30
    )
    lifetime: Annotated[Span, Field(ge=timedelta(minutes=5), le=timedelta(days=7))] = timedelta(
        hours=12
    )
    local_accounts: bool = True
    api_burst: Annotated[int, Field(ge=10, le=100_000)] = 300
    oidc: Oidc | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.enabled and not self.local_accounts and self.oidc is None:
            raise ValueError("nobody could sign in: set `oidc`, or leave `local_accounts` on")
        if self.oidc is not None and not self.url:
            raise ValueError("`oidc` needs `url`: the provider sends people back to it")
        return self
