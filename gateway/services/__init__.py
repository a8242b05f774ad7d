"""Who is called? The catalogue of AI services: hosts, operations and what is known of each.

Law: vendors are data. A service is one YAML file, and code here knows none of them by name.
"""

from __future__ import annotations

from gateway.services.catalogue import (
    UNKNOWN_ROUTE,
    UNKNOWN_SERVICE,
    Catalogue,
    Service,
    route_of,
)
from gateway.services.document import CATEGORIES, PROTOCOLS, ServiceDocument
from gateway.services.facts import Facts, vocabulary

__all__ = [
    "CATEGORIES",
    "PROTOCOLS",
    "UNKNOWN_ROUTE",
    "UNKNOWN_SERVICE",
    "Catalogue",
    "Facts",
    "Service",
    "ServiceDocument",
    "route_of",
    "vocabulary",
]
