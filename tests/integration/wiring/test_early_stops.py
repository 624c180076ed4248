"""Runs that a systematic fault stops, in this process: what stays of them, and what their resume asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.doubles.endpoint import FakeEndpoint, Habits, Say, fake_endpoint
from troupe_batch.api import Result, run
from troupe_batch.results.failures import failures_of
from troupe_batch.results.store import RunStore
from troupe_batch.settings import Settings, load_settings

PROJECT = Path(__file__).resolve().parents[3]
PEOPLE = 60
QUESTIONS = [
    {"id": "likely", "type": "rating", "text": "How likely?", "labels": ["no", "perhaps", "yes"]},
    {"id": "reason", "type": "single", "text": "Why?", "options": ["price", "taste"]},
]
ARMS = [{"id": "short", "material": "A soup. " * 300}, {"id": "long", "material": "A soup. " * 500}]


@pytest.fixture
def job(tmp_path: Path) -> Path:
    return write(tmp_path)


def write(folder: Path, **model: Any) -> Path:
    spec = {
        "schema": "troupe_batch/job/1",
        "id": "soup",
        "population": str(PROJECT / "populations" / "us_adults.yaml"),
        "people": PEOPLE,
        "units_per_shard": 3,
        "study": {"kind": "survey", "asking": "question", "memory": "none", "questions": QUESTIONS, "arms": ARMS},
        "model": {"name": "a-model", **model},
    }
    path = folder / "soup.yaml"
    path.write_text(yaml.safe_dump(spec), encoding="utf-8")
    return path


def settings(folder: Path, server: FakeEndpoint, **more: str) -> Settings:
    flags = {
        "OpenAI.BASE_URL": server.url,
        "OpenAI.PROBE": "no",
        "OpenAI.MAX_CONCURRENT_MODEL_CALLS": "4",
        "Storage.URL": str(folder / "runs"),
        "Storage.STATE_FOLDER": str(folder / "state"),
        **{name.replace("__", "."): value for name, value in more.items()},
    }
    return load_settings(environment={}, flags=flags)


async def started(job: Path, chosen: Settings, *, again: bool = False) -> Result:
    return await run(job, inline=True, again=again, settings=chosen, progress=False)


async def test_answers_to_cut_prompts_are_neither_kept_nor_found_in_the_cache(job: Path, tmp_path: Path) -> None:
    with fake_endpoint(Habits(context_tokens=512)) as server:
        stopped = await started(job, settings(tmp_path, server))
        statuses, cut = set(stopped.answers["status"]), len(server.chats)
        server.habits = Habits()
        done = await started(job, settings(tmp_path, server))

    assert stopped.outcome.error == "EndpointUnsuitable"
    assert statuses == {"not_run"}
    assert done.is_complete
    assert done.manifest.answered == 2 * PEOPLE
    assert 512 not in set(done.llm_calls["prompt_tokens"])
    assert cut <= 12
    assert len(server.chats) == cut + 2 * PEOPLE


async def test_small_shards_that_were_committed_before_the_fault_was_known_are_asked_again(
    job: Path, tmp_path: Path
) -> None:
    refusal = Say(400, {"error": {"message": "no such grammar here"}})
    with fake_endpoint(Habits(on={"Why?": refusal})) as server:
        stopped = await started(job, settings(tmp_path, server))
        store = RunStore.open(str(tmp_path / "runs"), "soup")
        committed, statuses = await store.committed(), set(stopped.answers["status"])
        shown = await failures_of(store, shards=PEOPLE // 3, examples=1)
        server.habits = Habits()
        done = await started(job, settings(tmp_path, server))
        served = server.status_codes.count(200)

    assert stopped.outcome.error == "EndpointUnsuitable"
    assert "requests for reason (schema 'answers') failed alike" in str(stopped.outcome.reason)
    assert committed == set()
    assert statuses <= {"not_run", "answered"}
    assert [one.status for one in shown.groups] == ["failed"]
    assert done.manifest.answered == served == 2 * PEOPLE


async def test_whoever_wants_every_failure_as_a_row_gets_it(job: Path, tmp_path: Path) -> None:
    with fake_endpoint(Habits(schema="refused")) as server:
        done = await started(job, settings(tmp_path, server, OpenAI__STOP_EARLY="no"))

    assert done.is_complete
    assert set(done.answers["status"]) == {"failed"}
    assert len(server.chats) == 2 * PEOPLE


async def test_refusals_of_everybody_are_a_result_and_stop_nothing(job: Path, tmp_path: Path) -> None:
    with fake_endpoint(Habits(always=Say(message={"content": None, "refusal": "I will not say."}))) as server:
        done = await started(job, settings(tmp_path, server))

    assert done.is_complete
    assert set(done.answers["status"]) == {"refused"}


async def test_a_larger_limit_makes_a_further_run_that_answers(job: Path, tmp_path: Path) -> None:
    with fake_endpoint(Habits(reasoning_tokens=900)) as server:
        write(tmp_path, max_completion_tokens=800)
        stopped = await started(job, settings(tmp_path, server))
        write(tmp_path, max_completion_tokens=2_000)
        done = await started(job, settings(tmp_path, server), again=True)

    assert stopped.outcome.error == "EndpointUnsuitable"
    assert "were cut off at max_completion_tokens = 800" in str(stopped.outcome.reason)
    assert done.is_complete
    assert done.outcome.run_id == "soup-2"
    assert done.manifest.answered == 2 * PEOPLE
