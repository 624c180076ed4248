"""Controls that can hardly be met are met; those that cannot are named with the nearest that is possible."""

from __future__ import annotations

import re

import pytest

from tests.doubles.population_files import mistakes_in, model_of
from tests.unit.population.test_controls import only_component, shares
from troupe_batch.population.joint import fitting, possibility
from troupe_batch.population.margins import Level


def contradiction(near: str, far: str) -> str:
    """Three dimensions of halves, each pair with a table: two of them `near`, and the third `far`."""
    dims = "".join(f"  {n}: {{type: categorical, source: s, values: {{u: 0.5, v: 0.5}}}}\n" for n in "abc")
    return (
        dims
        + "controls:\n"
        + "".join(
            f"  - {{dims: [{pair}], source: s, table: {table}}}\n"
            for pair, table in [("a, b", near), ("b, c", near), ("a, c", far)]
        )
    )


def halves(apart: float) -> str:
    """A table of two halves in which `apart` of all people are in each of the cells off the diagonal."""
    return f"{{u: {{u: {0.5 - apart:g}, v: {apart:g}}}, v: {{u: {apart:g}, v: {0.5 - apart:g}}}}}"


def test_tables_that_no_joint_table_has_are_named_with_the_nearest_that_is_possible() -> None:
    # Who differs in a and c differs in a and b, or in b and c: at most 2 % + 2 %.
    assert mistakes_in(contradiction(halves(0.01), halves(0.021))) == [
        (
            "town.yaml:9: controls[0].table: a=u, b=u should be 49 %, but together with dimensions.a.values, "
            "dimensions.b.values, dimensions.c.values, controls[1].table, controls[2].table the nearest that is "
            "possible is 48.9 % (a=v, b=v: 48.9 % instead of 49 %; a=u, b=v: 1.1 % instead of 1 %); change it to that, "
            "or change one of the others"
        )
    ]


def test_tables_that_can_just_be_joined_are_with_a_note() -> None:
    model = model_of(contradiction(halves(0.01), halves(0.02)))

    found = shares(only_component(model), "a", "b", "c")
    assert found == pytest.approx(
        {(0, 0, 0): 0.48, (0, 0, 1): 0.01, (0, 1, 1): 0.01, (1, 0, 0): 0.01, (1, 1, 0): 0.01, (1, 1, 1): 0.48}
    )
    (finding,) = model.findings
    assert finding.level == Level.NOTE
    assert finding.problem.startswith("the targets leave nobody for 2 combinations that nothing forbids")


def test_shares_that_no_joint_distribution_has_are_named_without_those_that_fit() -> None:
    # Who is u in a is so in b or in c: 50 % of 20 % and 20 %. No two of the shares contradict each other.
    dims = "  a: {type: categorical, source: s, values: {u: 0.5, v: 0.3, w: 0.2}}\n" + "".join(
        f"  {n}: {{type: categorical, source: s, values: {{u: 0.2, v: 0.8}}}}\n" for n in "bc"
    )

    assert mistakes_in(dims + "constraints: [\"a != 'u' or b == 'u' or c == 'u'\"]\n") == [
        (
            "town.yaml:5: dimensions.a.values: a=u should be 50 %, but together with dimensions.b.values, "
            "dimensions.c.values the nearest that is possible is 40 % (a=v: 40 % instead of 30 %); change it to that, "
            "or change one of the others"
        )
    ]


def test_a_share_that_only_just_fits_is_met_exactly_and_leaves_room() -> None:
    dims = (
        "  work: {type: categorical, source: s, values: {clerk: 0.5, pilot: 0.1, none: 0.4}}\n"
        "  school: {type: categorical, source: s, values: {short: 0.8999995, long: 0.1000005}}\n"
    )

    model = model_of(dims + "constraints: [\"work != 'pilot' or school == 'long'\"]\n")

    assert model.marginals["school"] == pytest.approx([0.8999995, 0.1000005], rel=1e-8)
    assert len(only_component(model).cells.probs) == 5
    assert model.findings == ()


CITIZEN = "  citizen: {type: categorical, source: s, values: {citizen: 0.5, alien: 0.5}}\n"
VOTES = (
    "  votes: {type: categorical, source: s, given: citizen, table: "
    "{citizen: {can: 0.9999, cannot: 0.0001}, alien: {can: 0.0001, cannot: 0.9999}}}\n"
)


@pytest.mark.parametrize("can", [0.501, 0.52, 0.9])
def test_a_control_against_the_grain_of_a_nearly_certain_table_is_met(can: float) -> None:
    table = f"{{can: {can}, cannot: {1 - can:g}}}"

    model = model_of(CITIZEN + VOTES + f"controls: [{{dims: [votes], source: s, table: {table}}}]\n")

    assert model.marginals["votes"] == pytest.approx([can, 1 - can], rel=1e-8)
    assert model.marginals["citizen"] == pytest.approx([0.5, 0.5], rel=1e-8)
    assert len(only_component(model).cells.probs) == 4


def test_a_table_too_large_to_look_for_the_nearest_is_named_with_what_the_fit_comes_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(possibility, "_MOST_CELLS", 3)

    (message,) = mistakes_in(contradiction(halves(0.01), halves(0.4)))

    assert re.search(
        r"controls\[\d\]\.table: a=u, [bc]=v should be \d+ %, but the fit comes to [\d.]+ %: what is possible does not "
        r"allow it together with dimensions\.a\.values, ",
        message,
    )
    assert message.endswith("; change it to that, or change one of the others")


def test_a_fit_that_neither_settles_nor_is_impossible_accuses_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "MOST_UNKNOWNS", 0)
    monkeypatch.setattr(fitting, "_MOST_ROUNDS", 1_000)
    control = "controls: [{dims: [votes], source: s, table: {can: 0.501, cannot: 0.499}}]\n"

    (message,) = mistakes_in(CITIZEN + VOTES + control)

    assert re.search(r"should be 50(\.1)? %, but is at [\d.]+ % after 1,000 rounds: the fit does not settle; ", message)
