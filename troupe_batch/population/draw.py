"""The people of a population: facts of any stretch of them, computed from the file and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from troupe_batch.persona import AgentFile, Persona, Scalar
from troupe_batch.population.checks import agents_of, check, fragments_of
from troupe_batch.population.dimensions import Numeric
from troupe_batch.population.factors import Factor, Places
from troupe_batch.population.facts import FactMaker, FactTable
from troupe_batch.population.margins import Margin
from troupe_batch.population.model import compile_model
from troupe_batch.population.names import gender_of, names_of
from troupe_batch.population.quotas import Codes, check_method, make_codes
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.population.strata import stratified
from troupe_batch.seeded import stream
from troupe_batch.spec_files import SpecFile

Ints = npt.NDArray[np.int64]

_GENDER_DIMENSIONS = ("gender", "sex")


class Population:
    """N people, of whom person n is a function of the file and n alone, and every prefix of whom is balanced."""

    def __init__(self, spec: PopulationSpec, *, places: Places | None = None) -> None:
        """Checks the whole of `spec`; SpecError names what contradicts. `places` says where its parts were written."""
        places = places or Places(SpecFile(spec.id, {}, {}))
        check(spec, places)
        self.spec = spec
        self.size = spec.count
        self._model = compile_model(spec, places)
        check_method(spec, self._model.factors, places)
        self._facts = FactMaker(spec, self._model)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of the file, hex."""
        return self.spec.digest

    @cached_property
    def agents(self) -> tuple[AgentFile, ...]:
        """The agents that are the population, where it is one of `people`; else none."""
        return agents_of(self.spec)

    @cached_property
    def fragments(self) -> tuple[Persona, ...]:
        """The fragments that are merged into some or all of the people."""
        return fragments_of(self.spec)

    def facts(self, start: int, stop: int) -> FactTable:
        """The facts of people start to stop - 1: a column per dimension not hidden, in the order of the file."""
        indices = self._indices(start, stop)
        if self.spec.people:
            return self._stated_facts(start, stop)
        columns = self._facts.table(indices, self._codes[indices], None)
        return {name: columns[name] for name, d in self.spec.dimensions.items() if not d.hidden}

    def names(self, start: int, stop: int) -> list[str | None]:
        """The names of people start to stop - 1, None where the file asks for none."""
        indices = self._indices(start, stop)
        if self.spec.people:
            return [agent.persona.name for agent in self.agents[start:stop]]
        wanted = self.spec.names
        return names_of(
            indices,
            self._genders(indices),
            locale=wanted.locale or self.spec.locale,
            seed=self.spec.seed,
            provider=wanted.provider,
        )

    def has_fragment(self, start: int, stop: int) -> npt.NDArray[np.bool_]:
        """Which fragments people start to stop - 1 have, shape (people, fragments)."""
        indices = self._indices(start, stop)
        shares = [fragment.share for fragment in self.spec.persona.fragments]
        drawn = [
            stratified(stream(self.spec.seed, "fragment", i), indices, self.size) < share
            for i, share in enumerate(shares)
        ]
        return np.array(drawn, dtype=np.bool_).reshape(len(shares), len(indices)).T

    def margins(self, of: int | Sequence[int] | None = None) -> list[Margin]:
        """Every category's target and what these people have of it; none for `people`.

        `of` is how many, from the first on, or the number of each; None means everybody.
        """
        indices = (
            np.asarray(of, np.int64) if isinstance(of, Sequence) else self._indices(0, self.size if of is None else of)
        )
        n = len(indices)
        if self.spec.people or n == 0:
            return []
        codes = self._codes[indices]
        margins = {f.name: self._margins_of(f, codes[:, i], n) for i, f in enumerate(self._model.factors)}
        for name, dimension in self.spec.dimensions.items():
            if isinstance(dimension, Numeric) and name not in margins:
                margins[name] = self._quarters(name, indices)
        return [margin for name in self.spec.dimensions for margin in margins[name]]

    def _margins_of(self, factor: Factor, codes: Codes, n: int) -> list[Margin]:
        targets = self._model.marginals[factor.name].tolist()
        counts = np.bincount(codes, minlength=len(targets)).tolist()
        rows = zip(factor.labels, targets, counts, strict=True)
        return [Margin(factor.name, label, p, c, c / n, self._allowed(p, n)) for label, p, c in rows]

    def _quarters(self, name: str, indices: Ints) -> list[Margin]:
        """A distribution has no categories: its quarters are reported, by the uniform numbers behind the values."""
        counts = np.bincount(self._facts.quarters(name, indices), minlength=4).tolist()
        n = len(indices)
        labels = ("lowest quarter", "second quarter", "third quarter", "highest quarter")
        return [
            Margin(name, label, 0.25, c, c / n, self._allowed(0.25, n)) for label, c in zip(labels, counts, strict=True)
        ]

    def _allowed(self, target: float, n: int) -> float:
        if n == self.size:
            return 1 / n
        return 1 / n + 1.96 * float(np.sqrt(target * (1 - target) / n))

    def _indices(self, start: int, stop: int) -> Ints:
        if not 0 <= start <= stop <= self.size:
            raise ValueError(f"people {start} to {stop} are not within the population of {self.size}")
        return np.arange(start, stop, dtype=np.int64)

    @cached_property
    def _codes(self) -> Codes:
        """Category codes of everybody: made once per process, some bytes a person."""
        return make_codes(self.spec, self._model.factors)

    def _genders(self, indices: Ints) -> list[str | None]:
        for position, factor in enumerate(self._model.factors):
            if factor.name.lower() in _GENDER_DIMENSIONS:
                known = np.array([gender_of(label) for label in factor.labels], dtype=object)
                return list(known[self._codes[indices][:, position]].tolist())
        return [None] * len(indices)

    def _stated_facts(self, start: int, stop: int) -> FactTable:
        """The plain facts that agent files state at their top level; text where two files state different types."""
        columns: dict[str, None] = {}
        for agent in self.agents:
            columns.update((key, None) for key in agent.persona if key != "name" and _is_fact(agent.persona[key]))
        rows = {key: [agent.persona.get(key) for agent in self.agents] for key in columns}
        return {key: _column([v if _is_fact(v) else None for v in values])[start:stop] for key, values in rows.items()}


def _is_fact(value: object) -> bool:
    return isinstance(value, str | int | float) and value != ""


def _column(values: list[Scalar]) -> npt.NDArray[np.object_]:
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) > 1:
        values = [None if value is None else str(value) for value in values]
    column: npt.NDArray[np.object_] = np.empty(len(values), dtype=object)
    column[:] = values
    return column
