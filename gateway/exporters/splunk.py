"""How does Splunk learn of incidents? By its HTTP Event Collector, several events in one request.

Law: an event's time is the incident's, so that late ones are filed where they belong; what Splunk
refuses because of how it is set up is never taken for an event's fault.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Sequence

from gateway.exporters.document import Splunk
from gateway.exporters.plain import document
from gateway.exporters.post import Answer, Post
from gateway.exporters.reach import Reach
from gateway.exporters.sink import Undelivered
from gateway.incidents.record import Incident

PATH = "/services/collector/event"

# "Troubleshoot HTTP Event Collector", table of status codes.
_AUTH = frozenset({1, 2, 3, 4})
_OURS = frozenset({6, 12, 13, 15})  # the data itself
_BUSY = frozenset({9, 18, 19, 20})


class SplunkSink:
    """Posts events one after another in one body, as the collector reads them."""

    batch = 200

    def __init__(self, export: Splunk, *, reach: Reach, tls: ssl.SSLContext) -> None:
        base = export.to.rstrip("/")
        self._export = export
        self._post = Post(base if base.endswith(PATH) else base + PATH, reach=reach, tls=tls)
        self._host = socket.gethostname()

    async def send(self, incidents: Sequence[Incident]) -> None:
        """One POST with all events."""
        body = "\n".join(
            json.dumps(self._event(incident), ensure_ascii=False, separators=(",", ":"))
            for incident in incidents
        )
        token = self._export.token.value()
        answer = await self._post(body.encode(), {"authorization": f"Splunk {token}"})
        _judge(answer)

    def _event(self, incident: Incident) -> dict[str, object]:
        event: dict[str, object] = {
            "time": f"{incident.at.timestamp():.3f}",
            "host": self._host,
            "source": self._export.source,
            "sourcetype": self._export.sourcetype,
            "event": document(incident, self._export.format),
        }
        if self._export.index:
            event["index"] = self._export.index
        return event

    async def close(self) -> None:
        """Close the connection."""
        await self._post.close()


def _judge(answer: Answer) -> None:
    if answer.status != 400:
        answer.judge()
        return
    try:
        code = json.loads(answer.body).get("code")
    except (ValueError, AttributeError, RecursionError):
        code = None
    if code in _AUTH:
        raise Undelivered("auth")
    if code in _BUSY:
        raise Undelivered("busy", after=answer.after)
    # Among the rest is 7, an index that is not there: it would be wrong for every event.
    raise Undelivered("refused", at_fault=code in _OURS)
