from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from troupe_batch.errors import PlanChanged, ResultsDamaged
from troupe_batch.llm.chat import Endpoint, Parameters
from troupe_batch.llm.prices import DEFAULT_MAX_COMPLETION_TOKENS
from troupe_batch.planning import Plan, differences
from troupe_batch.planning.acting import Acting
from troupe_batch.planning.plan import as_resumed
from troupe_batch.planning.units import auto_units_per_shard, shard_range
from troupe_batch.planning.word_digests import VERSIONS
from troupe_batch.population import PopulationSpec

Make = Callable[..., Plan]
RATING = {"id": "buy", "type": "rating", "text": "Buy?"}
TWO_ARMS = {"arms": [{"id": "a", "material": "x"}, {"id": "b", "material": "y"}]}


def test_units_go_person_by_person_with_their_replicates_together(make: Make) -> None:
    plan = make(people=40, replicates=3)

    units = [plan.unit(u) for u in range(plan.units)]

    assert plan.units == 120
    assert [(u.case, u.replicate) for u in units[:4]] == [(0, 0), (0, 1), (0, 2), (1, 0)]
    assert [u.index for u in units] == list(range(120))
    assert len({u.unit_id for u in units}) == 120


def test_all_people_of_the_population_take_part_where_the_job_names_no_number(make: Make) -> None:
    assert make().people == 100


def test_shards_cover_every_unit_exactly_once(make: Make) -> None:
    plan = make(units_per_shard=7)

    units = [u for shard in range(plan.shards) for u in plan.shard(shard)]

    assert units == list(range(100))
    assert plan.shards == 15


@pytest.mark.parametrize("shard", [-1, 15])
def test_a_shard_that_does_not_exist_is_an_error(make: Make, shard: int) -> None:
    with pytest.raises(IndexError, match="there is no shard"):
        make(units_per_shard=7).shard(shard)


@pytest.mark.parametrize("unit", [-1, 100])
def test_a_unit_that_does_not_exist_is_an_error(make: Make, unit: int) -> None:
    with pytest.raises(IndexError, match="there is no unit"):
        make().unit(unit)


def test_a_person_sees_the_same_arm_in_all_replicates_and_arms_are_balanced(make: Make) -> None:
    plan = make(study=TWO_ARMS, replicates=2)

    arms = {(u.case, u.arm) for u in map(plan.unit, range(plan.units))}

    assert len(arms) == 100
    assert Counter(arm for _, arm in arms) == {"a": 50, "b": 50}


def test_independent_draws_have_a_name_each_and_shared_ones_one_per_replicate(make: Make) -> None:
    independent = make(study=TWO_ARMS, replicates=2)
    shared = make(study=TWO_ARMS, replicates=2, draws="shared")

    assert len({independent.sample_of(independent.unit(u)) for u in range(200)}) == 200
    assert {shared.sample_of(shared.unit(u)) for u in range(200)} == {f"{shared.job.seed}.{r}" for r in (0, 1)}


def test_more_people_or_replicates_leave_the_draws_of_the_first_as_they_are(make: Make) -> None:
    small, large = make(people=10), make(people=100, replicates=4)

    for person in range(10):
        unit, same = small.unit(person), large.unit(person * 4)
        assert (unit.unit_id, unit.arm, small.sample_of(unit)) == (same.unit_id, same.arm, large.sample_of(same))


def test_a_plan_survives_json_and_keeps_its_digest(make: Make) -> None:
    plan = make(study=TWO_ARMS, replicates=2, model={"temperature": 0.5}, budget={"max_usd": 2})

    again = Plan.from_json(plan.to_json())

    assert again == plan
    assert again.to_json() == plan.to_json()
    assert again.digest == plan.digest
    assert again.population.digest == plan.population.digest
    assert [again.unit(u) for u in range(200)] == [plan.unit(u) for u in range(200)]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"schema": "troupe_batch/plan/9"}'])
def test_a_damaged_plan_is_said_to_be_one(text: str) -> None:
    with pytest.raises(ResultsDamaged, match="the stored plan"):
        Plan.from_json(text)


def test_a_plan_with_a_missing_part_is_said_to_be_damaged(make: Make) -> None:
    text = make().to_json().replace('"people":100', '"persons":100')

    with pytest.raises(ResultsDamaged, match="people"):
        Plan.from_json(text)


