"""People of a population: facts of any stretch of them, computed from the file and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Bools, Ints
from troupe_batch.expressions.kinds import Kind
from troupe_batch.persona.files import AgentFile
from troupe_batch.persona.persona import Persona, Scalar
from troupe_batch.population.checks import agents_of, check, fragments_of
from troupe_batch.population.comparison import Chosen, TargetComparison
from troupe_batch.population.drawing.blocks import Blocks, Weights
from troupe_batch.population.drawing.quotas import Quotas, is_plain
from troupe_batch.population.drawing.targets import unmet
from troupe_batch.population.factors import Places
from troupe_batch.population.facts.fragments import Fragments, stated_kinds
from troupe_batch.population.facts.making import FactMaker, FactTable
from troupe_batch.population.facts.name_locales import NameLocales
from troupe_batch.population.facts.names import gender_of
from troupe_batch.population.joint.compiling import compile_model
from troupe_batch.population.margins import ControlCell, DesignEffect, Margin, PopulationFinding, Redrawn
from troupe_batch.population.model import Codes, Model
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.spec_files import SpecFile

_DRAWING = 3
_DRAWING_IF_PLAIN = 2
_GENDER_DIMENSIONS = ("gender", "sex")


def drawing_of(spec: PopulationSpec) -> int:
    """The version of the code that draws these people: plans of another one cannot be resumed.

    Raised with every change after which files of a kind give other people: plain ones, in which nothing ties dimensions
    together, or all others.
    """
    return _DRAWING_IF_PLAIN if is_plain(spec) else _DRAWING


class Population:
    """N people, of whom person n is a function of the file and n alone, and every prefix of whom is balanced."""

    def __init__(self, spec: PopulationSpec, *, places: Places | None = None) -> None:
        """Checks the whole of `spec`; SpecError names what contradicts. `places` says where its parts were written."""
        places = places or Places(SpecFile(spec.id, {}, {}))
        if spec.proposed:
            places.add(("proposed",), *_PROPOSED)
        check(spec, places)
        self.spec = spec
        self.size = spec.count
        self._model = compile_model(spec, places)
        self._quotas = Quotas(spec, self._model, places)
        self._blocks = Blocks(self._quotas.block)
        self._facts = FactMaker(spec, self._model, places)
        conditional = any(fragment.when for fragment in spec.persona.fragments)
        self._fragments = Fragments(spec, self.kinds if conditional else {}, places)
        self._names = NameLocales(spec, self._model, places)
        places.raise_if_any()
        self._comparison = TargetComparison(spec, self._model, self._facts, self._blocks)
        self._weights = None if self._model.design is None else Weights(self._model.design, self._model.factors)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of the file, hex."""
        return self.spec.digest

    @property
    def model(self) -> Model:
        """What the file compiles to."""
        return self._model

    @cached_property
    def agents(self) -> tuple[AgentFile, ...]:
        """The agents that are the population, where it is one of `people`; else none."""
        return agents_of(self.spec)

    @cached_property
    def fragments(self) -> tuple[Persona, ...]:
        """The fragments that are merged into some or all of the people."""
        return fragments_of(self.spec)

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        """What each dimension and derived field is, and each fact that agent files state."""
        return stated_kinds(self._stated_facts(0, self.size)) if self.spec.people else self._facts.kinds

    @cached_property
    def findings(self) -> tuple[PopulationFinding, ...]:
        """What is allowed but should be known; with `exact: true` also what could not be met, which draws everybody."""
        if not self.spec.sampling.exact or self.spec.people:
            return self._model.findings
        return (*self._model.findings, *unmet(self.margins(), self.control_cells(), self._quotas.targets))

    def facts(self, start: int, stop: int) -> FactTable:
        """The facts of people start to stop - 1: a column per dimension and derived field not hidden, as in the file.

        Where strata are oversampled, the columns `weight` and `stratum` stand at the end.
        """
        indices = self._indices(start, stop)
        if self.spec.people:
            return self._stated_facts(start, stop)
        pieces = []
        for place, drawn in self._blocks.pieces(indices):
            piece = self._facts.table(indices[place], drawn.codes, drawn.records)
            hidden = [name for name, part in {**self.spec.dimensions, **self.spec.derive}.items() if part.hidden]
            shown = {name: column for name, column in piece.items() if name not in hidden}
            pieces.append(shown | ({} if self._weights is None else self._weights.columns(drawn.codes)))
        return _join_tables(pieces)

    def names(self, start: int, stop: int) -> list[str | None]:
        """The names of people start to stop - 1, None where the file asks for none."""
        indices = self._indices(start, stop)
        if self.spec.people:
            return [agent.persona.name for agent in self.agents[start:stop]]
        codes = np.concatenate([drawn.codes for _, drawn in self._blocks.pieces(indices)])
        return self._names.names(indices, self._genders(codes), codes)

    def has_fragment(self, start: int, stop: int) -> Bools:
        """Which fragments people start to stop - 1 have, shape (people, fragments)."""
        indices = self._indices(start, stop)
        return self._fragments.drawn(indices, lambda: self._every_fact(indices))

    def margins(self, of: Chosen = None) -> list[Margin]:
        """Every category's target and what these people have of it; none for `people`.

        `of` is how many, from the first on, or the number of each; None means everybody.
        """
        return [] if self.spec.people else self._comparison.margins(of)

    def control_cells(self, of: Chosen = None) -> list[ControlCell]:
        """Every cell of every control, its target and what these people have of it; `of` as in `margins`."""
        return [] if self.spec.people else self._comparison.control_cells(of)

    def design_effect(self, of: Chosen = None) -> DesignEffect:
        """What the weights of these people cost, and their strata; `of` as in `margins`."""
        return self._comparison.design_effect(of)

    def redrawn(self) -> list[Redrawn]:
        """How many people's numbers were drawn anew because a constraint did not hold, for each open constraint."""
        return [] if self.spec.people else self._comparison.redrawn()

    def _every_fact(self, indices: Ints) -> FactTable:
        """The facts of these people, who follow each other, hidden ones included."""
        if self.spec.people:
            return self._stated_facts(int(indices[0]), int(indices[-1]) + 1)
        pieces = self._blocks.pieces(indices)
        return _join_tables([self._facts.table(indices[place], drawn.codes, drawn.records) for place, drawn in pieces])

    def _indices(self, start: int, stop: int) -> Ints:
        if not 0 <= start <= stop <= self.size:
            raise ValueError(f"people {start} to {stop} are not within the population of {self.size}")
        return np.arange(start, stop, dtype=np.int64)

    def _genders(self, codes: Codes) -> list[str | None]:
        for position, factor in enumerate(self._model.factors):
            if factor.name.lower() in _GENDER_DIMENSIONS:
                known = np.array([gender_of(label) for label in factor.labels], dtype=object)
                return list(known[codes[:, position]].tolist())
        return [None] * len(codes)

    def _stated_facts(self, start: int, stop: int) -> FactTable:
        """The plain facts that agent files state at their top level; text where two files state different types."""
        columns: dict[str, None] = {}
        for agent in self.agents:
            columns.update((key, None) for key in agent.persona if key != "name" and _is_fact(agent.persona[key]))
        rows = {key: [agent.persona.get(key) for agent in self.agents] for key in columns}
        return {key: _column([v if _is_fact(v) else None for v in values])[start:stop] for key, values in rows.items()}


