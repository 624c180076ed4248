"""Who works, and what as: facts about work are those of people who do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.demography.compiling import compiled, entry_of, fields, targets
from troupe_batch.demography import Compiled, ValueOutcome
from troupe_batch.population import Population, PopulationSpec

RATES = {"Labor Force Participation Rate": "60%", "Unemployment Rate": "5%"}
KINDS = {"Formal": "45%", "Informal": "55%"}
OUT_OF_WORK = {"none": 100}


def test_participation_and_unemployment_make_one_dimension() -> None:
    made = compiled({"Work": {"Labor Force Participation Rate": "60%", "Unemployment Rate": "5%"}})

    assert targets(made, "employment_status") == {"employed": 0.57, "unemployed": 0.03, "not in the labor force": 0.4}


def test_an_unemployment_rate_alone_is_a_share_of_nobody_known() -> None:
    made = compiled({"Work": {"Unemployment Rate": "5%"}})

    assert list(made.spec["dimensions"]) == ["sex"]
    assert "participation" in entry_of(made, "Work > Unemployment Rate").said


def test_occupations_are_those_of_the_employed_and_the_missing_ones_are_other() -> None:
    made = compiled(
        {
            "Population Size": "1 million",
            "Age": {"0-14": "20%", "15-64": "60%", "65+": "20%"},
            "Employment": {"Labor Force Participation Rate": "50%", "Unemployment Rate": "10%"},
            "Occupations": {
                "Nursing": {"Employment": "90,000", "Annual Wage": "$40,000"},
                "Farming": {"Employment": "90,000", "Annual Wage": "$30,000"},
            },
        }
    )

    # 1 million x 80 % of 15 and over x 50 % x 90 % = 360,000 employed, of whom 180,000 are listed.
    table = fields(made, "occupation")["table"]
    assert fields(made, "occupation")["given"] == "employment_status"
    assert table["employed"] == {"Nursing": 90_000, "Farming": 90_000, "other occupation": 180_000}
    assert table["unemployed"] == {"none": 100}
    assert targets(made, "occupation")["Nursing"] == pytest.approx(0.45 / 4)
    assert entry_of(made, "Occupations > Farming > Annual Wage").outcome is ValueOutcome.LEFT_OUT


@pytest.mark.parametrize(("workers", "other"), [("175,000", False), ("150,000", True)])
def test_a_list_of_nearly_all_occupations_is_complete(workers: str, *, other: bool) -> None:
    made = compiled(
        {
            "Population": "1 million",
            "Age": {"0-14": "20%", "15+": "80%"},
            "Employment": {"Labor Force Participation Rate": "50%", "Unemployment Rate": "10%"},
            "Occupations": {"Nursing": {"Workers": workers}, "Farming": {"Workers": workers}},
        }
    )

    assert ("other occupation" in fields(made, "occupation")["table"]["employed"]) is other


def facts_of(made: Compiled, size: int = 1_000) -> Mapping[str, Any]:
    return Population(PopulationSpec.model_validate({**made.spec, "size": size})).facts(0, size)


@pytest.mark.parametrize(
    ("content", "working"),
    [
        ({"Employment Status": RATES}, {"employed"}),
        ({"Labor Force": {"Participation Rate": "60%"}, "Jobs": {"Unemployment Rate": "5%"}}, {"employed"}),
        ({"Labour": {"Employment Rate": "57%", "Unemployment Rate": "5%"}}, {"employed"}),
        ({"Labour": {"Labour Force Participation (15+)": "60%"}}, {"in the labor force"}),
        ({"Labour": {"Participation Rate": "60%", "Employed": "95%", "Unemployed": "5%"}}, {"employed"}),
        (
            {"Employment Status": {"Employed": "57%", "Unemployed": "3%", "Retired": "25%", "Students": "15%"}},
            {"Employed"},
        ),
        (
            {
                "Employment Status": {
                    "At work": {"Full-time": "40%", "Part-time": "17%"},
                    "Unemployed": "3%",
                    "Not in Labor Force": "40%",
                }
            },
            {"Full-time", "Part-time"},
        ),
        ({"Employment Status": {"Employee": "50%", "Self-Employed": "7%"}}, {"Employee", "Self-Employed"}),
    ],
)
def test_facts_about_work_are_of_those_who_work_wherever_the_file_says_who_they_are(
    content: dict[str, Any], working: set[str]
) -> None:
    made = compiled(
        {
            "Employment Type": KINDS,
            "Occupation": {"Services": {"Trade": "30%", "Care": "30%"}, "Industry": "40%"},
            "Remote Work": {"Works from home": "50%"},
            **content,
        }
    )

    facts = facts_of(made)
    at_work = np.isin(facts["employment_status"], list(working))
    assert 0.5 < at_work.mean() < 0.65
    assert (at_work == (facts["employment_type"] != "none")).all()
    assert set(facts["employment_type"][at_work]) == set(KINDS)
    assert (at_work == (facts["occupation"] != "none")).all()
    assert set(facts["occupation"][at_work]) == {"Trade", "Care", "Industry"}
    assert set(facts["remote_work_works_from_home"][~at_work]) == {"no"}
    assert (facts["remote_work_works_from_home"][at_work] == "yes").mean() == pytest.approx(0.5, abs=0.01)


def test_what_else_stands_beside_the_rates_is_kept_and_is_of_the_employed() -> None:
    made = compiled({"Employment": {**RATES, "Full-time": "80%", "Part-time": "20%", "Youth Unemployment Rate": "20%"}})

    assert fields(made, "employment")["table"]["not in the labor force"] == OUT_OF_WORK
    assert targets(made, "employment")["Full-time"] == pytest.approx(0.57 * 0.8)
    assert entry_of(made, "Employment > Youth Unemployment Rate").outcome is ValueOutcome.LEFT_OUT


def test_rates_are_no_second_dimension_beside_a_block_that_says_who_works() -> None:
    status = {"Employed": "57%", "Unemployed": "3%", "Retired": "40%"}
    made = compiled({"Labor Market": RATES, "Employment Status": status, "Sector": {"Public": "20%", "Private": "80%"}})

    assert list(made.spec["dimensions"]) == ["sex", "employment_status", "sector"]
    assert fields(made, "sector")["table"]["Retired"] == OUT_OF_WORK
    assert "Employment Status" in entry_of(made, "Labor Market > Unemployment Rate").said


def test_a_block_that_counts_people_without_work_is_of_everybody() -> None:
    made = compiled({"Labor": RATES, "Occupation": {"Farming": "60%", "Student": "15%", "Retired": "25%"}})

    assert fields(made, "occupation")["values"] == {"Farming": 60, "Student": 15, "Retired": 25}


def test_without_a_word_on_who_works_everybody_has_the_fact_and_the_report_warns() -> None:
    kinds = {"Formal workers": "45%", "Informal": "55%"}
    made = compiled({"Employment Type": kinds, "Industry": {"A": "60%", "B": "40%"}})

    warned = [f.place for f in made.report.findings if "does not say who works" in f.problem]
    assert targets(made, "industry") == {"A": 0.6, "B": 0.4}
    assert warned == ["Employment Type", "Industry"]


def test_opinions_about_work_are_of_everybody() -> None:
    made = compiled({"Employment": RATES, "Public Opinions": {"Job Creation": {"Matters most": "40%"}}})

    assert targets(made, "job_creation_matters_most") == {"yes": 0.4, "no": 0.6}


@given(
    st.lists(st.integers(1, 999), min_size=2, max_size=6),
    st.lists(
        st.sampled_from(["{0},000", "{0}k", "{0} thousand", "{0} 000", "{1} million", "{1}M", "{2} million", "{0}000"]),
        min_size=6,
        max_size=6,
    ),
    st.booleans(),
)
def test_headcounts_of_one_block_count_alike_however_each_is_written(
    thousands: list[int], forms: list[str], is_column: bool
) -> None:
    written = [
        form.format(n, f"{n / 1000:.3f}", f"{n / 1000:.3f}".replace(".", ",")) if n > 1 else f"{n} thousand"
        for n, form in zip(thousands, forms, strict=False)
    ]
    block: dict[str, Any] = {f"Trade {n}": text for n, text in enumerate(["1.8 million", *written])}

    made = compiled({"Occupations": {k: {"Employment": v} for k, v in block.items()} if is_column else block})

    values = fields(made, "occupation")["values"]
    assert values == dict(zip(block, [1_800_000, *(n * 1000 for n in thousands)], strict=True))
