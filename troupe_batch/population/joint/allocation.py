"""Strata: how many people of each there are, and the design weights that make up for it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from troupe_batch.arrays import Floats, Ints
from troupe_batch.population.design import Strata
from troupe_batch.population.factors import Factor, Places, Reason, why_no_categories
from troupe_batch.population.joint.apportionment import largest_remainder
from troupe_batch.population.joint.cells import Join
from troupe_batch.population.model import Component, SampleDesign
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.spec_files import did_you_mean

JOINED = " / "


def check_strata(spec: PopulationSpec, unusable: Mapping[str, Reason], places: Places) -> None:
    """Notes what is wrong with `strata` before anything is known of the population."""
    strata = spec.strata
    if strata is None:
        return
    for name in strata.by:
        if (reason := why_no_categories(name, spec, unusable)) is not None:
            places.add(("strata", "by"), *reason)
    if len(set(strata.by)) < len(strata.by):
        places.add(("strata", "by"), "a dimension stands twice", "remove one")
    for field, allocation in (("min_n", "min_n"), ("sizes", "explicit")):
        if strata.allocation == allocation and not getattr(strata, field):
            problem = f"the allocation `{allocation}` needs `{field}`"
            cure = "such as `min_n: 200`" if field == "min_n" else "a line `stratum: people` for each stratum"
            places.add(("strata",), problem, f"add it, {cure}")
        elif strata.allocation != allocation and getattr(strata, field):
            problem = f"`{field}` says nothing for the allocation `{strata.allocation}`"
            places.add(("strata", field), problem, f"remove it, or write `allocation: {allocation}`")


def design_of(
    spec: PopulationSpec, component: Component, factors: Mapping[str, Factor], places: Places
) -> SampleDesign:
    """The strata of the component that has them, in the order of their categories; SpecError where sizes cannot be.

    The weight of everybody in stratum h is (N_h/N) / (n_h/n) (Kish 1965, 3.1), 1 on the average over all people.
    """
    strata = spec.strata
    assert strata is not None  # noqa: S101 # the caller has strata
    cells = component.cells
    join = Join.of_cells(cells, strata.by)
    codes = np.stack([join.column(name) for name in strata.by], axis=1)
    categories = tuple(
        tuple(factors[name].labels[code] for name, code in zip(strata.by, row, strict=True)) for row in codes.tolist()
    )
    shares = join.probs / join.probs.sum()
    sizes = _sizes(strata, spec.count, shares, categories, places)
    places.raise_if_any()
    assert sizes is not None  # noqa: S101 # else there was a mistake
    # Weights stand in datasets: 0.6, not 0.6 and the thirteenth digit of a fit.
    return SampleDesign(tuple(strata.by), categories, sizes, shares, np.round(shares / (sizes / spec.count), 12))


def tilted(component: Component, design: SampleDesign, factors: Mapping[str, Factor]) -> Component:
    """The component as people are drawn: each stratum as probable as its size says."""
    stratum = stratum_of(component, design, factors)
    probs = component.population_probs / design.weights[stratum]
    cells = component.cells
    drawn = type(cells)(cells.names, cells.codes, probs / probs.sum(), cells.records)
    return Component(drawn, component.population_probs, component.controls)


def stratum_of(component: Component, design: SampleDesign, factors: Mapping[str, Factor]) -> Ints:
    """The stratum of each cell of the component, shape (cells,)."""
    shape = tuple(len(factors[name].labels) for name in design.by)
    number = np.zeros(int(np.prod(shape)), dtype=np.int64)
    for position, categories in enumerate(design.categories):
        codes = [factors[name].labels.index(c) for name, c in zip(design.by, categories, strict=True)]
        number[np.ravel_multi_index(codes, shape)] = position
    positions = [component.cells.names.index(name) for name in design.by]
    columns = tuple(component.cells.codes[:, position].astype(np.int64) for position in positions)
    return number[np.ravel_multi_index(columns, shape)]


def _sizes(
    strata: Strata, people: int, shares: Floats, categories: tuple[tuple[str, ...], ...], places: Places
) -> Ints | None:
    if strata.allocation == "explicit":
        return _explicit(strata, people, categories, places)
    least = strata.min_n or 1
    if least * len(shares) > people:
        smallest = JOINED.join(categories[int(shares.argmin())])
        each = f"{least:,} people" if least > 1 else "one person"
        problem = (
            f"{len(shares):,} strata with at least {each} each need {least * len(shares):,}, `size` is {people:,} "
            f"(the smallest stratum, {smallest}, has {shares.min() * 100:.3g} % of the population)"
        )
        cure = "lower `min_n`, raise `size`" if strata.min_n else "raise `size`"
        places.add(("strata", "by"), problem, f"{cure}, or take fewer strata")
        return None
    if strata.allocation == "equal":
        # The rest goes to the largest strata, whose weights are the highest.
        return largest_remainder(np.full(len(shares), people / len(shares)) + 1e-6 * (shares - shares.mean()))
    return _at_least(least, people, shares)


def _at_least(least: int, people: int, shares: Floats) -> Ints:
    """In proportion to `shares`, but at least `least` for each; those held up leave less for the others."""
    held = np.zeros(len(shares), dtype=np.bool_)
    while True:
        rest = people - least * int(held.sum())
        free = np.where(held, 0.0, shares)
        expected = np.where(held, float(least), rest * free / max(float(free.sum()), 1e-300))
        low = ~held & (expected < least)
        if not low.any():
            break
        held |= low
    return largest_remainder(expected)


def _explicit(strata: Strata, people: int, categories: tuple[tuple[str, ...], ...], places: Places) -> Ints | None:
    names = [JOINED.join(one) for one in categories]
    before = len(places.mistakes)
    for name, size in strata.sizes.items():
        place = ("strata", "sizes", name)
        if name not in names:
            cure = did_you_mean(name, names)
            places.add(place, f"nobody in the population is in a stratum {name!r}", cure)
        elif size < 1:
            cure = "give it at least one person, or rule it out by a constraint"
            places.add(place, f"{name} has {size} people, so nobody would stand for that part of the population", cure)
    if missing := [name for name in names if name not in strata.sizes]:
        more = f" and {len(missing) - 3:,} more" if len(missing) > 3 else ""
        problem = f"no size for {'; '.join(missing[:3])}{more}"
        places.add(("strata", "sizes"), problem, "add a line `stratum: people` for each")
    total = sum(strata.sizes.values())
    if len(places.mistakes) == before and total != people:
        over = "more" if total > people else "fewer"
        problem = f"the sizes sum to {total:,}, {abs(total - people):,} {over} than `size`, which is {people:,}"
        places.add(("strata", "sizes"), problem, f"correct one of them, or write `size: {total}`")
    if len(places.mistakes) > before:
        return None
    return np.array([strata.sizes[name] for name in names], dtype=np.int64)
