"""What does the LDAP directory say of a person? Whether a password is theirs, and their groups.

Law: an answer is whole or none. A server that is away, an answer that was cut off, an odd result code:
all end in `Away`, never in "no such group". Blocks, so it is called in threads; values that people
gave are escaped (RFC 4515 §3), and no password and no name stands in an exception.
"""

from __future__ import annotations

import contextlib
import math
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

import certifi
import ldap3
from ldap3.core.results import (
    RESULT_CONSTRAINT_VIOLATION,
    RESULT_INVALID_CREDENTIALS,
    RESULT_NO_SUCH_OBJECT,
    RESULT_SUCCESS,
    RESULT_UNWILLING_TO_PERFORM,
)
from ldap3.utils.conv import escape_filter_chars

from gateway.identity import document
from gateway.identity.files import canonical
from gateway.secret import NoSecret

type Scope = Literal["BASE", "LEVEL", "SUBTREE"]

MAX_GROUPS = 2000
"""Groups of one person; who has more is not known to be in any."""

_AT_ONCE = 50
"""Groups whose groups are asked for in one search."""


class Away(Exception):
    """The directory cannot tell now. The text is a word of ours."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A person as the directory knows them."""

    name: str
    dn: str = field(repr=False)
    groups: frozenset[str] = field(repr=False)