@pytest.mark.parametrize(
    "fields",
    [
        {"budget": {"max_usd": 5}},
        {"title": "Another title"},
        {"study": {"arms": [{"id": "a", "title": "Another", "material": "x"}, {"id": "b", "material": "y"}]}},
        {"rehearsal": None},
        {"people": 100},
    ],
)
def test_titles_and_the_budget_change_neither_digest_nor_plan(make: Make, fields: Any) -> None:
    old, new = make(study=TWO_ARMS), make(**{"study": TWO_ARMS, **fields})

    assert new.digest == old.digest
    assert differences(old, new) == []


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        ({"people": 90, "units_per_shard": 25}, ["people: 100 -> 90"]),
        ({"seed": 2}, ["seed: 0 -> 2"]),
        ({"replicates": 2, "units_per_shard": 25}, ["replicates: 1 -> 2"]),
        ({"draws": "shared"}, ["draws: 'independent' -> 'shared'"]),
        ({"units_per_shard": 10}, ["units_per_shard: 25 -> 10"]),
        ({"model": {"temperature": 0}}, ["parameters.temperature: nothing -> 0.0"]),
        (
            {"study": {"questions": [{**RATING, "labels": list("ABCDEFG")}]}},
            ["study.questions[0].labels: 5 labels -> 7 labels"],
        ),
        (
            {"study": {"questions": [{**RATING, "labels": list("ABCDZ")}]}},
            ["study.questions[0].labels[4].label: 'E' -> 'Z'"],
        ),
        (
            {"study": {"questions": [{**RATING, "labels": list("ABCDE")}, {**RATING, "id": "b", "labels": [1, 2]}]}},
            ["study.questions: 1 question -> 2 questions"],
        ),
        ({"study": {"introduction": "Hello."}}, ["study.introduction: nothing -> 'Hello.'"]),
    ],
)
def test_what_changed_is_named_in_a_readable_line(make: Make, fields: Any, lines: list[str]) -> None:
    old, new = make(), make(**fields)

    assert differences(old, new) == lines
    assert new.digest != old.digest


def test_a_change_deep_in_a_long_text_is_shown_where_it_is(make: Make) -> None:
    story = "This is a long story about soup that goes on. " * 5
    old, new = (make(study={"introduction": story + end}) for end in ("It ends well.", "It ends badly."))

    assert differences(old, new) == [
        "study.introduction: '...at goes on. It ends well.' -> '...at goes on. It ends badly.'"
    ]


def test_the_job_decides_parameters_and_the_settings_fill_in_the_rest(make: Make) -> None:
    defaults = Parameters(temperature=1.0, max_completion_tokens=500, reasoning_effort="low")

    plan = make(model={"temperature": 0, "top_p": 0.5}, defaults=defaults)

    assert plan.parameters == Parameters(0.0, 0.5, 500, "low")


def test_the_words_of_a_population_change_neither_digest_nor_plan(make: Make, population: dict[str, Any]) -> None:
    region = {**population["dimensions"]["region"], "source": "assumption: another", "note": "rounded"}
    said = {
        "title": "A hundred",
        "universe": {"description": "everyone"},
        "sources": [{"id": "census", "citation": "The census"}],
        "dimensions": {"region": region},
    }

    old, new = make(), make(population=PopulationSpec(**{**population, **said}))

    assert new.population.digest != old.population.digest
    assert (new.digest, differences(old, new)) == (old.digest, [])
    moved = {**region, "values": {"North": 0.4, "South": 0.6}}
    assert make(population=PopulationSpec(**{**population, "dimensions": {"region": moved}})).digest != old.digest


def test_every_plan_limits_the_length_of_replies_so_that_a_cap_has_a_worst_case(make: Make) -> None:
    assert make().parameters.max_completion_tokens == DEFAULT_MAX_COMPLETION_TOKENS
    assert make(budget={"max_usd": 1}).digest == make().digest


def test_the_cap_is_the_jobs_else_that_of_the_settings_and_travels_with_the_plan(make: Make) -> None:
    assert make().cap_usd is None
    assert make(cap_usd=3.0).cap_usd == 3.0
    assert make(cap_usd=3.0, budget={"max_usd": 0}).cap_usd == 0
    assert Plan.from_json(make(cap_usd=3.0).to_json()).cap_usd == 3.0
    assert make(cap_usd=3.0).digest == make().digest


def test_another_release_that_asks_the_same_has_the_same_plan(make: Make) -> None:
    old, new = dataclasses.replace(make(), code_version="0.0.1"), make()

    assert (old.digest, differences(old, new)) == (new.digest, [])
    assert Plan.from_json(old.to_json()).code_version == "0.0.1"


@pytest.mark.parametrize("replicates", [1, 2, 3, 7])
def test_prose_about_a_person_is_written_in_one_shard_alone(make: Make, replicates: int) -> None:
    plan = make(enrich="bio", replicates=replicates, units_per_shard=5)

    people = [{plan.unit(u).case for u in plan.shard(shard)} for shard in range(plan.shards)]

    assert sum(map(len, people)) == 100
    assert 5 <= plan.units_per_shard < 5 + replicates
    assert make(replicates=replicates, units_per_shard=5).units_per_shard == 5


def test_whole_and_broken_ways_to_write_a_temperature_are_one_plan(make: Make) -> None:
    assert make(defaults=Parameters(temperature=1)).digest == make(model={"temperature": 1.0}).digest


def test_other_prompts_than_the_planned_ones_are_refused_by_name(make: Make) -> None:
    plan = make()
    text = plan.to_json().replace(plan.prompt_digests["survey/system.md"], "0" * 64)

    plan.check_prompts()
    with pytest.raises(PlanChanged, match=r"survey/system\.md .* run small was planned with"):
        Plan.from_json(text).check_prompts()


