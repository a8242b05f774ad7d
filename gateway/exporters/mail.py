"""How does a digest get to its receivers? By SMTP, encrypted, to the server that the operator named.

Law: the connection is by TLS from the first byte or after STARTTLS, and verified; without it nothing
is sent, but to this machine. One that names its digest by the same Message-ID can be told apart when it
comes twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import smtplib
import socket
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

from gateway.exporters import digest
from gateway.exporters.digest import Digest
from gateway.exporters.document import Mail
from gateway.exporters.reach import Reach
from gateway.exporters.sink import Cause, Undelivered
from gateway.incidents.record import Incident

_SECONDS = 20.0


class MailSink:
    """Makes a connection for each digest."""

    batch = 200

    def __init__(
        self,
        export: Mail,
        *,
        reach: Reach,
        tls: ssl.SSLContext,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._export = export
        self._reach = reach
        self._tls = tls
        self._clock = clock
        # A thread of its own: a server that hangs takes this one and no other.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"export-{export.name}")

    async def send(self, incidents: Sequence[Incident]) -> None:
        """Send a digest of these very incidents, to try it out."""
        await self.post(digest.of_incidents(incidents, self._clock()))

    async def post(self, told: Digest) -> tuple[str, ...]:
        """Send a digest; the receivers that the server refuses while it takes others."""
        host, port = self._export.host_port
        addresses = await self._reach.addresses(host, port)
        secret = self._export.password.value() if self._export.password else ""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._thread, self._deliver, self.message(told), addresses, secret
        )

    async def close(self) -> None:
        """Nothing is held between digests."""

    def message(self, told: Digest) -> EmailMessage:
        """The digest as a mail."""
        export = self._export
        made = EmailMessage()
        made["From"] = export.sender
        made["To"] = ", ".join(export.receivers)
        made["Subject"] = digest.subject(export, told)
        made["Date"] = format_datetime(self._clock())
        # The same for the same digest, whichever gateway sends it.
        named = f"{export.name} {told.since.timestamp()} {told.until.timestamp()}".encode()
        domain = export.sender.rpartition("@")[2]
        made["Message-ID"] = f"<{hashlib.sha256(named).hexdigest()[:32]}@{domain}>"
        made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer is wanted
        made.set_content(digest.text(export, told))
        made.add_alternative(digest.html(export, told), subtype="html")
        return made

    def _deliver(
        self, message: EmailMessage, addresses: Sequence[str], secret: str
    ) -> tuple[str, ...]:
        try:
            with self._connected(addresses) as server:
                if self._export.starttls:
                    server.starttls(context=self._tls)
                    server.ehlo()
                if self._export.user:
                    server.login(self._export.user, secret)
                refused = server.send_message(message)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise Undelivered(_cause(error)) from None
        return tuple(refused)

    def _connected(self, addresses: Sequence[str]) -> smtplib.SMTP:
        host, port = self._export.host_port
        kind = _Encrypted if self._export.encrypted else _Plain
        made = kind(addresses, self._tls)
        made.open(host, port)
        return made


class _Plain(smtplib.SMTP):
    """A connection to the addresses that were checked, and to no others that the name may have."""

    def __init__(self, addresses: Sequence[str], tls: ssl.SSLContext) -> None:
        super().__init__(timeout=_SECONDS)
        self._addresses = addresses
        self._context = tls

    def open(self, host: str, port: int) -> None:
        """Connect, and hear the greeting."""
        self._host = host  # what STARTTLS verifies
        code, _ = self.connect(host, port)
        if code != 220:
            self.close()
            raise smtplib.SMTPConnectError(code, b"")

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        failure: OSError = ConnectionError()
        for address in self._addresses:
            try:
                return self._wrapped(socket.create_connection((address, port), timeout), host)
            except ssl.SSLError:
                raise
            except OSError as error:
                failure = error
        raise failure

    def _wrapped(self, made: socket.socket, host: str) -> socket.socket:  # noqa: ARG002  # for those that encrypt
        return made


class _Encrypted(_Plain):
    """The same, by TLS from the first byte."""

    def _wrapped(self, made: socket.socket, host: str) -> socket.socket:
        try:
            return self._context.wrap_socket(made, server_hostname=host)
        except BaseException:
            made.close()
            raise


def _cause(error: Exception) -> Cause:
    match error:
        case smtplib.SMTPAuthenticationError():
            return "auth"
        case smtplib.SMTPNotSupportedError():
            # No STARTTLS, or no login, where the settings ask for it.
            return "protocol"
        case smtplib.SMTPServerDisconnected():
            return "closed"
        case smtplib.SMTPRecipientsRefused():
            codes = [code for code, _ in error.recipients.values()]
            return "busy" if all(400 <= code < 500 for code in codes) else "refused"
        case smtplib.SMTPResponseException():
            return "busy" if 400 <= error.smtp_code < 500 else "refused"
        case ssl.SSLError() | ssl.CertificateError():
            return "tls"
        case TimeoutError():
            return "timeout"
        case ConnectionResetError() | BrokenPipeError():
            return "closed"
        case OSError():
            return "connect"
        case _:
            return "error"
