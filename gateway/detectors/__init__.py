"""What is sensitive in a text? See `engine` for the way that a text takes.

Public: `Engine.build(...)`, `Engine.scan(...)`, `ScanResult`, `Settings`, `entity_names()`,
`groups()` and `entities()`.
"""

from gateway.detectors.catalogue import Entity, entities, entity_names, groups
from gateway.detectors.engine import Engine, ScanResult
from gateway.detectors.names import ModelMissing
from gateway.detectors.settings import Nlp, Settings

__all__ = [
    "Engine",
    "Entity",
    "ModelMissing",
    "Nlp",
    "ScanResult",
    "Settings",
    "entities",
    "entity_names",
    "groups",
]
