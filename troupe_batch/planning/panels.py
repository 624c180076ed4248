"""People who were drawn once and kept in a file, as plans know them; reading the file is for the layers above."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from troupe_batch.declared import as_declared
from troupe_batch.population.spec import EnrichLevel, PopulationSpec
from troupe_batch.simulation.person.person import TinyPerson

PANEL_SUFFIX = ".parquet"


@dataclass(frozen=True, slots=True)
class PanelInfo:
    """A panel in short. `digest` is SHA-256 (hex) of its people and of how they came about, however they are stored.

    `enrich` is how much prose `model` wrote about each person; `without_prose` says for how many it brought none.
    `is_rehearsal`: the prose is that of the rehearsal server, of no meaning at all.
    """

    digest: str
    people: int
    enrich: EnrichLevel = EnrichLevel.NONE
    model: str | None = None
    without_prose: int = 0
    is_rehearsal: bool = False

    def as_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any] | None) -> PanelInfo | None:
        """What `as_json` gave; None for None."""
        return None if content is None else as_declared(cls, content)


class FrozenPeople(Protocol):
    """The people of a panel: `results.panel.Panel` is one."""

    @property
    def info(self) -> PanelInfo:
        """The panel in short."""
        ...

    @property
    def spec(self) -> PopulationSpec:
        """The population that the people were drawn from."""
        ...

    def facts(self, start: int, stop: int) -> Mapping[str, Sequence[object]]:
        """Fact -> values of the people `start` to `stop - 1`."""
        ...

    def people(self, start: int, stop: int) -> list[TinyPerson]:
        """People `start` to `stop - 1`, with all the prose that was written about them."""
        ...


PanelReader: TypeAlias = Callable[[Path], FrozenPeople]
"""Opens a panel and checks that it is what was frozen; SpecError where it is not."""
