"""Plans of studies in which people act: cases instead of people, and minds that all workers agree on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from troupe_batch.errors import ResultsDamaged, SpecError
from troupe_batch.llm.chat import Endpoint
from troupe_batch.persona import Persona
from troupe_batch.planning import Job, JobSpec, Plan, differences, make_plan, parse_job, resolve_job
from troupe_batch.planning.acting import Acting
from troupe_batch.planning.units import auto_units_per_shard
from troupe_batch.population import PopulationSpec
from troupe_batch.simulation.mind import MindSettings
from troupe_batch.simulation.person.person import TinyPerson

Make = Callable[..., Plan]
HERE = Endpoint("test", "gpt-4o-mini")
ACTING = Acting(MindSettings(max_actions=5), replace(HERE, model="o9"), replace(HERE, model="embed"))
INTERVIEW: dict[str, Any] = {
    "kind": "interview",
    "arms": [{"id": "a", "material": "x"}, {"id": "b", "material": "y"}],
    "script": [{"say": "Hello."}, {"ask": {"id": "mood", "type": "open", "text": "How are you?"}}],
}
WORLD: dict[str, Any] = {
    "kind": "world",
    "seats": [
        {"name": "host", "count": 1, "where": {"region": "North"}},
        {"name": "guest", "count": 2, "where": {"region": "South"}},
    ],
    "steps": 2,
}


@pytest.fixture
def planned(population: dict[str, Any]) -> Make:
    def plan(study: dict[str, Any], acting: Acting | None = ACTING, **fields: Any) -> Plan:
        job = JobSpec(id="small", population=PopulationSpec(**population), study=study, **fields)
        return make_plan(resolve_job(job), endpoint=HERE, acting=acting)

    return plan


def test_a_survey_plans_no_minds_and_its_digest_does_not_depend_on_them(make: Make, planned: Make) -> None:
    study = {"questions": [{"id": "buy", "type": "rating", "text": "Buy?", "labels": ["A", "B", "C", "D", "E"]}]}

    plan = planned(study)

    assert plan.acting is None
    assert plan.digest == make().digest
    assert b"embed" not in plan.to_json().encode()
    assert plan.settings.embedding is None


def test_the_plan_of_a_survey_that_says_nothing_of_cases_is_one_of_a_case_per_person(make: Make) -> None:
    plan = make(replicates=2)
    body = orjson.loads(plan.to_json())
    del body["cases"]

    old = Plan.from_json(orjson.dumps(body))

    assert old == plan
    assert old.digest == plan.digest
    assert (old.cases, old.units) == (100, 200)


def test_a_plan_of_people_who_act_holds_their_minds_and_survives_json(planned: Make) -> None:
    plan = planned(INTERVIEW)

    again = Plan.from_json(plan.to_json())

    assert again == plan
    assert again.digest == plan.digest
    assert again.settings.minds.max_actions == 5
    assert (again.settings.reasoning, again.settings.embedding) == (ACTING.reasoning, ACTING.embedding)
    assert again.acting is not None
    assert again.acting.further_models == ("o9", "embed")


@pytest.mark.parametrize(
    ("acting", "line"),
    [
        (replace(ACTING, minds=MindSettings()), "acting.minds.max_actions: 5 -> 12"),
        (replace(ACTING, reasoning=None), "acting.reasoning: 3 fields -> nothing"),
        (replace(ACTING, embedding=HERE), "acting.embedding.model: 'embed' -> 'gpt-4o-mini'"),
    ],
)
def test_other_minds_are_another_plan(planned: Make, acting: Acting, line: str) -> None:
    old, new = planned(INTERVIEW), planned(INTERVIEW, acting)

    assert new.digest != old.digest
    assert line in differences(old, new)


def test_titles_of_arms_change_no_plan_of_any_kind(planned: Make) -> None:
    titled = {**INTERVIEW, "arms": [{**arm, "title": "Another"} for arm in INTERVIEW["arms"]]}

    assert planned(titled).digest == planned(INTERVIEW).digest
    assert planned({**INTERVIEW, "interviewer": "Ms Smith"}).digest != planned(INTERVIEW).digest


def test_a_plan_with_minds_that_this_code_does_not_know_is_said_to_be_damaged(planned: Make) -> None:
    text = planned(INTERVIEW).to_json().replace("max_actions", "most_acts")

    with pytest.raises(ResultsDamaged, match="most_acts"):
        Plan.from_json(text)


def test_units_of_interviews_are_people_and_those_of_worlds_are_worlds(planned: Make) -> None:
    interview, world = planned(INTERVIEW, replicates=2), planned(WORLD, replicates=2)

    assert (interview.cases, interview.units) == (100, 200)
    assert interview.unit(35).unit_id == "p000017.1"
    # 50 northerners and 50 southerners: a host and two guests each make 25 worlds.
    assert (world.cases, world.units) == (25, 50)
    assert [world.unit(u).unit_id for u in (0, 1, 25)] == ["w000000.0", "w000000.1", "w000012.1"]
    assert world.unit(25).case == 12


def test_shards_of_worlds_are_as_large_as_their_calls_allow(planned: Make) -> None:
    small, long = planned(WORLD), planned({**WORLD, "steps": 500})

    # Few worlds still keep several workers busy, as long as a shard has some 100 calls.
    assert small.units_per_shard == -(-100 // small.study.design.calls_per_unit) < 25
    assert long.study.design.calls_per_unit >= 1_500
    assert long.units_per_shard == -(-25 // 8)
    assert auto_units_per_shard(1_000, long.study.design.calls_per_unit) == 10_000 // long.study.design.calls_per_unit


CHECKED = Acting(MindSettings(checks_quality=True, quality_attempts=2))
TWO_ACTS: dict[str, Any] = {
    "kind": "interview",
    "script": [{"think": "Hm."}, {"say": "Hello."}, {"ask": {"id": "mood", "type": "open", "text": "How are you?"}}],
    "extraction": [{"id": "mood", "objective": "Moods.", "fields": [{"id": "feeling", "type": "text", "text": "F"}]}],
}
JUDGED = {**WORLD, "interventions": [{"name": "a", "when": {"text": "They agree.", "step": 2}, "do": {"say": "X"}}]}


@pytest.mark.parametrize(
    ("study", "plain", "checked"), [(TWO_ACTS, 2 + 1, 2 * 4 + 1), (WORLD, 6, 6 * 4), (JUDGED, 6 + 1, 6 * 4 + 1)]
)
def test_the_checks_of_each_act_are_counted_where_they_are_on(
    planned: Make, study: dict[str, Any], plain: int, checked: int
) -> None:
    for acting, calls in ((ACTING, plain), (CHECKED, checked)):
        plan = planned(study, acting)
        people = [
            TinyPerson.cast(seat, Persona({"name": f"Ann {seat}"}), {}) for seat in range(plan.study.design.seats)
        ]

        assert plan.calls_per_unit == calls
        # Example people are scored below the threshold, so they make all of the calls that they may.
        assert len(plan.study.planned_calls(plan.unit(0), people, plan.settings)) == calls


def test_shards_are_as_large_as_their_calls_allow_with_the_checks(planned: Make) -> None:
    long = {**WORLD, "steps": 500}

    plain, checked = planned(long, replicates=40), planned(long, CHECKED, replicates=40)

    assert (plain.units_per_shard, checked.units_per_shard) == (10_000 // 1_500, 10_000 // 6_000)


def test_a_survey_has_nothing_to_check(planned: Make) -> None:
    study = {"questions": [{"id": "buy", "type": "rating", "text": "Buy?", "labels": ["A", "B", "C", "D", "E"]}]}

    plan = planned(study, CHECKED)

    assert plan.calls_per_unit == plan.study.design.calls_per_unit == 1


TOO_MANY = """id: crowd
population:
  schema: troupe_batch/population/1
  id: few
  size: 10
  dimensions: {region: {type: categorical, values: {North: 1.0}, source: invented}}
