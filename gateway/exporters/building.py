"""Which sink belongs to this setting? And can it be built with the files that are named?

Law: what can be known without the network is known at start: a certificate or secret that cannot be
read is a problem of the settings, with the export's name.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import assert_never

from gateway.documents import Problem
from gateway.exporters.document import Export, Kafka, Lines, Mail, Secret, Splunk, Syslog, Webhook
from gateway.exporters.lines import LinesSink
from gateway.exporters.mail import MailSink
from gateway.exporters.reach import Reach, tls_context
from gateway.exporters.sink import Sink, Undelivered
from gateway.exporters.splunk import SplunkSink
from gateway.exporters.syslog import SyslogSink
from gateway.exporters.webhook import WebhookSink


def sink(export: Export, reach: Reach) -> Sink:
    """The sink of `export`. Raises OSError when a certificate cannot be used."""
    match export:
        case Syslog():
            return SyslogSink(export, reach=reach, tls=_tls(export))
        case Splunk():
            return SplunkSink(export, reach=reach, tls=_tls(export))
        case Webhook():
            return WebhookSink(export, reach=reach, tls=_tls(export))
        case Kafka():
            from gateway.exporters.kafka import KafkaSink  # noqa: PLC0415  # half a second

            return KafkaSink(export, reach=reach, tls=_tls(export))
        case Mail():
            return MailSink(export, reach=reach, tls=_tls(export))
        case Lines():
            return LinesSink(export)
        case other:
            assert_never(other)


def linked(export: Export, console: str) -> Export:
    """The export with the address of the console, if it shows one and none was said."""
    if isinstance(export, Mail) and not export.console:
        return export.model_copy(update={"console": console})
    return export


def problems(exports: Iterable[Export]) -> list[Problem]:
    """What is wrong with files and variables that the exports name."""
    found = []
    for export in exports:
        place = f"setting exports, `{export.name}`"
        match export:
            case Splunk(token=secret) | Webhook(secret=secret) | Kafka(password=Secret() as secret):
                try:
                    secret.value()
                except Undelivered:
                    what = f"file `{secret.file}`" if secret.file else f"variable `{secret.env}`"
                    found.append(Problem(place, 0, 0, f"no secret can be read from {what}"))
            case Lines():
                if not export.to.parent.is_dir():
                    found.append(Problem(place, 0, 0, f"`{export.to.parent}` is not a folder"))
            case Syslog() | Kafka() | Mail():
                pass
            case other:
                assert_never(other)
        if not isinstance(export, Lines):
            try:
                _tls(export)
            except OSError as error:  # ssl.SSLError is one
                files = [str(path) for path in (export.ca, export.client_certificate) if path]
                why = error.strerror or type(error).__name__
                found.append(Problem(place, 0, 0, f"`{', '.join(files)}` cannot be used: {why}"))
    return found


def _tls(export: Syslog | Splunk | Webhook | Kafka | Mail) -> ssl.SSLContext:
    return tls_context(export.ca, export.client_certificate)
