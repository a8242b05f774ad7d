"""A vault of a few values, for answers that get values of earlier requests."""

from __future__ import annotations

import asyncio


class Shelf:
    """Gives the values of its tokens to everybody, unless it is to fail."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values
        self.fails = False

    async def keep(self, _actor, _issued, *, key_id):  # noqa: ARG002  # the vault's signature
        return frozenset()

    async def find(self, _actor, tokens):
        await asyncio.sleep(0)
        if self.fails:
            raise RuntimeError("no vault")
        return {token: self._values[token] for token in tokens if token in self._values}

    async def key_of(self, _actor):
        return "k1"

    async def token_key(self, _actor):
        return "k1"