def test_a_changed_version_of_words_in_the_code_refuses_runs_of_before(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = make()
    monkeypatch.setitem(VERSIONS, "survey", 2)
    after = make()

    assert set(after.prompt_digests) - set(before.prompt_digests) == {"words/survey"}
    assert after.digest != before.digest
    with pytest.raises(PlanChanged, match=r"the prompts words/survey are not those that run small was planned with"):
        before.check_prompts()


def test_words_that_a_study_does_not_use_change_no_plan_of_it(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    before = make()
    for kind in ("acting", "prose", "waves"):
        monkeypatch.setitem(VERSIONS, kind, 2)

    assert make().digest == before.digest


def test_a_run_whose_people_would_be_named_from_other_lists_is_refused(make: Make) -> None:
    plan = make()
    body = orjson.loads(plan.to_json())
    body["prompt_digests"]["names/en_US"] = "0" * 64

    with pytest.raises(PlanChanged, match=r"names/en_US are not those .* with the Faker of then"):
        Plan.from_json(orjson.dumps(body)).check_prompts()


def test_people_of_a_release_that_drew_others_are_refused(make: Make) -> None:
    plan = make()
    before = Plan.from_json(plan.to_json().replace(f'"drawing":{plan.drawing},', ""))

    assert plan.drawing is not None
    assert differences(before, plan) == [f"this release draws other people (drawing: nothing -> {plan.drawing})"]
    with pytest.raises(PlanChanged, match=r"a release that draws other people; use troupe_batch"):
        before.check_prompts()


def test_a_run_whose_people_were_split_otherwise_over_its_arms_is_refused(make: Make) -> None:
    plan = make(study=TWO_ARMS)
    before = Plan.from_json(plan.to_json().replace(f'"splitting":{plan.splitting},', ""))

    assert before.splitting is None
    assert differences(before, plan) == [
        f"this release puts people into other arms (splitting: nothing -> {plan.splitting})"
    ]
    with pytest.raises(PlanChanged, match=r"run small was planned by a release that puts people into other arms; use"):
        before.check_prompts()
    assert make().splitting is None


@given(units=st.integers(1, 10**7), calls=st.integers(1, 20_000))
def test_shards_have_work_for_every_slot_but_never_more_than_10000_calls(units: int, calls: int) -> None:
    size = auto_units_per_shard(units, calls)

    assert 1 <= size <= units
    assert size == 1 or size * calls <= 10_000
    assert size <= 2_500


@pytest.mark.parametrize(
    ("units", "calls", "size"), [(10, 1, 10), (200, 5, 25), (1_000, 5, 125), (100_000, 1, 2_500), (100_000, 5, 2_000)]
)
def test_a_small_job_still_has_several_shards(units: int, calls: int, size: int) -> None:
    assert auto_units_per_shard(units, calls) == size


@given(units=st.integers(1, 50), size=st.integers(1, 12), data=st.data())
def test_every_unit_is_in_exactly_one_shard(units: int, size: int, data: st.DataObject) -> None:
    unit = data.draw(st.integers(0, units - 1))
    shards = range(-(-units // size))

    holders = [s for s in shards if unit in shard_range(s, units=units, units_per_shard=size)]

    assert holders == [unit // size]


def test_the_prompts_that_write_prose_are_part_of_the_plan(make: Make) -> None:
    plain, enriched = make(), make(enrich="bio")

    assert "factory/bio.md" in enriched.prompt_digests
    assert not any(name.startswith("factory/") for name in plain.prompt_digests)
    assert differences(plain, enriched)[-1] == "enrich: 'none' -> 'bio'"
    changed = dataclasses.replace(enriched, prompt_digests={**enriched.prompt_digests, "factory/bio.md": "0" * 64})
    with pytest.raises(PlanChanged, match=r"factory/bio\.md"):
        changed.check_prompts()


def test_the_reasoning_model_judges_prose_in_every_kind_of_study(make: Make) -> None:
    large = Endpoint("openai", "large")
    enriched = make(enrich="bio", acting=Acting(reasoning=large))

    assert enriched.judge == Plan.from_json(enriched.to_json()).judge == large
    assert enriched.models == (enriched.endpoint.model, "large")
    assert (make(enrich="bio").judge, make(acting=Acting(reasoning=large)).judge) == (None, None)
    assert make(enrich="bio", acting=Acting()).digest == make(enrich="bio").digest
    assert [line for line in differences(make(enrich="bio"), enriched) if line.startswith("judge")]


def test_a_rehearsal_goes_on_with_the_judge_that_it_began_with(make: Make) -> None:
    rehearsal = Endpoint("rehearsal/any-1/0", "m", is_rehearsal=True)
    began, now = (
        make(enrich="bio", endpoint=rehearsal, acting=Acting(reasoning=dataclasses.replace(rehearsal, model=model)))
        for model in ("large", "larger")
    )

    assert as_resumed(now, began).digest == began.digest
