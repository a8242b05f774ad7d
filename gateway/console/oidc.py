"""How does a provider say who somebody is? By OpenID Connect: a code, and a signed word for it.

Law: a word counts only with the provider's signature, made for us, for this one way there and back
(state, nonce, PKCE), and not over. What cannot be checked lets nobody in.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import certifi
import httpcore2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from gateway.console.accounts import NotSo
from gateway.console.document import Oidc
from gateway.console.roles import Role
from gateway.exporters.sink import Undelivered

ALGORITHMS = [
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
]
"""Signatures by keys of the provider alone: no `none`, and none with a secret that we share."""

_FRESH = 3600.0
_MOST = 1 << 20
_SKEW = 60
_TIMEOUT = {"connect": 5.0, "read": 10.0, "write": 10.0, "pool": 10.0}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, as the provider names them, and the roles that their groups have."""

    name: str
    subject: str
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class _Known:
    """What the provider says of itself."""

    authorization: str
    token: str
    keys: KeySet
    names_itself: bool
    basic: bool
    at: float


class Provider:
    """One provider. Methods take as long as it does, so they are for threads; they raise `NotSo`."""

    def __init__(
        self, settings: Oidc, back: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.title = settings.title
        self._settings = settings
        self._back = back
        self._clock = clock
        self._known: _Known | None = None
        self._lock = threading.Lock()
        ca = settings.trusted_ca
        self._tls = ssl.create_default_context(
            cafile=str(ca) if ca is not None else certifi.where()
        )

    def leave(self) -> tuple[str, str, str, str]:
        """Where to send somebody; state, nonce and verifier of this way there and back."""
        known = self._about()
        state, nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
        verifier = secrets.token_urlsafe(48)  # RFC 7636, section 4.1: 43 to 128 characters
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._back,
            "scope": " ".join(self._settings.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in known.authorization else "?"
        return f"{known.authorization}{joint}{urlencode(asked)}", state, nonce, verifier

    def person(self, code: str, nonce: str, verifier: str, issuer: str) -> Person:
        """Whom `code` stands for. `issuer` is what came back beside it."""
        known = self._about()
        # RFC 9207: an answer of another provider is not taken for this one's.
        if (issuer or known.names_itself) and issuer != self._settings.issuer:
            raise NotSo("the answer was another provider's")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "code_verifier": verifier,
        }
        headers = [
            (b"content-type", b"application/x-www-form-urlencoded"),
            (b"accept", b"application/json"),
        ]
        secret = self._secret()
        if secret and known.basic:
            # RFC 6749, section 2.3.1: both are form-encoded first.
            pair = f"{urlencode({'': self._settings.client_id})[1:]}:{urlencode({'': secret})[1:]}"
            headers.append((b"authorization", b"Basic " + base64.b64encode(pair.encode())))
        else:
            form["client_id"] = self._settings.client_id
            if secret:
                form["client_secret"] = secret
        answer = self._ask("POST", known.token, headers, urlencode(form).encode())
        return self._read(str(answer.get("id_token", "")), nonce)

    def _read(self, word: str, nonce: str) -> Person:
        """Check an ID token as OpenID Connect Core, section 3.1.3.7, says."""
        claims = self._verified(word)
        settings = self._settings
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        now = self._clock()
        sound = (
            claims.get("iss") == settings.issuer
            and settings.client_id in audiences
            and (len(audiences) == 1 or claims.get("azp") == settings.client_id)
            and claims.get("azp", settings.client_id) == settings.client_id
            and secrets.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode())
            and _number(claims.get("exp")) > now - _SKEW
            and _number(claims.get("iat")) < now + _SKEW
        )
        if not sound:
            raise NotSo("the provider's word is not for this sign-in")
        if settings.name_claim == "email" and claims.get("email_verified") is False:
            raise NotSo("the provider has not verified your e-mail address")
        groups = claims.get(settings.groups_claim, ())
        names = {groups} if isinstance(groups, str) else {str(each) for each in groups or ()}
        return Person(
            str(claims.get(settings.name_claim) or ""),
            str(claims.get("sub") or ""),
            frozenset(role for role, wanted in settings.roles.items() if names & set(wanted)),
        )

    def _verified(self, word: str) -> Mapping[str, Any]:
        """The claims of a signed word; the keys are asked for again when one is not known."""
        for again in (False, True):
            keys = self._about(again=again).keys
            try:
                return jwt.decode(word, keys, algorithms=ALGORITHMS).claims
            except (JoseError, ValueError, KeyError, TypeError):
                continue
        raise NotSo("the provider's signature cannot be checked")

    def _about(self, *, again: bool = False) -> _Known:
        with self._lock:
            known, now = self._known, self._clock()
            # Not more often than once in ten seconds, whoever asks.
            if known is not None and now - known.at < (10 if again else _FRESH):
                return known
            issuer = self._settings.issuer
            # OpenID Connect Discovery, section 4.
            said = self._ask("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            if said.get("issuer") != issuer:
                raise NotSo("the provider calls itself otherwise than `issuer` says")
            try:
                keys = KeySet.import_key_set(
                    _of_signatures(self._ask("GET", self._address(said, "jwks_uri")))
                )
            except (JoseError, ValueError, KeyError, TypeError):
                raise NotSo("the provider's keys cannot be read") from None
            methods = said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
            self._known = _Known(
                self._address(said, "authorization_endpoint"),
                self._address(said, "token_endpoint"),
                keys,
                said.get("authorization_response_iss_parameter_supported") is True,
                "client_secret_basic" in methods,
                now,
            )
            return self._known

    def _address(self, said: Mapping[str, Any], name: str) -> str:
        """An address that the provider names; as safe as the issuer's own."""
        address = str(said.get(name, ""))
        scheme = urlsplit(self._settings.issuer).scheme
        if not address.startswith((f"{scheme}://", "https://")):
            raise NotSo(f"the provider names no usable `{name}`")
        return address

    def _secret(self) -> str:
        if self._settings.client_secret is None:
            return ""
        try:
            return self._settings.client_secret.value()
        except Undelivered:
            raise NotSo("`client_secret` cannot be read") from None

    def _ask(
        self,
        method: str,
        address: str,
        headers: list[tuple[bytes, bytes]] | None = None,
        body: bytes | None = None,
    ) -> Mapping[str, Any]:
        """What the provider answers, as JSON. No redirect is followed."""
        try:
            with (
                # One for each: people sign in seldom.
                httpcore2.ConnectionPool(ssl_context=self._tls) as pool,
                pool.stream(
                    method,
                    address,
                    headers=headers or [(b"accept", b"application/json")],
                    content=body,
                    extensions={"timeout": _TIMEOUT},
                ) as answer,
            ):
                data = b""
                for chunk in answer.iter_stream():
                    data += chunk
                    if len(data) > _MOST:
                        raise NotSo("the provider says too much")
                status = answer.status
        except (
            httpcore2.NetworkError,
            httpcore2.TimeoutException,
            httpcore2.ProtocolError,
            OSError,
        ):
            raise NotSo("the provider cannot be reached") from None
        try:
            said = json.loads(data)
        except ValueError:
            said = None
        if status != 200 or not isinstance(said, dict):
            raise NotSo("the provider did not agree")
        return said


def _challenge(verifier: str) -> str:
    hashed = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(hashed).decode().rstrip("=")


def _of_signatures(said: Mapping[str, Any]) -> Any:
    """Those keys that are for signatures; a set may hold others, of kinds that we do not know."""
    keys = [
        key for key in said["keys"] if key.get("use", "sig") == "sig" and key.get("kty") != "oct"
    ]
    return {"keys": keys}


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else -1.0
