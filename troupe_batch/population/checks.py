"""Checks of what must hold between the fields of a population file."""

from __future__ import annotations

import re

from troupe_batch.persona.files import AgentFile, parse_agent, parse_fragment
from troupe_batch.persona.fragment import MergeConflict, merge
from troupe_batch.persona.persona import Persona
from troupe_batch.population.dimensions import Categorical, Dimension, Distributed, FromRecords, NumericDimension
from troupe_batch.population.distributions import check_distributions
from troupe_batch.population.factors import Places
from troupe_batch.population.facts.names import has_locale, locales
from troupe_batch.population.records import check_records
from troupe_batch.population.spec import NameProvider, PopulationSpec
from troupe_batch.spec_files import SpecFile, did_you_mean

# Columns that the tables of results have of their own.
RESERVED = ("name", "person_id", "person_index", "persona", "run_id")
_OF_DIMENSIONS = ("derive", "controls", "constraints", "seed_data", "strata")
_NAME = re.compile(r"[^\W\d]\w{0,62}")


def check(spec: PopulationSpec, places: Places) -> None:
    """SpecError with every contradiction between the fields of `spec`, tables and distributions included."""
    _check_who(spec, places)
    for kind in ("dimensions", "derive"):
        for name in getattr(spec, kind):
            _check_name(kind, name, spec, places)
    counted = {name for control in spec.controls for name in control.dims}
    for name, dimension in spec.dimensions.items():
        if isinstance(dimension, Distributed):
            _check_dimension(name, dimension, name in counted, places)
    check_distributions(spec, places)
    check_records(spec, places)
    _check_names(spec, places)
    places.raise_if_any()
    _check_fragments(spec, places)
    places.raise_if_any()


def agents_of(spec: PopulationSpec) -> tuple[AgentFile, ...]:
    """The agents of a population whose files have been read; none where it has dimensions instead."""
    return tuple(parse_agent(SpecFile(spec.id, data, {})) for data in spec.people if isinstance(data, dict))


def fragments_of(spec: PopulationSpec) -> tuple[Persona, ...]:
    """The fragments of a population whose files have been read."""
    files = [fragment.file for fragment in spec.persona.fragments]
    return tuple(parse_fragment(SpecFile(spec.id, data, {})) for data in files if isinstance(data, dict))


def _check_who(spec: PopulationSpec, places: Places) -> None:
    if spec.dimensions and spec.people:
        places.add(("people",), "a population has `dimensions` or `people`, not both", "remove one of them")
    elif not spec.dimensions and not spec.people:
        places.add((), "nobody is in this population", "write `dimensions:`, or `people:` with agent files")
    elif spec.dimensions and spec.size is None:
        places.add((), "`size` is required", "add `size:`, how many people the population has")
    elif spec.people and (unused := [field for field in _OF_DIMENSIONS if getattr(spec, field)]):
        for field in unused:
            places.add((field,), f"`{field}` belongs to populations with `dimensions`", "remove it")
    elif spec.people and spec.size not in (None, len(spec.people)):
        problem = f"size is {spec.size} but `people` names {len(spec.people)}"
        places.add(("size",), problem, "remove `size`")


def _check_name(kind: str, name: str, spec: PopulationSpec, places: Places) -> None:
    place = (kind, name)
    if not _NAME.fullmatch(name):
        cure = "use letters, digits and _, beginning with a letter, such as household_income"
        what = "a dimension" if kind == "dimensions" else "a derived field"
        places.add(place, f"{name!r} cannot be the name of {what}", cure)
    elif name.lower() in RESERVED:
        places.add(place, f"{name!r} is a column of its own in the results", "choose another name")
    elif kind == "derive" and name in spec.dimensions:
        places.add(place, f"{name!r} is a dimension already", "choose another name")
    elif name != name.lower() and (name.lower() in spec.dimensions or name.lower() in spec.derive):
        places.add(place, f"{name!r} and {name.lower()!r} differ only in case", "choose another name")


def _check_dimension(name: str, dimension: Distributed, is_counted: bool, places: Places) -> None:
    place = ("dimensions", name)
    own = ("values", "table") if isinstance(dimension, Categorical) else ("bins", "dist", "table")
    present = [field for field in own if getattr(dimension, field) is not None]
    if isinstance(dimension, Categorical) and dimension.categories and not present and not dimension.given:
        if not is_counted:
            problem = f"nothing says the shares of {name}"
            places.add(place, problem, f"write `values`, or a control with {name} among its `dims`")
    elif len(present) != 1 and present != ["dist", "table"]:
        found = f"found {' and '.join(present)}" if present else "found none"
        places.add(place, f"exactly one of {', '.join(own)} belongs here, {found}", "keep one")
    else:
        _check_parents(present, dimension, place, places)
    if isinstance(dimension, NumericDimension) and dimension.dist is None:
        for field in ("params", "truncate"):
            if getattr(dimension, field):
                places.add((*place, field), f"`{field}` belongs to a distribution", "add `dist`, or remove it")


def _check_parents(present: list[str], dimension: Distributed, place: tuple[str, str], places: Places) -> None:
    if "table" in present and not dimension.given:
        places.add((*place, "table"), "a table needs parents", "add `given: [<dimension>]`, or write `values`")
    elif "table" not in present and dimension.given:
        cure = "write a `table` with a row per category of the parent, or remove `given`"
        places.add((*place, "given"), f"{present[0]} cannot depend on anything", cure)


def _check_names(spec: PopulationSpec, places: Places) -> None:
    if spec.people or spec.names.provider == NameProvider.NONE:
        return
    locale = spec.names.locale or spec.locale
    if not has_locale(locale):
        place = ("names", "locale") if spec.names.locale else ("locale",)
        cure = f"{did_you_mean(locale, list(locales()))}, or `names: {{provider: none}}`"
        places.add(place, f"there are no names for the locale {locale!r}", cure)


def _check_fragments(spec: PopulationSpec, places: Places) -> None:
    """Every person is merged with every fragment once, so that no conflict turns up in the middle of a run."""
    fragments = fragments_of(spec)
    people = [agent.persona for agent in agents_of(spec)]
    if spec.dimensions:
        shown = {name: _example_value(d) for name, d in spec.dimensions.items() if not d.hidden}
        shown |= {name: "(derived)" for name, d in spec.derive.items() if not d.hidden}
        people = [Persona({"name": "", **shown})]
    for persona in people if fragments else ():
        merged = persona
        for index, fragment in enumerate(fragments):
            try:
                merged = merge(merged, fragment, overwrite=spec.persona.fragments[index].overwrite)
            except MergeConflict as error:
                who = f" for {persona.name}" if persona.name else ""
                place = ("persona", "fragments", index)
                places.add(place, f"cannot be merged{who}: {error}", "change the fragment, or set `overwrite: true`")
                return


def _example_value(dimension: Dimension) -> str | int | float:
    if not isinstance(dimension, NumericDimension | FromRecords) or (
        isinstance(dimension, FromRecords) and not dimension.numeric
    ):
        return "(drawn)"
    return 0 if dimension.integer else 0.5
