"""A job whose people are written about, from the plan to the report, as a user meets it."""

from __future__ import annotations

from tests.acceptance.project import Project
from tests.integration.wiring.test_enrichment import RESPONDENTS


def test_what_is_written_about_people_is_planned_reported_and_sound(project: Project) -> None:
    (project.folder / "jobs" / "lives.respondents.yaml").write_text(RESPONDENTS, encoding="utf-8")
    job = project.write_job("lives", people=80, enrich="bio", rehearsal={"respondents": "lives.respondents.yaml"})

    planned = project.troupe("plan", job, "--json").json["estimate"]["prose"]
    done = project.troupe("run", job, "--rehearse", "--json")
    shown = project.troupe("results", "lives-rehearsal")

    assert done.code == 0, done.err
    prose = done.json["prose"]
    assert (planned["calls"], prose["people"]) == (2 * 80, 80)
    assert planned["cacheable_tokens"] / planned["prompt_tokens"] >= 0.7
    assert prose["cached_share"] >= 0.7
    assert prose["written"] + prose["left_out"] == 80
    assert prose["repaired"] > 0
    assert prose["unchecked"] == 0
    assert set(prose["contradicted"]) == {"age"}
    assert f"a bio about {prose['written']} of 80 people" in " ".join(shown.out.split())
    people = project.table("lives-rehearsal", "people")
    assert people["persona"].str.contains('"bio":').sum() == prose["written"]
    assert not people["persona"].str.contains("119").any()
    calls = project.table("lives-rehearsal", "llm_calls")
    assert (calls["purpose"] == "enrich").sum() == 80
    assert (calls["purpose"] == "enrich_repair").sum() == prose["repaired"] + prose["left_out"]
    assert set(calls[calls["purpose"] == "enrich_check"]["status"]) == {"ok"}
    assert set(project.table("lives-rehearsal", "answers")["status"]) == {"answered"}
    assert project.verify("lives-rehearsal") == 0
