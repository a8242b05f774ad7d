"""Whom does a client's certificate name, on TLS to the proxy itself?

Law: OpenSSL verifies the certificate within the handshake, by the authorities that the settings name
and no others, ours included; a name that stands there twice, or not at all, names nobody.
"""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from mitmproxy import certs
from OpenSSL import SSL

from gateway.identity.document import Certificates
from gateway.identity.files import canonical


class ClientCertificates:
    """What asks for certificates as `settings` say. Raises OSError or ValueError for a bad `ca`."""

    def __init__(self, settings: Certificates) -> None:
        x509.load_pem_x509_certificates(settings.ca.read_bytes())
        self._settings = settings
        self._contexts: dict[Path | None, SSL.Context] = {}

    def connection(self, entry: certs.CertStoreEntry) -> SSL.Connection:
        """A server's side of TLS that shows `entry` and asks for a certificate."""
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
        made.set_verify(how)
        return made

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
