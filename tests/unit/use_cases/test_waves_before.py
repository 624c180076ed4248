"""Which run a wave may follow, told before anybody is asked."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.panels import POPULATION
from troupe_batch.errors import SpecError
from troupe_batch.planning import Job, JobSpec
from troupe_batch.results.freezing import freeze
from troupe_batch.results.store import RunStore
from troupe_batch.settings import Settings, load_settings
from troupe_batch.use_cases.given_files import resolve_job
from troupe_batch.use_cases.plans import plan_job, prepare_job

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


@pytest.mark.parametrize("address", ["ftp://host", "s3://bucket/runs", "http://169.254.169.254/latest", "file:///etc"])
def test_only_the_store_of_this_installation_is_asked_for_the_wave_before(settings: Settings, address: str) -> None:
    with pytest.raises(SpecError) as caught:
        prepare_job(settings, job("two", wave={**WAVE, "after": f"{address}/one"}))

    assert f"wave.after: {address} is not where runs are kept here" in str(caught.value)
    assert settings.storage.url in str(caught.value)


def test_a_run_may_be_named_by_its_address_in_the_store_of_this_installation(tmp_path: Path) -> None:
    places = {"TROUPE_STORAGE_URL": f"file://{tmp_path}/runs", "TROUPE_STORAGE_STATE_FOLDER": str(tmp_path / "state")}
    settings = load_settings(environment=places)
    started(settings, "one")

    wave = prepare_job(settings, job("two", wave={**WAVE, "after": f"file://{tmp_path}/runs/one"})).plan.wave

    assert wave is not None
    assert wave.after == "one"


@pytest.mark.parametrize("memory", ["none", "summary"])
def test_a_wave_after_a_study_in_python_runs_none_of_its_code(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: str
) -> None:
    module = tmp_path / f"study_of_{memory}.py"
    module.write_text("async def talk(case):\n    return {}\n")
    monkeypatch.syspath_prepend(tmp_path)
    study = {"kind": "python", "function": f"{module.stem}:talk", "questions": SURVEY["questions"]}
    allowed = settings.with_values("a test", simulation__allow_python_studies="true")
    started(allowed, "one", study=study)
    del sys.modules[module.stem]
    module.write_text("raise SystemExit('this ran')\n")

    with contextlib.suppress(SpecError):  # it has no dataset, which is only asked for where people remember
        prepare_job(settings, job("two", wave={**WAVE, "memory": memory}))

    assert module.stem not in sys.modules
