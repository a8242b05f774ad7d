"""Who signs the certificates that clients see? The gateway's own certificate authority.

Law: the private key exists in one file, readable by its owner alone, and is never printed. The
files are written atomically, so that a crash leaves the old authority or the new one.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

KEY_FILE = "leakgate-ca.pem"
"""Private key and certificate together, owner-readable only."""

CERTIFICATE_FILE = "leakgate-ca-cert.pem"
"""The certificate alone, for clients."""

PREVIOUS_FILE = "leakgate-ca-previous.pem"
"""The certificate before the last rotation: clients may need both for a while."""

_LIFETIME = dt.timedelta(days=3650)


class AuthorityError(Exception):
    """The authority's files are unusable; the text says which and what to do."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority on disk. `folder` holds the three files named above."""

    folder: Path
    not_after: dt.datetime
    fingerprint: str

    @property
    def key_path(self) -> Path:
        """The file with the private key."""
        return self.folder / KEY_FILE

    @property
    def certificate_path(self) -> Path:
        """The file with the certificate only."""
        return self.folder / CERTIFICATE_FILE

    def certificates(self) -> str:
        """The PEM text that clients should trust: this certificate and the one before it."""
        texts = [self.certificate_path.read_text(encoding="ascii")]
        previous = self.folder / PREVIOUS_FILE
        if previous.exists():
            texts.append(previous.read_text(encoding="ascii"))
        return "".join(texts)


def ensure(folder: Path) -> Authority:
    """The authority in `folder`; made there when there is none yet."""
    if not (folder / KEY_FILE).exists():
        _create(folder)
    return load(folder)


def load(folder: Path) -> Authority:
    """The authority in `folder`. `AuthorityError` when its files are missing, open or broken."""
    path = folder / KEY_FILE
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except OSError as error:
        raise AuthorityError(f"`{path}` cannot be read: {error.strerror}") from None
    if mode & 0o077:
        raise AuthorityError(
            f"`{path}` holds the CA's private key and others can read it: run `chmod 600 {path}`"
        )
    try:
        key = serialization.load_pem_private_key(data, None)
        certificate = x509.load_pem_x509_certificates(data)[0]
    except (ValueError, TypeError, IndexError):
        raise AuthorityError(f"`{path}` does not hold a PEM private key and certificate") from None
    if key.public_key() != certificate.public_key():
        raise AuthorityError(f"`{path}`: the key does not belong to the certificate")
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        # Python 3.13 and others verify strictly (RFC 5280 §4.2.1.3) and would refuse every page.
        raise AuthorityError(
            f"`{path}`: a CA certificate needs the extensions basicConstraints and keyUsage"
        ) from None
    if not basic.ca or not usage.key_cert_sign:
        raise AuthorityError(f"`{path}`: this certificate may not sign others (keyCertSign)")
    if certificate.not_valid_after_utc < dt.datetime.now(dt.UTC):
        raise AuthorityError(f"`{path}` has expired: run `leakgate ca rotate`")
    public = folder / CERTIFICATE_FILE
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    if not public.exists() or public.read_bytes() != pem:
        _write(public, pem, mode=0o644)
    return Authority(
        folder, certificate.not_valid_after_utc, certificate.fingerprint(hashes.SHA256()).hex()
    )


def rotate(folder: Path) -> Authority:
    """Make a new key and certificate; the old certificate (not its key) is kept for clients."""
    current = folder / CERTIFICATE_FILE
    if current.exists():
        _write(folder / PREVIOUS_FILE, current.read_bytes(), mode=0o644)
    _create(folder)
    return load(folder)


def _create(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, f"Leakgate CA {now:%Y-%m-%d}"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Leakgate"),
        ]
    )
    public = key.public_key()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=2))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=False,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(folder / KEY_FILE, secret + pem, mode=0o600)
    _write(folder / CERTIFICATE_FILE, pem, mode=0o644)


def _write(path: Path, data: bytes, *, mode: int) -> None:
    """Write a file so that nobody ever sees half of it, or it with wider rights than `mode`."""
    descriptor, name = tempfile.mkstemp(dir=path.parent)  # made with mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode)  # noqa: PTH101  # a name just made here
        os.replace(name, path)  # noqa: PTH105  # atomic rename of it
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)  # noqa: PTH108
        raise