def compiled(spec: PopulationSpec, *, places: Places | None = None) -> Population:
    """The population of `spec`, compiled once per process; errors and `places` as for `Population`."""
    return _compiled(_Wanted(spec.in_its_order(), spec, places))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A population to compile. Two are the same where not even the order of anything in them differs."""

    text: bytes
    spec: PopulationSpec = field(compare=False)
    places: Places | None = field(compare=False)


@lru_cache(maxsize=4)
def _compiled(wanted: _Wanted) -> Population:
    return Population(wanted.spec, places=wanted.places)


_PROPOSED = (
    "a model proposed this population, and nobody has said that they read it",
    "check every share and source, then remove `proposed: true`",
)


def _join_tables(pieces: list[FactTable]) -> FactTable:
    """The pieces one after another; column by column, so that no more than one of them is in memory twice."""
    if len(pieces) == 1:
        return pieces[0]
    return {name: np.concatenate([piece.pop(name) for piece in pieces]) for name in list(pieces[0])}


def _is_fact(value: object) -> bool:
    return isinstance(value, str | int | float) and value != ""


def _column(values: list[Scalar]) -> npt.NDArray[np.object_]:
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) > 1:
        values = [None if value is None else str(value) for value in values]
    column: npt.NDArray[np.object_] = np.empty(len(values), dtype=object)
    column[:] = values
    return column
