"""Population behind a factory that is made from a demography: compiled by code, changed only by fields."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from troupe_batch.demography import Choices, Compiled, compile_demography
from troupe_batch.errors import FixTheInput, Mistake, SpecError
from troupe_batch.population.draw import Population
from troupe_batch.population.factors import Places
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.scalars import plain
from troupe_batch.simulation.arguments import shown
from troupe_batch.spec_files import SpecFile, read_spec_file


def compiled_from(
    demography: Mapping[str, Any] | Path | str,
    *,
    size: int,
    seed: int,
    locale: str | None,
    country: str | None,
    choices: Choices | None,
) -> Compiled:
    """The demography at hand, or in a file, as a population file with its report; FixTheInput where it is none."""
    if isinstance(demography, Mapping):
        return compile_demography(demography, size=size, seed=seed, locale=locale, country=country, choices=choices)
    if not isinstance(demography, str | Path):
        raise FixTheInput(f"a demography is a mapping or the name of a file, not {shown(demography)}")
    file = read_spec_file(Path(demography))
    if isinstance(file.data, Mapping) and "schema" in file.data:
        cure = "read it with `load_population(path).population` and give that to TinyPersonFactory"
        raise file.error(("schema",), "this is a population file already", cure)
    choices = choices or Choices(name=Path(demography).stem)
    try:
        return compile_demography(
            plain(file.data), size=size, seed=seed, locale=locale, country=country, choices=choices
        )
    except FixTheInput as error:
        raise SpecError(file.name, [Mistake(str(error))]) from error


def population_from(compiled: Compiled, changes: Mapping[str, Any] | None) -> Population:
    """The population with these fields of a population file in the place of its own; dimensions are joined by name."""
    if changes is None:
        return Population(compiled.population_spec())
    if not isinstance(changes, Mapping):
        raise FixTheInput(
            f"{shown(changes)} cannot change who is drawn: shares are numbers, and no model is asked for them. Write "
            'fields of a population file, such as {"constraints": ["age >= 60"]}'
        )
    if "size" in changes:
        raise FixTheInput(
            f"additional_demographic_specification says size {changes['size']}, population_size says "
            f"{compiled.spec['size']:,}; take `size` out of it and give the number as population_size"
        )
    fields = {**compiled.spec, **changes}
    if isinstance(changes.get("dimensions"), Mapping):
        fields["dimensions"] = {**compiled.spec["dimensions"], **changes["dimensions"]}
    file = SpecFile("additional_demographic_specification", fields, {})
    return Population(file.parse(PopulationSpec), places=Places(file))
