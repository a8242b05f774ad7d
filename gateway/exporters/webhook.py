"""How does a web address of the company's own learn of incidents? By a signed POST.

Law: the signature is HMAC-SHA256 over the time, a full stop and the body as sent, so a receiver that
checks both cannot be given another body or an old one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Callable, Sequence

from gateway.exporters.document import Webhook
from gateway.exporters.plain import document
from gateway.exporters.post import Post
from gateway.exporters.reach import Reach
from gateway.incidents.record import Incident

SIGNATURE = "Leakgate-Signature"


class WebhookSink:
    """Posts `{"events": […]}`."""

    batch = 100

    def __init__(
        self,
        export: Webhook,
        *,
        reach: Reach,
        tls: ssl.SSLContext,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._export = export
        self._post = Post(export.to, reach=reach, tls=tls)
        self._clock = clock

    async def send(self, incidents: Sequence[Incident]) -> None:
        """One POST; any status but 2xx is a failure."""
        events = [document(incident, self._export.format) for incident in incidents]
        body = json.dumps({"events": events}, ensure_ascii=False, separators=(",", ":")).encode()
        secret = self._export.secret.value()
        answer = await self._post(body, {SIGNATURE: sign(body, secret, int(self._clock()))})
        answer.judge()

    async def close(self) -> None:
        """Close the connection."""
        await self._post.close()


def sign(body: bytes, secret: str, at: int) -> str:
    """The value of the header: `t=` seconds since 1970, `v1=` the signature in hex."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"
