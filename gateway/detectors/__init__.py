"""What is sensitive in a text? See `engine` for the way that a text takes.

Public: `Engine.build(...)`, `Engine.scan(...)`, `ScanResult`, `Settings`, `entity_names()`,
`prepare()`, `groups()` and `entities()` of what ships, `Settings.entities()` with a company's own, `Custom` and
`problems()` of it; `Registered` and `misfit()` of it; `detector_names()` of those that tell kinds of an entity apart.

The engine brings Presidio and spaCy, which take a second to load: that happens with the first use
of `Engine`, not for whoever only wants to know the names of entities.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from gateway.detectors.catalogue import Entity, entities, entity_names, groups
from gateway.detectors.custom import Custom, problems
from gateway.detectors.kinds import detector_names
from gateway.detectors.registered import TERM, Column, Registered, columns_of, misfit
from gateway.detectors.settings import Internal, Nlp, Settings

if TYPE_CHECKING:
    from gateway.detectors.engine import Engine, ScanResult
    from gateway.detectors.names import ModelMissing

__all__ = [
    "TERM",
    "Column",
    "Custom",
    "Engine",
    "Entity",
    "Internal",
    "ModelMissing",
    "Nlp",
    "Registered",
    "ScanResult",
    "Settings",
    "columns_of",
    "detector_names",
    "entities",
    "entity_names",
    "groups",
    "misfit",
    "prepare",
    "problems",
]

_LATER = {"Engine": "engine", "ScanResult": "engine", "ModelMissing": "names"}


def prepare() -> None:
    """Load what all engines share, so that one is built in a moment."""
    import_module(f"{__name__}.engine").prepare()


def __getattr__(name: str) -> object:
    if name in _LATER:
        return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    raise AttributeError(f"module `{__name__}` has no `{name}`")
