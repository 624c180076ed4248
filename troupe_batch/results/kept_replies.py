"""Replies that were paid for and that the cache could not take: kept beside the results until it can.

One object per process, `unsaved/<process>.json`. Whoever works at the run next reads them before asking a model.
"""

from __future__ import annotations

import base64
import logging
import secrets
from collections.abc import Mapping
from typing import Any

import orjson

from troupe_batch.errors import StateUnreachable
from troupe_batch.results.store import RunStore

UNSAVED_SCHEMA = "troupe_batch/unsaved/1"
_FOLDER = "unsaved"
_LOG = logging.getLogger(__name__)


class KeptReplies:
    """Replies that one process keeps, and those it finds of others. Belongs to one event loop."""

    def __init__(self, store: RunStore) -> None:
        self.store = store
        self._own = f"{_FOLDER}/{secrets.token_hex(8)}.json"
        self._kept: frozenset[bytes] = frozenset()
        self._found: tuple[str, ...] = ()

    async def find(self) -> dict[bytes, bytes]:
        """The replies of others, by cache key. What cannot be read is passed over with a log line."""
        found: dict[bytes, bytes] = {}
        paths = sorted([stored.path async for stored in self.store.objects.list(_FOLDER)])
        self._found = tuple(path for path in paths if path != self._own)
        for path in self._found:
            data = await self.store.objects.get(path)
            if data is not None:
                found.update(_replies_in(data, path, self.store.run_id))
        return found

    async def forget_found(self) -> None:
        """Removes what `find` brought: the cache has it now."""
        for path in self._found:
            await self.store.objects.delete(path)
        self._found = ()

    async def keep(self, replies: Mapping[bytes, bytes]) -> None:
        """Makes these the replies that this process keeps; none of them removes the object."""
        if self._kept == replies.keys():
            return
        try:
            if replies:
                await self.store.objects.put(self._own, _as_json(replies))
            else:
                await self.store.objects.delete(self._own)
        except StateUnreachable as error:
            # They stay in memory, and are kept at the next call if they can be.
            facts = {"action": "replies_not_kept", "count": len(replies), "reason": str(error)}
            _LOG.error("Paid replies could be stored neither in the cache nor beside the results", extra=facts)
            return
        self._kept = frozenset(replies)
        if replies:
            facts = {"action": "replies_kept", "count": len(replies)}
            _LOG.warning("Paid replies wait beside the results; the next attempt puts them into the cache", extra=facts)


def _as_json(replies: Mapping[bytes, bytes]) -> bytes:
    coded = {key.hex(): base64.b64encode(value).decode() for key, value in replies.items()}
    return orjson.dumps({UNSAVED_SCHEMA: coded})


def _replies_in(data: bytes, path: str, run_id: str) -> dict[bytes, bytes]:
    try:
        content: dict[str, Any] = orjson.loads(data)
        return {bytes.fromhex(key): base64.b64decode(value) for key, value in content[UNSAVED_SCHEMA].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        facts = {"action": "kept_replies_damaged", "run_id": run_id, "path": path, "error": type(error).__name__}
        _LOG.warning("Kept replies cannot be read and are passed over", extra=facts)
        return {}
