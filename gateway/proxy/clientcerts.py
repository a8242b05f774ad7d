"""Whom does a client's certificate name, on TLS to the proxy itself?

Law: OpenSSL verifies the certificate within the handshake, by the authorities that the settings name
and no others, ours included, and by their revocation lists where a file of those is named: then each
authority needs one that has not run out, or its certificates are refused. A name that stands there twice,
or not at all, names nobody.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from cryptography import x509
from mitmproxy import certs
from OpenSSL import SSL, crypto

from gateway.identity.document import Certificates
from gateway.identity.files import canonical

logger = logging.getLogger("leakgate.proxy")

SAID_SECONDS = 60.0
"""How often the same is said of certificates that are refused."""

type Revoked = Callable[[], Sequence[x509.CertificateRevocationList] | None]
"""The revocation lists as they are now; None where none are looked at."""


class ClientCertificates:
    """What asks for certificates as `settings` say. Raises OSError or ValueError for a bad `ca`."""

    def __init__(self, settings: Certificates, revoked: Revoked) -> None:
        x509.load_pem_x509_certificates(settings.ca.read_bytes())
        self._settings = settings
        self._revoked = revoked
        self._lists = revoked()
        self._contexts: dict[Path | None, SSL.Context] = {}
        self._said: dict[int, float] = {}

    def connection(self, entry: certs.CertStoreEntry) -> SSL.Connection:
        """A server's side of TLS that shows `entry` and asks for a certificate."""
        lists = self._revoked()
        if lists is not self._lists:
            self._lists = lists
            self._contexts.clear()
        made = self._contexts.get(entry.chain_file)
        if made is None:
            made = self._contexts[entry.chain_file] = self._context(entry.chain_file)
        connection = SSL.Connection(made)
        connection.use_certificate(entry.cert.to_cryptography())
        connection.use_privatekey(entry.privatekey)
        connection.set_accept_state()
        return connection

    def _context(self, chain: Path | None) -> SSL.Context:
        made = SSL.Context(SSL.TLS_SERVER_METHOD)
        made.set_min_proto_version(SSL.TLS1_2_VERSION)
        # Each connection shows its certificate anew.
        made.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        made.set_options(SSL.OP_NO_TICKET)
        for certificate in x509.load_pem_x509_certificates(chain.read_bytes()) if chain else ():
            made.add_extra_chain_cert(certificate)
        made.load_verify_locations(str(self._settings.ca))
        how = SSL.VERIFY_PEER
        if self._settings.required:
            how |= SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        if self._lists is not None:
            store = made.get_cert_store()
            assert store is not None
            for each in self._lists:
                store.add_crl(each)
            # INVARIANT: all of a chain: an authority that was revoked vouches for nobody.
            flags = crypto.X509StoreFlags
            store.set_flags(flags.CRL_CHECK | flags.CRL_CHECK_ALL)
        made.set_verify(how, self._verified)
        return made

    def _verified(
        self,
        _connection: SSL.Connection,
        certificate: crypto.X509,
        error: int,
        _depth: int,
        good: int,
    ) -> bool:
        """What OpenSSL says, unchanged; told to operators where they have to do something."""
        why = _TOLD.get(error)
        if not good and why is not None:
            now = time.monotonic()
            if now - self._said.get(error, -SAID_SECONDS) >= SAID_SECONDS:
                self._said[error] = now
                issuer = certificate.to_cryptography().issuer.rfc4514_string()
                logger.error("client certificates of `%s` are refused: %s", issuer, why)
        return bool(good)

    def name(self, connection: SSL.Connection) -> str:
        """The name in the certificate that was verified; empty for none."""
        found = connection.get_peer_certificate(as_cryptography=True)
        if found is None:
            return ""
        names: list[str] = []
        if self._settings.name == "common_name":
            common = found.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
            names = [str(each.value) for each in common]
        else:
            kind = x509.RFC822Name if self._settings.name == "email" else x509.DNSName
            try:
                extension = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
                names = extension.value.get_values_for_type(kind)
            except (x509.ExtensionNotFound, ValueError):
                return ""
        return canonical(names[0]) if len(names) == 1 else ""


_TOLD: Final = {
    3: "there is no revocation list of it in `identity.certificates.crl_file`",
    8: "its revocation list is not signed by it",
    11: "its revocation list is not valid yet",
    12: "its revocation list has run out; put a new one into `identity.certificates.crl_file`",
}
"""Errors of OpenSSL (x509_vfy.h) that are no fault of the client, and what to do."""
