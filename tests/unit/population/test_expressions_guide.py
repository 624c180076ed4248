"""The guide to expressions: its file loads, and its messages are those that users get."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.doubles.studies import spec_of
from troupe_batch.errors import SpecError
from troupe_batch.population import Population, resolve_population
from troupe_batch.spec_files import read_spec_text

PROJECT = Path(__file__).resolve().parents[3]
GUIDE = (PROJECT / "docs" / "expressions.md").read_text(encoding="utf-8")
FILE, LINE = re.findall(r"```yaml\n(.*?)```", GUIDE, flags=re.DOTALL)
(MESSAGES,) = re.findall(r"```text\n(.*?)```", GUIDE, flags=re.DOTALL)


def load(text: str) -> Population:
    return resolve_population(read_spec_text("staff.yaml", text), PROJECT / "populations").population


def test_the_file_of_the_guide_holds_what_the_guide_says() -> None:
    people = load(FILE)

    facts = people.facts(0, 1_000)

    assert "joined_at" not in facts
    assert (facts["age"] - facts["years_here"]).min() >= 16
    assert set(facts["age_band"]) == {"18-34", "35-49", "50-69"}
    assert {margin.dimension for margin in people.margins()} >= {"age", "age_band", "education"}
    assert not people.has_fragment(0, 1_000)[facts["years_here"] < 20].any()
    assert all(cell.realised_count == round(1_000 * cell.target) for cell in people.control_cells())


WRONG = {
    "cut(age, ": "cut(agee, ",
    "years_here >= 20": "years_here = 20",
    "joined_at >= 16": "education == 'masters'",
    "not (education == 'master'": "not (education == school",
    "age < 50": "age",
}


@pytest.mark.parametrize(("right", "message"), list(zip(WRONG, MESSAGES.splitlines(), strict=True)), ids=list(WRONG))
def test_each_message_of_the_guide_is_what_its_mistake_gives(right: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        load(FILE.replace(right, WRONG[right], 1))

    assert str(caught.value) == message


def test_the_line_of_the_guide_fits_the_questions_that_it_speaks_of() -> None:
    text = f"""kind: interview
script:
- ask: {{id: liking, type: rating, text: How much?, labels: [Not, Rather, Much]}}
- ask: {{id: merits, type: multi, text: What?, options: [Price, Taste]}}
- ask: {{id: first_thought, type: open, text: What comes to mind?}}
{LINE}"""

    spec = spec_of(text)

    assert list(spec.mistakes()) == []
