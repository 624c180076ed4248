"""Parts that can be read of a file in which something is wrong, so that the rest is checked in the same round."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from troupe_batch.spec_messages import Place, real_place

_Model = TypeVar("_Model", bound=BaseModel)
_MOST_ROUNDS = 20


class Partial(Generic[_Model]):
    """A model of data without the parts that are wrong."""

    def __init__(self) -> None:
        self.model: _Model | None = None
        self._gone: set[Place] = set()
        self._kept: dict[Place, list[int]] = {}

    @classmethod
    def of(cls, model: type[_Model], data: Any) -> Partial[_Model]:
        """What is left of the data; its `model` is None where nothing is that could be one."""
        partial = cls()
        for _ in range(_MOST_ROUNDS):
            left = partial._rest(data, ())
            try:
                partial.model = model.model_validate(left)
            except ValidationError as error:
                if not partial._take_out(left, error.errors(include_url=False), model):
                    break
            else:
                break
        return partial

    def original(self, place: Place) -> Place:
        """Where this place of the model stands in the data; items of lists have moved up."""
        moved: list[str | int] = []
        for step in place:
            kept = self._kept.get(tuple(moved))
            moved.append(kept[step] if kept is not None and isinstance(step, int) and step < len(kept) else step)
        return tuple(moved)

    def _take_out(self, left: Any, details: Iterable[ErrorDetails], model: type[_Model]) -> bool:
        """Whether there was something smaller than all of it that could be taken out."""
        for detail in details:
            place = self.original(real_place(model, left, detail))
            # A field that is not there cannot go; what it is missing from can.
            gone = place[:-1] if detail["type"] == "missing" else place
            if not gone:
                return False
            self._gone.add(gone)
        return True

    def _rest(self, value: Any, place: Place) -> Any:
        if isinstance(value, dict):
            return {
                key: self._rest(item, (*place, key)) for key, item in value.items() if (*place, key) not in self._gone
            }
        if isinstance(value, list):
            kept = [index for index in range(len(value)) if (*place, index) not in self._gone]
            self._kept[place] = kept
            return [self._rest(value[index], (*place, index)) for index in kept]
        return value