study:
  kind: world
  steps: 1
  seats:
    - name: host
      count: 1
      where: {region: North}
    - name: guest
      count: 20
      where: {region: North}
"""


def test_seats_that_cannot_be_filled_are_named_with_the_file_and_the_line(tmp_path: Path) -> None:
    job = parse_job(TOO_MANY, name="crowd.yaml", folder=tmp_path)

    with pytest.raises(SpecError) as caught:
        make_plan(job, endpoint=HERE)

    [mistake] = caught.value.mistakes
    assert str(caught.value).startswith(f"crowd.yaml:{mistake.line}: study")
    assert mistake.line is not None
    assert mistake.line >= 7


def job_with_document(folder: Path) -> Job:
    study = {**INTERVIEW, "documents": [{"file": "notes/soup.md"}]}
    spec = {"id": "reading", "population": "few.yaml", "study": study}
    text = orjson.dumps(spec).decode()
    (folder / "few.yaml").write_text(
        "schema: troupe_batch/population/1\nid: few\nsize: 10\n"
        "dimensions: {region: {type: categorical, values: {North: 1.0}, source: invented}}\n"
    )
    return parse_job(text, name=str(folder / "job.json"), folder=folder)


def test_a_plan_holds_the_documents_that_its_job_names(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "soup.md").write_text("# Soup\nIt is served cold.")

    plan = make_plan(job_with_document(tmp_path), endpoint=HERE)

    (tmp_path / "notes" / "soup.md").unlink()
    assert "It is served cold." in plan.to_json()
    assert Plan.from_json(plan.to_json()).study.design.calls_per_unit == plan.study.design.calls_per_unit


def test_a_document_that_is_not_there_is_named_with_the_line_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        job_with_document(tmp_path)

    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/job.json:1: study.documents[0].file: ")
    assert "notes/soup.md: " in message
    assert "no such file" in message.lower()


def test_worlds_planned_before_there_was_a_choice_are_composed_as_they_were_and_go_on_where_the_job_says_so(
    planned: Make,
) -> None:
    plan, as_before = planned(WORLD), planned({**WORLD, "composition": "balanced"})
    text = as_before.to_json().replace('"composition":"balanced",', "")

    before = Plan.from_json(text)

    assert "composition" not in text
    assert before.digest == as_before.digest
    assert differences(before, plan) == ["study.composition: 'balanced' -> 'random'"]
    before.check_prompts()


def test_where_nobody_is_put_together_a_composition_changes_no_plan(planned: Make) -> None:
    alone = {name: value for name, value in WORLD.items() if name not in ("seats", "script")} | {"people_per_world": 1}
    plan = planned(alone)

    assert plan.composition is None
    assert plan.digest == Plan.from_json(plan.to_json().replace('"composition":"random",', "")).digest
