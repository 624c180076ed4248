"""Values that were stored as JSON, held to the types that are declared for them."""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from typing import Any, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

_T = TypeVar("_T")


def as_declared(kind: type[_T], content: Any, *, is_part: bool = False) -> _T:
    """The dataclass of JSON values; ValueError in one line where a value is missing, unknown or of another type.

    `is_part`: there is more in the content than this, and that is no mistake.

    Whoever can write into a folder of results can write anything: a text where a number is declared must not be met
    later, where it is reckoned with.
    """
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type] # a dataclass, as the callers give
    if not is_part and isinstance(content, dict) and (unknown := [name for name in content if name not in known]):
        raise ValueError(f"{unknown[0]}: unknown field")
    adapter = _adapter(kind)  # type: ignore[arg-type] # a class can be hashed
    try:
        text = orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS)
        value: _T = adapter.validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or kind.__name__
        raise ValueError(f"{place}: {first['msg']}") from error
    return value


@lru_cache(maxsize=32)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
