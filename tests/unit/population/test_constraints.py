"""What constraints forbid cannot occur; what they contradict is named with the combination and the cure."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.doubles.population_files import mistakes_in, model_of
from troupe_batch.errors import SpecError
from troupe_batch.population.margins import Level

AGE = "  age: {type: numeric, integer: true, source: s, bins: {18-24: 0.2, 25-34: 0.2, 35-54: 0.3, 55-90: 0.3}}\n"
SEX = "  sex: {type: categorical, source: s, values: {f: 0.52, m: 0.48}}\n"
WORK = "  work: {type: categorical, source: s, values: {clerk: 0.5, pilot: 0.1, none: 0.4}}\n"
HEIGHT = "  height: {type: numeric, source: s, dist: uniform, params: {low: 150, high: 200}}\n"
SCHOOL = (
    "  school: {type: categorical, source: s, categories: [short, long], given: age, "
    "table: [{when: {}, values: {short: 0.6, long: 0.4}}]}\n"
)


def constraints(*texts: str) -> str:
    return "constraints:\n" + "".join(f"  - {text}\n" for text in texts)


def test_categories_decide_a_constraint_before_anything_is_drawn() -> None:
    model = model_of(AGE + SEX + WORK + SCHOOL + constraints("not (work == 'pilot' and school < 'long')"))

    (component,) = model.components
    column = {name: component.cells.codes[:, i] for i, name in enumerate(component.cells.names)}
    assert not np.any((column["work"] == 1) & (column["school"] == 0))
    assert model.open_constraints == ()
    assert model.marginals["work"] == pytest.approx([0.5, 0.1, 0.4])
    assert sorted(component.cells.names) == ["age", "school", "work"]


def test_a_constraint_that_bins_decide_only_in_part_is_both_a_zero_and_open() -> None:
    model = model_of(AGE + WORK + constraints("not (work == 'pilot' and age < 27)"))

    (component,) = model.components
    column = {name: component.cells.codes[:, i] for i, name in enumerate(component.cells.names)}
    assert not np.any((column["work"] == 1) & (column["age"] == 0))
    assert np.any((column["work"] == 1) & (column["age"] == 1))
    assert model.open_constraints == ("not (work == 'pilot' and age < 27)",)


def test_a_constraint_over_numbers_without_bins_stays_open_and_ties_nothing() -> None:
    model = model_of(SEX + HEIGHT + constraints("sex == 'm' or height < 195"))

    assert model.components == ()
    assert model.open_constraints == ("sex == 'm' or height < 195",)


def test_a_constraint_over_a_derived_field_is_decided_by_what_it_reads() -> None:
    text = "derive: {retired: 'age >= 55', young: \"cut(age, [18, 35, 91], ['yes', 'no'])\"}\n"

    model = model_of(
        AGE + WORK + text + constraints("not (retired and work == 'pilot')", "young == 'no' or work != 'pilot'")
    )

    (component,) = model.components
    column = {name: component.cells.codes[:, i] for i, name in enumerate(component.cells.names)}
    assert set(column["age"][column["work"] == 1].tolist()) == {2}
    assert model.open_constraints == ()


def test_a_constraint_that_no_combination_satisfies_is_a_mistake() -> None:
    assert mistakes_in(AGE + WORK + constraints("age > 99 and work == 'pilot'", "age < 18")) == [
        (
            "town.yaml:8: constraints[0]: no combination of age and work can satisfy `age > 99 and work == 'pilot'`; "
            "check its names, labels and bounds"
        ),
        "town.yaml:9: constraints[1]: no age can satisfy `age < 18`; check its names, labels and bounds",
    ]


def test_an_open_constraint_that_no_number_satisfies_is_a_mistake() -> None:
    assert mistakes_in(SEX + HEIGHT + constraints("height > 210")) == [
        "town.yaml:8: constraints[0]: no height can satisfy `height > 210`; check its names, labels and bounds"
    ]


def test_constraints_that_leave_nobody_are_named_together_and_without_the_innocent() -> None:
    text = constraints("sex == 'm' or work == 'clerk'", "age < 55 or work != 'pilot'", "sex == 'f'", "work != 'clerk'")

    assert mistakes_in(AGE + SEX + WORK + text) == [
        (
            "town.yaml:12: constraints[3]: together with `sex == 'm' or work == 'clerk'` (constraints[0]) and `sex "
            "== 'f'` (constraints[2]) `work != 'clerk'` (constraints[3]) leaves no combination of sex and work; "
            "relax one of them"
        )
    ]


def test_a_stated_share_that_nobody_may_have_is_named_with_the_constraint() -> None:
    assert mistakes_in(AGE + WORK + constraints("work != 'pilot' or age < 18")) == [
        (
            "town.yaml:6: dimensions.work.values.pilot: work=pilot is 10 %, but no combination may have it: "
            "`work != 'pilot' or age < 18` (constraints[0]) rules it out; write 0 for it, or relax it"
        )
    ]


def test_a_category_of_a_table_that_nobody_may_have_is_named_with_the_constraint() -> None:
    assert mistakes_in(AGE + WORK + SCHOOL + constraints("school == 'short' or age < 18")) == [
        (
            "town.yaml:7: dimensions.school.table: the table gives school=long a share, but no combination may have "
            "it: `school == 'short' or age < 18` (constraints[0]) rules it out; take it out of the table, or relax it"
        )
    ]


def test_a_category_that_shares_of_0_leave_to_nobody_is_no_contradiction() -> None:
    region = "  region: {type: categorical, source: s, values: {north: 0, south: 1}}\n"
    dish = "  dish: {type: categorical, source: s, given: region, table: {north: {fish: 1}, south: {meat: 1}}}\n"

    model = model_of(region + dish + SEX + constraints("sex == 'f' or dish == 'meat'", "region == 'south'"))

    assert model.marginals["dish"].tolist() == [0, 1]
    assert [finding.place for finding in model.findings] == ["constraints[0]", "constraints[1]"]


def test_a_constraint_that_never_says_no_is_found() -> None:
    model = model_of(AGE + WORK + constraints("age < 99 or work == 'none'"))

    (finding,) = model.findings
    assert (finding.level, finding.place) == (Level.WARNING, "constraints[0]")
    assert finding.problem == "`age < 99 or work == 'none'` never says no: whoever can occur satisfies it"
    assert model.components == ()


def test_a_constraint_against_what_tables_rule_out_already_is_found() -> None:
    car = "  car: {type: categorical, source: s, given: sex, table: {f: {none: 0.5, some: 0.5}, m: {none: 1}}}\n"

    model = model_of(SEX + car + constraints("sex == 'f' or car == 'none'"))

    assert [finding.place for finding in model.findings] == ["constraints[0]"]


def test_a_table_that_constraints_bend_is_told() -> None:
    model = model_of(AGE + WORK + SCHOOL + constraints("work != 'pilot' or school == 'long'"))

    (finding,) = model.findings
    assert (finding.level, finding.place) == (Level.NOTE, "dimensions.school.table")
    assert finding.problem.startswith("given age=")
    assert "the table says" in finding.problem


UNREADABLE = {
    "an unknown name": ("ago < 3", "there is no fact `ago` here; did you mean `age`?"),
    "an unknown label": ("work == 'pilott'", "did you mean"),
    "no condition": ("age + 1", "a condition is true or false"),
    "no expression": ("age <", "`age <` cannot be read"),
}


@pytest.mark.parametrize(("text", "message"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_constraint_that_cannot_be_read_is_named(text: str, message: str) -> None:
    (line,) = mistakes_in(AGE + WORK + constraints(text))

    assert line.startswith("town.yaml:8: constraints[0]: ")
    assert message in line


def test_more_combinations_than_can_be_listed_are_refused_before_memory_is_taken() -> None:
    labels = ", ".join(f"c{i}: 1" for i in range(200))
    dims = "".join(f"  {n}: {{type: categorical, source: s, unit: count, values: {{{labels}}}}}\n" for n in "abc")

    assert mistakes_in(dims + constraints("a != 'c1' or b == 'c1'", "b != 'c1' or c == 'c2'")) == [
        (
            "town.yaml:8: constraints: constraints tie a, b, c together: with c these have 7,960,200 combinations; "
            "merge categories, or tie fewer dimensions, to get below 2,000,000"
        )
    ]
    assert mistakes_in(dims + constraints("a == 'c1' or b == 'c1' or c == 'c3'")) == [
        (
            "town.yaml:9: constraints[0]: a, b, c have 8,000,000 combinations to decide it for; write it over fewer "
            "dimensions or wider categories, below 2,000,000"
        )
    ]


LABELS = {"a": ("u", "v"), "b": ("u", "v", "w"), "c": ("u", "v")}
DIMS = (
    "  a: {type: categorical, source: s, values: {u: 0.5, v: 0.5}}\n"
    "  b: {type: categorical, source: s, given: a, table: {u: {u: 0.5, v: 0.3, w: 0.2}, v: {u: 0.1, v: 0.9, w: 0}}}\n"
    "  c: {type: categorical, source: s, categories: [u, v], given: b, table: [{when: {}, values: {u: 0.4, v: 0.6}}]}\n"
)
ATOMS = st.sampled_from([f"{name} == '{label}'" for name, labels in LABELS.items() for label in labels])
TEXTS = st.lists(st.tuples(ATOMS, st.sampled_from(["or", "and"]), ATOMS), min_size=1, max_size=3)


@settings(max_examples=200)
@given(texts=TEXTS)
def test_every_possible_combination_satisfies_all_constraints_and_margins_are_met(
    texts: list[tuple[str, str, str]],
) -> None:
    written = [f"not ({a} {word} {b})" for a, word, b in texts]
    try:
        model = model_of(DIMS + constraints(*written))
    except SpecError as error:
        assert any(word in str(error) for word in ("no combination", "may only occur", "can satisfy", "no a ", "no b "))
        return

    allowed = set()
    for combo in itertools.product(*LABELS.values()):
        facts = dict(zip(LABELS, combo, strict=True))
        if all(_holds(text, facts) for text in texts):
            allowed.add(combo)
    for component in model.components:
        position = [list(LABELS).index(name) for name in component.cells.names]
        possible = {tuple(combo[i] for i in position) for combo in allowed}
        for row in component.cells.codes.tolist():
            labels = tuple(LABELS[n][code] for n, code in zip(component.cells.names, row, strict=True))
            assert labels in possible
        assert component.cells.probs.sum() == pytest.approx(1.0)
        assert (component.cells.probs > 0).all()
    assert model.marginals["a"] == pytest.approx([0.5, 0.5], rel=1e-7)
    assert model.open_constraints == ()


def _holds(text: tuple[str, str, str], facts: dict[str, str]) -> bool:
    def atom(one: str) -> bool:
        name, label = one.split(" == ")
        return facts[name] == label.strip("'")

    left, word, right = text
    return not (atom(left) or atom(right) if word == "or" else atom(left) and atom(right))