class Directory:
    """One directory, on several servers. `OSError` at once when the authorities cannot be read."""

    def __init__(self, settings: document.Directory) -> None:
        self._settings = settings
        # ldap3 makes a context of this by itself, and checks the name in the certificate.
        self._tls = ldap3.Tls(
            validate=ssl.CERT_REQUIRED, ca_certs_file=str(settings.ca or certifi.where())
        )

    def check(self, user: str, password: str) -> Entry | None:
        """The person whose name and password these are; None when they are nobody's."""
        # INVARIANT: a bind without a password succeeds as nobody (RFC 4513 §5.1.2).
        if not user or not password or "\0" in password:
            return None
        with self._session() as connection:
            dn, name = self._find(connection, user)
            if not dn:
                return None
            bound = connection.rebind(user=dn, password=password)
            code = connection.result["result"]
            if not bound:
                if code in _NOT_THEIRS:
                    return None
                raise Away(f"result {code}")
            if self._settings.bind_password is not None:
                # People may not be allowed to read groups.
                self._bind(connection)
            return Entry(canonical(name), dn, self._groups(connection, dn, name))

    def find(self, user: str, dn: str = "") -> Entry | None:
        """The person of this name, or who stands at `dn` and could still log in; None when nobody."""
        with self._session() as connection:
            dn, name = self._find(connection, user, dn)
            return Entry(canonical(name), dn, self._groups(connection, dn, name)) if dn else None

    # --- one connection ---------------------------------------------------------------------------

    @contextlib.contextmanager
    def _session(self) -> Iterator[ldap3.Connection]:
        """A connection to the first server that answers, bound as the settings say."""
        connection = None
        for server in self._settings.servers:
            try:
                connection = self._open(server)
            except Exception:  # noqa: BLE001, S112  # whatever it is, this server gave no answer
                continue
            break
        if connection is None:
            raise Away("connect")
        try:
            yield connection
        except Away:
            raise
        except Exception as error:  # noqa: BLE001  # whatever the library raises is no answer
            raise Away(type(error).__name__) from None
        finally:
            _close(connection)

    def _open(self, address: str) -> ldap3.Connection:
        parts = urlsplit(address)
        seconds = self._settings.timeout.total_seconds()
        is_tls = parts.scheme == "ldaps"
        connection = ldap3.Connection(
            ldap3.Server(
                parts.hostname or "",
                port=parts.port or (636 if is_tls else 389),
                use_ssl=is_tls,
                tls=self._tls,
                connect_timeout=seconds,
                get_info=ldap3.NONE,
            ),
            receive_timeout=math.ceil(seconds),  # whole seconds for the socket's option
            # A referral would send passwords to whom nobody named.
            auto_referrals=False,
            check_names=False,
        )
        try:
            connection.open()
            if self._settings.start_tls and not connection.start_tls():
                raise OSError("no TLS")  # noqa: TRY301  # ends as any failure to connect
            self._bind(connection)
        except Exception:
            _close(connection)
            raise
        return connection

    def _bind(self, connection: ldap3.Connection) -> None:
        secret = self._settings.bind_password
        try:
            password = None if secret is None else secret.value()
        except NoSecret:
            raise OSError("no secret") from None
        authentication = ldap3.ANONYMOUS if password is None else ldap3.SIMPLE
        if not connection.rebind(
            user=self._settings.bind_dn or None, password=password, authentication=authentication
        ):
            raise OSError("not bound")

    # --- questions --------------------------------------------------------------------------------

    def _find(self, connection: ldap3.Connection, user: str, dn: str = "") -> tuple[str, str]:
        """DN and name of the person; empty when there is none, or more than one.

        The filter may ask for another attribute than the one that names people, such as the mail
        address; who was found before is found again by the DN.
        """
        settings = self._settings
        wanted = settings.user_filter.replace("{user}", "*" if dn else escape_filter_chars(user))
        scope: Scope = ldap3.BASE if dn else ldap3.SUBTREE
        found = self._search(connection, dn or settings.base, wanted, settings.user_name, scope)
        if len(found) != 1:
            return "", ""
        ((dn, names),) = found
        return (dn, names[0]) if names and canonical(names[0]) else ("", "")

    def _groups(self, connection: ldap3.Connection, dn: str, user: str) -> frozenset[str]:
        settings = self._settings
        names: set[str] = set()
        seen = {dn.lower()}
        wanted = settings.group_filter.replace("{dn}", escape_filter_chars(dn))
        filters = [wanted.replace("{user}", escape_filter_chars(user))]
        while filters:
            fresh: list[str] = []
            for each in filters:
                base = settings.group_base or settings.base
                for group, called in self._search(connection, base, each, settings.group_name):
                    if group.lower() in seen:
                        continue
                    seen.add(group.lower())
                    fresh.append(group)
                    names.update(name.strip().lower() for name in called)
            if len(seen) > MAX_GROUPS:
                raise Away("too many groups")
            filters = [] if settings.nested_filter == "none" else self._above(fresh)
        return frozenset(names)

    def _above(self, groups: list[str]) -> list[str]:
        """Filters for the groups that hold one of `groups`."""
        each = [
            self._settings.nested_filter.replace("{dn}", escape_filter_chars(dn)) for dn in groups
        ]
        return [
            f"(|{''.join(each[start : start + _AT_ONCE])})"
            for start in range(0, len(each), _AT_ONCE)
        ]

    @staticmethod
    def _search(
        connection: ldap3.Connection,
        base: str,
        wanted: str,
        attribute: str,
        scope: Scope = ldap3.SUBTREE,
    ) -> list[tuple[str, list[str]]]:
        """DNs of what is found, each with the values of `attribute`."""
        connection.search(base, wanted, scope, attributes=[attribute])
        code = connection.result["result"]
        if code == RESULT_NO_SUCH_OBJECT:
            return []
        if code != RESULT_SUCCESS:
            raise Away(f"result {code}")
        found = []
        for each in connection.response or ():
            if each.get("type") == "searchResRef":
                continue  # a place that nobody named is not looked at
            values = each["attributes"].get(attribute, [])
            listed = values if isinstance(values, list) else [values]
            found.append((str(each["dn"]), [str(value) for value in listed]))
        return found


def _close(connection: ldap3.Connection) -> None:
    with contextlib.suppress(Exception):  # nothing is asked any more
        connection.unbind()
    sock = connection.socket
    if sock is not None:
        sock.close()


_NOT_THEIRS = frozenset(
    {
        RESULT_INVALID_CREDENTIALS,
        # How servers say that an account is locked, or its password has ended.
        RESULT_UNWILLING_TO_PERFORM,
        RESULT_CONSTRAINT_VIOLATION,
        RESULT_NO_SUCH_OBJECT,
    }
)
