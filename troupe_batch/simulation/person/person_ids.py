"""What people are known by in the data: a number in their population, or their name."""

from __future__ import annotations

import re

_NOT_IN_AN_ID = re.compile(r"[\W_]+")


def person_id_of(index: int) -> str:
    """The stable id of person `index` of a population, for example `p000017`."""
    return f"p{index:06d}"


def person_id_from(name: str) -> str:
    """An id made of a name, for example `lisa-carter`; that of nobody in particular where it holds no letter."""
    return _NOT_IN_AN_ID.sub("-", name.casefold()).strip("-") or person_id_of(0)
