"""Jobs on panels and their waves, from the frozen people to the prompts of the last wave, against a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tests.doubles.panels import POPULATION, frozen, population
from troupe_batch.api import Result, RunOptions, run_job
from troupe_batch.errors import PlanChanged, ProseMissing, ResultsDamaged, SpecError
from troupe_batch.planning.panels import PanelInfo
from troupe_batch.population import EnrichLevel, Population
from troupe_batch.rehearsal import RehearsalConfig, RehearsalProcess, parse_faults
from troupe_batch.results.extractor import extract
from troupe_batch.results.panel import Panel
from troupe_batch.results.run import Run
from troupe_batch.results.verifying import verify
from troupe_batch.settings import Settings, load_settings
from troupe_batch.use_cases.asking import find_person
from troupe_batch.use_cases.given_files import load_job
from troupe_batch.use_cases.panels import FreezeOptions, freeze_people
from troupe_batch.use_cases.plans import margins_of, plan_estimate, prepare_job
from troupe_batch.use_cases.runs import stored_run
from troupe_batch.wiring.people import casting_of

QUESTIONS = [
    {"id": "likely", "type": "rating", "text": "How likely are you to come?", "labels": ["no", "perhaps", "yes"]},
    {"id": "why", "type": "open", "text": "Why?"},
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RehearsalProcess]:
    with RehearsalProcess(RehearsalConfig(), tmp_path_factory.mktemp("rehearsal") / "log") as started:
        yield started


@dataclass
class Desk:
    """A folder with job files, and the settings that they are run with."""

    folder: Path
    settings: Settings

    def job(self, name: str, **fields: Any) -> Path:
        study = {"questions": QUESTIONS}
        body = {"id": name, "population": "panel.parquet", "units_per_shard": 7, "study": study, **fields}
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump({"schema": "troupe_batch/job/1", **body}, sort_keys=False), encoding="utf-8")
        return path

    def run(self, name: str, **fields: Any) -> Result:
        options = RunOptions(rehearse=True, inline=True)
        return asyncio.run(run_job(load_job(self.job(name, **fields)), options, self.settings))

    def stored(self, name: str) -> Run:
        return asyncio.run(stored_run(self.settings, f"{name}-rehearsal"))

    def freeze(self, name: str = "panel.parquet", **options: Any) -> PanelInfo:
        asked = FreezeOptions(**{"rehearse": True, **options})
        made = freeze_people(self.settings, Population(population()), self.folder / name, asked)
        return asyncio.run(made).info


@pytest.fixture
def desk(tmp_path: Path, server: RehearsalProcess) -> Desk:
    environment = {
        "TROUPE_STORAGE_URL": str(tmp_path / "runs"),
        "TROUPE_STORAGE_STATE_FOLDER": str(tmp_path / "state"),
        "TROUPE_REHEARSAL_URL": server.url,
    }
    return Desk(tmp_path, load_settings(environment=environment))


@pytest.fixture
def panel(desk: Desk) -> PanelInfo:
    return desk.freeze(enrich=EnrichLevel.BIO)


def sent(run: Run) -> dict[str, str]:
    """Key of the call -> the prompt, for all first calls of the run as its plan and its store say they were."""
    prompts = {}
    for shard in range(run.plan.shards):
        people = run.people_of(shard)
        for unit in run.units_of(shard):
            seated = [people[index] for index in run.casting.members(unit.case)]
            call = run.study.planned_calls(unit, seated, run.plan.settings)[0]
            prompts[call.request.key().hex()] = call.request.messages[-1].content
    return prompts


def test_what_is_written_about_people_is_written_once_and_is_in_their_panel(
    desk: Desk, server: RehearsalProcess
) -> None:
    before = server.stats()["requests"]
    info = desk.freeze(enrich=EnrichLevel.BIO)
    asked = server.stats()["requests"]

    again = desk.freeze("again.parquet", enrich=EnrichLevel.BIO)

    assert asked - before == 2 * 40
    assert server.stats()["requests"] == asked
    assert again == info
    assert (info.people, info.enrich, info.without_prose, info.is_rehearsal) == (40, EnrichLevel.BIO, 0, True)
    assert all(person.get("bio") for person in Panel.at(desk.folder / "panel.parquet").people(0, 40))
    assert desk.freeze("facts.parquet").digest != info.digest


def test_a_job_on_a_panel_asks_its_people_and_writes_nothing_about_them(desk: Desk, panel: PanelInfo) -> None:
    result = desk.run("first", people=30)

    assert result.is_complete
    assert set(result.llm_calls["purpose"]) == {"survey"}
    cast = Panel.at(desk.folder / "panel.parquet").people(0, 30)
    assert result.people["persona"].tolist() == [person.persona.to_json() for person in cast]
    assert result.people["region"].tolist() == [person.facts["region"] for person in cast]
    assert result.manifest.provenance.panel is not None
    assert result.manifest.provenance.panel["digest"] == panel.digest
    assert set(sent(desk.stored("first"))) == set(result.llm_calls["key"])


@pytest.mark.usefixtures("panel")
def test_a_run_needs_the_panel_of_its_store_and_no_other_file(desk: Desk) -> None:
    desk.run("first")
    (desk.folder / "panel.parquet").unlink()

    run = desk.stored("first")

    assert asyncio.run(verify(run)).is_complete
    assert [p.get("bio") for p in run.people_of(0).values()]
    [stored] = (desk.folder / "runs" / "first-rehearsal" / "plan").glob("panel-*.parquet")
    stored.write_bytes(stored.read_bytes()[:-9])
    with pytest.raises(ResultsDamaged, match="is no Parquet file; remove that file and give the same `troupe run`"):
        desk.stored("first").people_of(0)


def test_another_panel_under_the_same_name_is_another_plan(desk: Desk, panel: PanelInfo) -> None:
    desk.run("first")
    other = frozen(desk.folder / "panel.parquet", seed=9)

    with pytest.raises(PlanChanged, match=r"panel\.digest"):
        desk.run("first")
    assert other.digest != panel.digest
    assert len(list((desk.folder / "runs" / "first-rehearsal" / "plan").glob("panel-*"))) == 1


@pytest.mark.usefixtures("panel")
def test_a_damaged_panel_is_told_with_the_line_of_the_job(desk: Desk) -> None:
    path = desk.folder / "panel.parquet"
    path.write_bytes(path.read_bytes()[:100])

    with pytest.raises(SpecError, match=r"first\.yaml:3: population: .*panel\.parquet: is no Parquet file"):
        load_job(desk.job("first"))


@pytest.mark.usefixtures("panel")
def test_placeholder_prose_is_not_asked_about_for_real(desk: Desk) -> None:
    with pytest.raises(SpecError, match="population: what is written about the people of this panel are placeholders"):
        prepare_job(desk.settings, load_job(desk.job("first")))
    desk.freeze("panel.parquet")
    assert prepare_job(desk.settings, load_job(desk.job("first"))).plan.panel is not None


@pytest.mark.usefixtures("panel")
def test_quotas_and_costs_of_a_panel_are_those_of_its_people(desk: Desk) -> None:
    prepared = prepare_job(desk.settings, load_job(desk.job("first", people=20)), rehearse=True)

    margins = margins_of(prepared.plan, prepared.supplies)

    people = Panel.at(desk.folder / "panel.parquet").people(0, 20)
    young = sum(18 <= int(str(person.facts["age"])) <= 39 for person in people)
    counts = {(one.dimension, one.category): one.realised_count for one in margins}
    assert counts[("age", "18-39")] == young
    assert counts[("region", "North")] == sum(person.facts["region"] == "North" for person in people)
    drawn = prepare_job(desk.settings, load_job(desk.job("drawn", people=20, population=POPULATION)), rehearse=True)
    forecasts = [plan_estimate(desk.settings, one.plan, one.supplies) for one in (prepared, drawn)]
    assert forecasts[0].calls == forecasts[1].calls == 20
    assert forecasts[0].prompt_tokens > forecasts[1].prompt_tokens


@pytest.mark.usefixtures("panel")
def test_a_person_of_a_panel_can_be_asked_by_number(desk: Desk) -> None:
    person = find_person(f"{desk.folder}/panel.parquet#7")

    assert (person.index, bool(person.get("bio"))) == (7, True)


@pytest.mark.parametrize("memory", ["verbatim", "summary"])
@pytest.mark.usefixtures("panel")
def test_what_people_answered_stands_in_the_prompts_of_the_next_wave(
    desk: Desk,
    memory: str,
) -> None:
    first = desk.run("one", people=20)
    second = desk.run("two", people=30, wave={"number": 2, "after": "one", "memory": memory})

    said = first.responses.set_index("person_index")
    labels = {1: "no", 2: "perhaps", 3: "yes"}
    prompts = sent(desk.stored("two"))
    # The keys are digests of the whole requests: these prompts are those that were sent.
    assert set(prompts) == set(second.llm_calls["key"])
    assert len(prompts) == 30
    for call, person in second.llm_calls[["key", "person_id"]].itertuples(index=False):
        index = int(person.removeprefix("p"))
        remembers = index < 20
        assert ("<recollections>" in prompts[call]) == remembers
        if remembers:
            label, why = labels[said["likely"][index]], said["why"][index]
            expected = f"options: no; perhaps; yes)\n  Answered: {label}" if memory == "verbatim" else f"-> {label}\n"
            assert expected in prompts[call]
            # A rehearsal may say in a bio what it says in an answer, so what counts is what stands behind the persona.
            behind = prompts[call].partition("</persona>")[2]
            assert why[:100] in behind.partition("<question")[0]
    wave = second.manifest.provenance.wave
    assert wave is not None
    assert (wave["number"], wave["after"], wave["memory"], wave["people"]) == (2, "one-rehearsal", memory, 20)


@pytest.mark.usefixtures("panel")
def test_a_third_wave_remembers_both_before_it(desk: Desk) -> None:
    desk.run("one", people=10)
    desk.run("two", people=10, wave={"number": 2, "after": "one", "memory": "verbatim"})
    third = desk.run("three", people=10, wave={"number": 3, "after": "runs/two-rehearsal", "memory": "summary"})

    prompts = sent(desk.stored("three"))

    assert set(prompts) == set(third.llm_calls["key"])
    for prompt in prompts.values():
        assert prompt.index("Wave 1:\n- Asked: ") < prompt.index("Wave 2:\n- How likely") < prompt.index("<question")


@pytest.mark.usefixtures("panel")
def test_a_wave_without_memory_asks_the_same_people_as_if_for_the_first_time(desk: Desk) -> None:
    first = desk.run("one", people=10)
    second = desk.run("two", people=10, wave={"number": 2, "after": "one", "memory": "none"})

    assert set(second.llm_calls["key"]) == set(first.llm_calls["key"])
    assert not any("recollections" in name for name in second.manifest.provenance.prompt_digests)


@pytest.mark.usefixtures("panel")
def test_other_answers_in_the_wave_before_are_another_plan(desk: Desk) -> None:
    wave = {"number": 2, "after": "runs/one-rehearsal"}
    desk.run("one", people=10)
    desk.run("two", people=10, wave=wave)
    (desk.folder / "runs" / "one-rehearsal").rename(desk.folder / "runs" / "kept")
    desk.run("one", people=10, seed=5)

    with pytest.raises(PlanChanged, match=r"wave\.digest"):
        desk.run("two", people=10, wave=wave)
    # The same answers elsewhere are the same wave.
    assert desk.run("two", people=10, wave={**wave, "after": "kept"}).is_complete


@pytest.mark.usefixtures("panel")
def test_recollections_leave_no_file_behind(desk: Desk) -> None:
    desk.run("one", people=10)
    desk.run("two", people=10, wave={"number": 2, "after": "one"})

    assert list((desk.folder / "state" / "recollections").iterdir()) == []


@pytest.mark.usefixtures("panel")
def test_the_estimate_counts_what_people_remember(desk: Desk) -> None:
    desk.run("one", people=10)
    alone, later = (
        prepare_job(desk.settings, load_job(desk.job("two", people=10, **fields)), rehearse=True)
        for fields in ({}, {"wave": {"number": 2, "after": "one", "memory": "verbatim"}})
    )

    tokens = [plan_estimate(desk.settings, one.plan, one.supplies).prompt_tokens for one in (alone, later)]
    assert tokens[1] > tokens[0] + 10 * 50
    assert "Wave 1" in casting_of(later.plan, later.supplies).people([3])[3].block


WAVE = {"number": 2, "after": "one"}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (
            {"wave": {**WAVE, "after": "nowhere"}},
            "wave.after: there is no run nowhere: nothing in .*; run the wave before",
        ),
        ({"wave": {**WAVE, "after": "no/such/place"}}, "wave.after: there is no run no/such/place"),
        (
            {"wave": {**WAVE, "number": 3}},
            "wave.number: wave 3 cannot follow run one-rehearsal, which is wave 1; write 2",
        ),
        ({"wave": WAVE, "population": "other.parquet"}, "population: run one-rehearsal asked other people: panel "),
        ({"wave": WAVE, "population": {**POPULATION}}, "population: run one-rehearsal asked other people: panel "),
        (
            {"wave": WAVE, "population": {**POPULATION}, "enrich": "bio"},
            "population: a model writes about these people, .*; freeze the population with --enrich",
        ),
    ],
)
@pytest.mark.usefixtures("panel")
def test_a_run_that_cannot_be_the_wave_before_is_told_with_a_cure(
    desk: Desk,
    fields: dict[str, Any],
    problem: str,
) -> None:
    desk.run("one", people=10)
    frozen(desk.folder / "other.parquet", seed=9)

    with pytest.raises(SpecError, match=rf"two\.yaml:\d+: {problem}"):
        prepare_job(desk.settings, load_job(desk.job("two", people=10, **fields)), rehearse=True)


def test_a_rehearsal_is_no_wave_before_a_real_one(desk: Desk) -> None:
    desk.freeze("panel.parquet")
    desk.run("one", people=10)

    with pytest.raises(SpecError, match=r"wave\.after: run one-rehearsal is a rehearsal: its answers are placeholders"):
        prepare_job(desk.settings, load_job(desk.job("two", wave={**WAVE, "after": "one-rehearsal"})))
    with pytest.raises(SpecError, match="there is no run one: nothing in"):
        prepare_job(desk.settings, load_job(desk.job("two", wave=WAVE)))


@pytest.mark.usefixtures("panel")
def test_the_wave_before_must_be_complete(desk: Desk) -> None:
    desk.run("one", people=20)
    run = desk.stored("one")

    async def lose() -> None:
        await run.store.objects.delete("dataset/manifest.json")
        await run.store.objects.delete("ledger/000001.json")

    asyncio.run(lose())
    for lacks in ("it has no dataset yet", "1 of its 3 shards have no answers yet"):
        with pytest.raises(
            SpecError, match=f"run one-rehearsal is not complete: {lacks}; give its `troupe run` command"
        ):
            prepare_job(desk.settings, load_job(desk.job("two", wave=WAVE)), rehearse=True)
        asyncio.run(extract(run))


def test_waves_of_drawn_people_need_no_panel(desk: Desk) -> None:
    first = desk.run("one", population=dict(POPULATION), people=10)
    second = desk.run("two", population=dict(POPULATION), people=10, wave=WAVE)

    pd.testing.assert_frame_equal(first.people, second.people)
    assert all("Wave 1:" in prompt for prompt in sent(desk.stored("two")).values())


def test_people_about_whom_nothing_could_be_written_are_counted_and_asked_for_again(desk: Desk, tmp_path: Path) -> None:
    # So many that some are refused the second time as well.
    faults = parse_faults(["refusal=0.6"])
    with RehearsalProcess(RehearsalConfig(faults=faults), tmp_path / "faulty.log") as faulty:
        refusing = Desk(desk.folder, desk.settings.with_values("a test", rehearsal__url=faulty.url))
        with pytest.raises(ProseMissing, match=r"about (\d+) of 40 people \(.*refused.*\); no panel was written"):
            refusing.freeze(enrich=EnrichLevel.BIO)
        assert not (desk.folder / "panel.parquet").exists()
        info = refusing.freeze(enrich=EnrichLevel.BIO, allow_missing=True)

    assert 0 < info.without_prose < 40
    people = Panel.at(desk.folder / "panel.parquet").people(0, 40)
    assert sum(person.get("bio") is None for person in people) == info.without_prose
