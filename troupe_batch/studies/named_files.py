"""Files that a study names, read with all that is wrong with any of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.plain_files import named_file
from troupe_batch.spec_files import dotted
from troupe_batch.spec_messages import Place

_T = TypeVar("_T")


class NamedFiles:
    """Reads one file after the other beside the job file, and keeps what is wrong until all were tried."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mistakes: list[Mistake] = []

    def read(self, name: str, place: Place, reader: Callable[[Path], _T]) -> _T | None:
        """What the reader makes of the file that the study names at this place; None where it cannot be had."""
        try:
            return reader(named_file(self._folder, name))
        except SpecError as error:
            at = dotted(("study", *place))
            for one in error.mistakes:
                # With the line in that file, where it has one; the line of the job is that of the place.
                said = f"{error.file}{Mistake(one.problem, '', one.place, one.line)}"
                self._mistakes.append(Mistake(said, one.cure, at))
            return None

    def raise_if_any(self) -> None:
        """SpecError with the mistakes of all files, each at the place that names the file."""
        if self._mistakes:
            raise SpecError("job", self._mistakes)
