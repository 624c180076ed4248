"""Which run a wave may follow, told before anybody is asked."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.panels import POPULATION
from troupe_batch.errors import SpecError
from troupe_batch.planning import Job, JobSpec
from troupe_batch.results.freezing import freeze
from troupe_batch.results.store import RunStore
from troupe_batch.settings import Settings, load_settings
from troupe_batch.wiring.jobs import resolve_job
from troupe_batch.wiring.plans import plan_job, prepare_job

SURVEY = {"questions": [{"id": "why", "type": "open", "text": "Why?"}]}


def job(name: str, **fields: Any) -> Job:
    return resolve_job(JobSpec.model_validate({"id": name, "population": POPULATION, "study": SURVEY, **fields}))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    places = {"TROUPE_STORAGE_URL": str(tmp_path / "runs"), "TROUPE_STORAGE_STATE_FOLDER": str(tmp_path / "state")}
    return load_settings(environment=places)


def started(settings: Settings, name: str, **fields: Any) -> None:
    plan = plan_job(settings, job(name, **fields))
    asyncio.run(freeze(RunStore.open(settings.storage.url, name), plan, "job"))


WAVE = {"number": 2, "after": "one", "memory": "none"}


@pytest.mark.parametrize("enrich", [("bio", "none"), ("none", "bio"), ("bio", "bio")])
def test_people_about_whom_a_model_wrote_in_either_wave_are_not_the_same(
    settings: Settings, enrich: tuple[str, str]
) -> None:
    before, now = enrich
    started(settings, "one", enrich=before)

    with pytest.raises(SpecError, match=r"population: a model writes about these people, .* in every wave"):
        prepare_job(settings, job("two", enrich=now, wave=WAVE))


def test_people_of_facts_alone_are_the_same(settings: Settings) -> None:
    started(settings, "one")

    wave = prepare_job(settings, job("two", wave=WAVE)).plan.wave

    assert wave is not None
    assert (wave.number, wave.after) == (2, "one")


def test_an_address_that_no_store_has_is_told_as_such(settings: Settings) -> None:
    with pytest.raises(SpecError, match=r"wave\.after: ftp://host: .* no store has addresses that begin with ftp://; "):
        prepare_job(settings, job("two", wave={**WAVE, "after": "ftp://host/one"}))
