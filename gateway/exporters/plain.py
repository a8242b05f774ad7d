"""What is an incident in JSON of our own? The record, without what only the console needs.

Law: masked previews stay at home. They are safe to show, but a copy elsewhere is one more place, and
nobody counts by them.
"""

from __future__ import annotations

from typing import Any, Literal, assert_never

from gateway.exporters import ocsf
from gateway.incidents.record import Incident, to_data

type Format = Literal["json", "ocsf"]


def document(incident: Incident, form: Format) -> dict[str, Any]:
    """The incident as plain values, in the form that was set."""
    match form:
        case "json":
            return own(incident)
        case "ocsf":
            return ocsf.event(incident)
        case other:
            assert_never(other)


def own(incident: Incident) -> dict[str, Any]:
    """The record as it is documented, with its kind."""
    data = to_data(incident)
    for group in data["findings"]:
        del group["preview"]
    del data["asked"]  # of use only to ask rules again, which is done where they are
    return {"type": "leakgate.incident", **data}
