"""What does mitmproxy check on every message that a gateway need not pay for?

Law: only checks of mitmproxy on itself are left out (types of its own dataclasses, order of its own
events); nothing that looks at traffic. Applied once, before mitmproxy's layers are imported,
because `expect` decorates their methods.
"""

from __future__ import annotations

from collections.abc import Callable

from mitmproxy import http
from mitmproxy.proxy import utils


def _expect(*_: type) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """mitmproxy's `expect` as it is under `python -O`: the method itself."""
    return lambda method: method


def _post_init(_: http.MessageData) -> None:
    """No type check of a message's fields."""


def apply() -> None:
    """Leave the checks out."""
    utils.expect = _expect
    if hasattr(http.MessageData, "__post_init__"):
        http.MessageData.__post_init__ = _post_init  # type: ignore[method-assign]
