"""Blocks of people: old populations stay as they were, large ones need one block for one person."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.population.drawing import (
    categorical,
    codes,
    control,
    equal,
    open_categories,
    population,
    worst_error,
    worst_miss,
)
from troupe_batch.population import FactTable, Population, PopulationSpec, drawing_of
from troupe_batch.population.drawing.blocks import BLOCK, Blocks, Drawn, block_sizes
from troupe_batch.population.drawing.quotas import Quotas

FOUR: dict[str, Any] = {
    "sex": categorical(0.52, 0.48),
    "band": categorical(5, 4, 3, 2, 1),
    "region": categorical(1, 2, 3, 4),
    "income": categorical(6, 5, 4, 3, 2, 1),
}
SIX = {f"d{i}": categorical(*range(1, k + 1)) for i, k in enumerate((2, 6, 7, 10, 15, 16))}


def digest(facts: FactTable) -> str:
    rows = zip(*[column.tolist() for column in facts.values()], strict=True)
    text = "\n".join(",".join(str(value) for value in row) for row in rows)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("dimensions", "method", "size", "people"),
    [
        (FOUR, "auto", 1, "5d829d261f5956d6"),
        (FOUR, "auto", 50, "95eae2a592ef276c"),
        (FOUR, "cube", 50, "8098d9b8828f319b"),
        (FOUR, "auto", 2_000, "3ff80220781c7834"),
        (FOUR, "systematic", 2_000, "77c96ecb02ad622c"),
        (FOUR, "auto", 100_000, "1ea99ec8c090e132"),
        (SIX, "auto", 2_000, "336bef5217ac57ec"),
        (SIX, "auto", 131_072, "0d44950959d826ba"),
    ],
)
def test_plain_populations_of_the_first_release_still_have_the_same_people_and_version(
    dimensions: dict[str, Any], method: str, size: int, people: str
) -> None:
    drawn = population(dimensions, size, seed=7, sampling={"method": method})

    assert digest(drawn.facts(0, size)) == people
    assert drawing_of(drawn.spec) == 2


@pytest.fixture(scope="module")
def large() -> Population:
    """Two blocks and a bit, with a control, a dimension that depends on a controlled one, and cells beyond the cube."""
    return Population(_large_spec())


def _large_spec() -> PopulationSpec:
    rng = np.random.default_rng(3)
    rows = [{"when": {"b": f"c{i}"}, "values": {"x": i + 1, "y": 9 - i}} for i in range(9)]
    dimensions = {
        "a": open_categories(7),
        "b": open_categories(9),
        "c": categorical(*range(1, 12)),
        "d": categorical(*range(1, 34)),
        "e": {"type": "categorical", "source": "s", "unit": "count", "given": ["b"], "table": rows},
    }
    controls = [control(rng.gamma(2, 1, (7, 9)), "a", "b")]
    return population(dimensions, 2 * BLOCK + 5_000, seed=5, controls=controls).spec


def test_margins_and_controls_of_every_block_and_of_the_whole_hold(large: Population) -> None:
    assert worst_miss(large, BLOCK) < 1
    # A person per block at most.
    assert worst_miss(large) < 3
    assert all(abs(row.realised_share - row.target) <= row.allowed for row in large.margins())
    assert all(abs(row.realised_share - row.target) <= row.allowed for row in large.control_cells())
    assert large.margins()[0].allowed == 3 / large.size


def test_every_stretch_of_every_block_is_balanced(large: Population) -> None:
    for start in (0, 60_000, BLOCK, BLOCK + 77_000, 2 * BLOCK, 2 * BLOCK + 4_000):
        # METHODS: 0.9 points in the first 1,000 of 100,000, where a random order has 3.5.
        assert worst_error(large, range(start, start + 1_000)) < 0.009


def test_a_person_is_the_same_alone_in_any_stretch_in_any_order_and_in_another_process(large: Population) -> None:
    everybody = large.facts(0, large.size)
    fresh = Population(large.spec)

    for person in (large.size - 1, 0, BLOCK, BLOCK - 1, 2 * BLOCK + 17):
        alone = fresh.facts(person, person + 1)
        assert equal(alone, {name: column[person : person + 1] for name, column in everybody.items()})
    across = fresh.facts(BLOCK - 10, 2 * BLOCK + 10)
    assert equal(across, {name: column[BLOCK - 10 : 2 * BLOCK + 10] for name, column in everybody.items()})
    code = (
        "import sys; from troupe_batch.population import Population, PopulationSpec\n"
        "from tests.unit.population.test_blocks import digest\n"
        "people = Population(PopulationSpec.from_json(sys.stdin.read()))\n"
        f"print(digest(people.facts({BLOCK - 500}, {BLOCK + 500})))"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", code], input=large.spec.to_json(), capture_output=True, text=True, check=True
    )
    here = {name: column[BLOCK - 500 : BLOCK + 500] for name, column in everybody.items()}
    assert elsewhere.stdout.strip() == digest(here)


def test_blocks_differ_though_they_have_the_same_quotas(large: Population) -> None:
    first, second = large.facts(0, 1_000), large.facts(BLOCK, BLOCK + 1_000)

    assert not any(np.array_equal(first[name], second[name]) for name in first)


def test_blocks_round_up_other_cells() -> None:
    people = population(FOUR, 2 * BLOCK)
    kinds = codes(people.facts(0, 2 * BLOCK), *FOUR) @ np.array([120, 24, 6, 1])

    first, second = (np.bincount(kinds[i * BLOCK : (i + 1) * BLOCK], minlength=240) for i in range(2))

    assert np.all(np.abs(first - second) <= 1)
    assert np.any(first != second)


def test_a_report_draws_each_block_once_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    block = Quotas.block

    def counted(self: Quotas, number: int) -> Drawn:
        drawn.append(number)
        return block(self, number)

    monkeypatch.setattr(Quotas, "block", counted)
    number = {"type": "numeric", "source": "s", "integer": True, "bins": {"0-9": 0.5, "10-19": 0.5}}
    people = population(
        {"a": categorical(1, 1), "b": categorical(2, 1), "n": number, "m": number},
        9 * BLOCK + 10,
        strata={"by": ["a"], "allocation": "equal"},
        controls=[control(np.array([[2.0, 1], [2, 1]]), "a", "b")],
        constraints=["n + m < 37"],
    )

    margins, cells, effect, redrawn = people.margins(), people.control_cells(), people.design_effect(), people.redrawn()

    assert drawn == list(range(10))
    assert sum(m.realised_count for m in margins if m.dimension == "a") == people.size
    assert sum(cell.realised_count for cell in cells) == effect.people == redrawn[0].people == people.size
    assert sum(m.realised_count for m in people.margins(100) if m.dimension == "a") == 100
    assert sum(m.realised_count for m in people.margins([5, 7, 7]) if m.dimension == "a") == 3


@settings(max_examples=100)
@given(indices=st.lists(st.integers(0, 3 * BLOCK - 1), max_size=30))
def test_pieces_are_the_people_asked_for_in_their_order(indices: list[int]) -> None:
    def number_of(block: int) -> Drawn:
        numbers = block * BLOCK + np.arange(BLOCK, dtype=np.int64)
        return Drawn((numbers % 1000).astype(np.int16)[:, None], numbers)

    blocks = Blocks(number_of)
    asked = np.array(indices, dtype=np.int64)

    found = np.full(len(asked), -1)
    for place, drawn in blocks.pieces(asked):
        assert drawn.records is not None
        assert np.array_equal(drawn.codes[:, 0], drawn.records % 1000)
        found[place] = drawn.records

    assert np.array_equal(found, asked)


def test_one_person_needs_one_block_once() -> None:
    worked_out: list[int] = []

    def draw(block: int) -> Drawn:
        worked_out.append(block)
        return Drawn(np.zeros((BLOCK, 1), dtype=np.int16), None)

    blocks = Blocks(draw)
    for person in (5 * BLOCK + 3, 5 * BLOCK + 900, 5 * BLOCK + 3):
        assert sum(len(drawn.codes) for _, drawn in blocks.pieces(np.array([person]))) == 1

    assert worked_out == [5]


def test_the_last_block_has_who_is_left() -> None:
    assert block_sizes(BLOCK).tolist() == [BLOCK]
    assert block_sizes(2 * BLOCK + 1).tolist() == [BLOCK, BLOCK, 1]
    assert block_sizes(3).tolist() == [3]
