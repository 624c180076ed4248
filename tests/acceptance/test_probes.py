"""Probes as a user meets them: before a run, by `plan --probe` and by `doctor --ask`, against services with habits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.acceptance.project import Project
from tests.doubles.endpoint import FakeEndpoint, Habits, fake_endpoint

MODEL = {"name": "my-model"}
REFUSES = {"seed": "Unrecognized request argument supplied: {name}"}


def manifest_of(project: Project, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project.folder / "runs" / run_id / "dataset" / "manifest.json").read_text())
    return found


def at(server: FakeEndpoint) -> dict[str, str]:
    return {"TROUPE_OPENAI_BASE_URL": server.url}


@pytest.mark.parametrize("way", [(), ("--inline",)])
def test_a_server_of_another_dialect_serves_a_run_after_a_probe(project: Project, way: tuple[str, ...]) -> None:
    with fake_endpoint(Habits(limit_field="max_completion_tokens", refuses=REFUSES)) as server:
        done = project.troupe("run", project.write_job("local", model=MODEL), *way, **at(server))
        asked = len(server.chats)
        turned_away = sum(code == 400 for code in server.status_codes)
        again = project.troupe("run", project.write_job("later", model=MODEL), *way, **at(server))

    assert (done.code, again.code) == (0, 0), done.err + again.err
    assert "endpoint (4 calls" in done.err
    assert "asked without max_tokens, seed, which it refuses" in done.err
    assert "as found out within the last day" in again.err
    assert turned_away == 2
    assert asked == 120 + 4 + turned_away
    assert len(server.chats) == asked  # the probe is known, and the answers are in the cache
    provenance = manifest_of(project, "local")["provenance"]
    assert provenance["left_out"] == {"my-model": {"keywords": [], "refused": ["max_tokens", "seed"]}}
    assert "JSON schemas are enforced" in provenance["abilities"]
    assert manifest_of(project, "local")["spending"]["calls"] == 124


def test_a_server_that_cannot_do_it_is_found_out_before_anything_is_spent(project: Project) -> None:
    with fake_endpoint(Habits(context_tokens=300)) as server:
        done = project.troupe("run", project.write_job("cut", model=MODEL), "--inline", "--json", **at(server))
        asked = len(server.chats)
        server.habits = Habits()
        cured = project.troupe("run", project.write_job("cut", model=MODEL), "--inline", **at(server))

    assert done.code == 1
    assert done.json["error"] == "EndpointUnsuitable"
    assert "the endpoint cannot do what the job needs" in done.json["reason"]
    assert "the server cuts long prompts" in done.json["reason"]
    assert asked <= 5
    assert cured.code == 0, cured.err
    assert project.here("status", "cut") == 0


def test_plan_and_doctor_share_what_a_probe_found(project: Project) -> None:
    job = project.write_job("asked", model=MODEL)
    with fake_endpoint(Habits(schema="ignored", models=("my-model",))) as server:
        plan = project.troupe("plan", job, "--probe", **at(server))
        asked = len(server.chats)
        server.habits = Habits(models=("my-model",))
        again = project.troupe("plan", job, "--probe", "--json", **at(server))
        doctor = project.troupe("doctor", "--ask", "--json", **at(server), TROUPE_OPENAI_MODEL="my-model")
        known = project.troupe("plan", job, "--probe", "--json", **at(server))

    assert plan.code == 1
    assert "two replies could not be read" in " ".join(plan.out.split())
    assert asked <= 5
    assert (again.code, doctor.code) == (0, 0)
    assert (again.json["probe"]["calls"], again.json["probe"]["is_kept"]) == (4, False)
    assert (known.json["probe"]["calls"], known.json["probe"]["is_kept"]) == (0, True)
    checks = {check["what"]: check["finding"] for check in json.loads(doctor.out)}
    assert (checks["endpoint"], checks["answers"], checks["embeddings"]) == ("good", "good", "warning")


def test_doctor_calls_a_closed_port_bad(project: Project, free_port: int) -> None:
    done = project.troupe("doctor", TROUPE_OPENAI_BASE_URL=f"http://127.0.0.1:{free_port}/v1")

    assert done.code == 1
    assert "no answer from the endpoint" in done.out


def test_another_limit_is_asked_about_anew(project: Project) -> None:
    with fake_endpoint(Habits(reasoning_tokens=300, models=("my-model",))) as server:
        roomy = project.write_job("roomy", model={**MODEL, "max_completion_tokens": 900})
        tight = project.write_job("tight", model={**MODEL, "max_completion_tokens": 200})
        known = project.troupe("plan", roomy, "--probe", "--json", **at(server))
        asked = project.troupe("plan", tight, "--probe", "--json", **at(server))

    assert known.code == 0, known.err
    assert asked.code == 1
    assert not asked.json["probe"]["is_kept"]
    assert "were hidden reasoning" in str(asked.json["probe"]["abilities"])


def test_a_setting_that_the_job_goes_before_is_named(project: Project) -> None:
    job = project.write_job("named", model=MODEL, budget={"max_usd": 1.0})

    code = project.troupe("plan", job, "--set", "OpenAI.MODEL=other", "--set", "Budget.MAX_USD=0.01")

    said = " ".join(code.err.split())
    assert "OpenAI.MODEL = other (flag OpenAI.MODEL) has no effect" in said
    assert "Budget.MAX_USD = 0.01 (flag Budget.MAX_USD) has no effect" in said


def test_a_run_that_never_got_an_answer_says_how_its_name_is_free_again(project: Project) -> None:
    with fake_endpoint(Habits(models=("my-model",))) as server:
        first = project.troupe("run", project.write_job("tea", model={"name": "wrong"}), "--inline", **at(server))
        second = project.troupe("run", project.write_job("tea", model=MODEL), "--inline", **at(server))

    assert first.code == 1
    assert second.code == 2
    assert "nothing was answered in it yet: remove" in " ".join(second.err.split())


def test_an_endpoint_that_was_away_is_asked_again(project: Project, free_port: int) -> None:
    job = project.write_job("later", model=MODEL)
    state = {"TROUPE_OPENAI_MAX_ATTEMPTS": "1"}
    address = {"TROUPE_OPENAI_BASE_URL": f"http://127.0.0.1:{free_port}/v1"}

    reports = [project.troupe("plan", job, "--probe", "--json", **address, **state).json["probe"] for _ in range(2)]

    assert [report["is_kept"] for report in reports] == [False, False]
    assert {one["what"] for report in reports for one in report["abilities"]} == {"no answer"}
