"""Calls made at the same time, without giving up any that is paid for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from troupe_batch.errors import RecordAndGoOn, StopTheJob

T = TypeVar("T")


async def all_ended(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T | BaseException]:
    """What each call brought, in the order given: its result or its error. Nothing is cancelled because of another."""
    return await asyncio.gather(*calls, return_exceptions=True)


def raise_gravest(outcomes: Sequence[object]) -> None:
    """Raises the error that nobody can record and go on from: what stops the job first, else the first in order."""
    graves = [one for one in outcomes if isinstance(one, BaseException) and not isinstance(one, RecordAndGoOn)]
    if graves:
        raise next((one for one in graves if isinstance(one, StopTheJob)), graves[0])


def raise_first(outcomes: Sequence[object]) -> None:
    """Raises the gravest error, else the first that can be recorded; comes back where there is none at all."""
    raise_gravest(outcomes)
    for one in outcomes:
        if isinstance(one, BaseException):
            raise one
