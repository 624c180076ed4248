from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from troupe_batch.errors import SettingsError
from troupe_batch.planning import Job, JobSpec, resolve_job
from troupe_batch.settings import Settings, load_settings
from troupe_batch.simulation.mind import MindSettings
from troupe_batch.use_cases.plans import plan_estimate, plan_job
from troupe_batch.wiring.minds import mind_settings
from troupe_batch.wiring.people import casting_of

POPULATION = {
    "schema": "troupe_batch/population/1",
    "id": "forty",
    "size": 40,
    "dimensions": {"region": {"type": "categorical", "values": {"North": 0.5, "South": 0.5}, "source": "invented"}},
}
WORLD = {
    "kind": "world",
    "steps": 2,
    "seats": [
        {"name": "host", "count": 1, "where": {"region": "North"}},
        {"name": "guest", "count": 1, "where": {"region": "South"}},
    ],
}
PYTHON = {
    "kind": "python",
    "function": "tests.doubles.pairs:is_quiet",
    "questions": [{"id": "why", "type": "open", "text": "Why?"}],
}
SURVEY = {"questions": [{"id": "why", "type": "open", "text": "Why?"}]}


def settings(**options: str) -> Settings:
    return load_settings(environment={f"TROUPE_{name.upper()}": value for name, value in options.items()})


def job(study: dict[str, Any]) -> Job:
    return resolve_job(JobSpec.model_validate({"id": "forty", "population": POPULATION, "study": study}))


# One other value for each option that decides how people remember, act and are checked.
OTHERS: dict[str, tuple[str, str, Any]] = {
    "consolidates": ("cognition_enable_memory_consolidation", "false", False),
    "min_episode_length": ("cognition_min_episode_length", "3", 3),
    "max_episode_length": ("cognition_max_episode_length", "7", 7),
    "fixed_prefix_length": ("cognition_episodic_memory_fixed_prefix_length", "2", 2),
    "lookback_length": ("cognition_episodic_memory_lookback_length", "4", 4),
    "retrieves": ("cognition_enable_continuous_contextual_semantic_memory_retrieval", "false", False),
    "max_actions": ("cognition_max_actions", "5", 5),
    "max_rounds": ("cognition_max_rounds", "1", 1),
    "prevents_harm": ("simulation_rai_harmful_content_prevention", "false", False),
    "prevents_copyright_infringement": ("simulation_rai_copyright_infringement_prevention", "false", False),
    "checks_quality": ("actiongenerator_enable_quality_checks", "true", True),
    "quality_attempts": ("actiongenerator_max_attempts", "4", 4),
    "quality_threshold": ("actiongenerator_quality_threshold", "8", 8),
}


def test_the_defaults_of_settings_and_minds_agree() -> None:
    assert mind_settings(settings()) == MindSettings()
    assert set(OTHERS) == {field.name for field in dataclasses.fields(MindSettings)}


@pytest.mark.parametrize("name", OTHERS)
def test_each_option_reaches_the_plan_of_people_who_act_and_changes_it(name: str) -> None:
    option, text, value = OTHERS[name]

    plan = plan_job(settings(**{option: text}), job(WORLD))

    assert plan.acting is not None
    assert plan.acting.minds == dataclasses.replace(MindSettings(), **{name: value})
    assert plan.settings.minds == plan.acting.minds
    assert plan.digest != plan_job(settings(), job(WORLD)).digest
    assert plan_job(settings(**{option: text}), job(SURVEY)).digest == plan_job(settings(), job(SURVEY)).digest


def test_further_models_are_asked_at_the_service_of_the_main_one() -> None:
    here = settings(openai_reasoning_model="o9", openai_embedding_model="vectors")

    plan = plan_job(here, job(WORLD), rehearse=True)

    assert plan.acting is not None
    assert plan.acting.reasoning == dataclasses.replace(plan.endpoint, model="o9")
    assert plan.acting.embedding == dataclasses.replace(plan.endpoint, model="vectors")
    assert plan.endpoint.is_rehearsal


def test_without_a_reasoning_model_the_main_one_deliberates() -> None:
    plan = plan_job(settings(), job(WORLD))

    assert plan.settings.reasoning is None
    assert plan.acting is not None
    assert plan.acting.further_models == ("text-embedding-3-small",)


def test_a_world_is_planned_estimated_and_cast_from_its_own_people() -> None:
    plan = plan_job(settings(), job(WORLD))

    forecast = plan_estimate(settings(), plan)
    casting = casting_of(plan)
    people = casting.people(range(plan.cases))

    assert (plan.cases, plan.unit(19).unit_id) == (20, "w000019.0")
    assert forecast.calls == 20 * plan.study.design.calls_per_unit
    assert forecast.prompt_tokens > forecast.calls * 100
    assert forecast.cost_usd is not None
    assert [[people[n].facts["region"] for n in casting.members(case)] for case in range(20)] == [
        ["North", "South"]
    ] * 20


def test_python_code_is_not_run_where_the_settings_do_not_allow_it() -> None:
    with pytest.raises(SettingsError, match=r"Simulation\.ALLOW_PYTHON_STUDIES \(default\) is off"):
        plan_job(settings(), job({**PYTHON, "function": "no.such.module:at_all"}))


def test_python_code_is_planned_where_the_settings_allow_it() -> None:
    plan = plan_job(settings(simulation_allow_python_studies="true"), job(PYTHON))

    assert plan.units == 40
    assert plan.acting is not None
