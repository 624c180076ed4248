"""Prices as a user meets them: in a plan, at the beginning of a run, at its resume and in the manifest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.acceptance.project import Project
from tests.doubles.endpoint import Books, Habits, fake_endpoint

LUNA = {"name": "gpt-6-luna", "max_completion_tokens": 200}
OWN = {"TROUPE_BUDGET_PROMPT_PRICE": "0.2", "TROUPE_BUDGET_COMPLETION_PRICE": "1"}
NO_PROBE = {"TROUPE_OPENAI_PROBE": "no"}


def books() -> Books:
    """The service's own bill, at the list prices of gpt-6-luna."""
    return Books(prompt_price=0.10, cached_price=0.01, stored_price=0.125, completion_price=0.50)


def manifest_of(project: Project, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project.folder / "runs" / run_id / "dataset" / "manifest.json").read_text())
    return found


def test_a_run_goes_on_by_the_prices_of_its_plan_and_says_where_the_list_has_changed(project: Project) -> None:
    with fake_endpoint(Habits(), books()) as server:
        gateway = {"TROUPE_OPENAI_BASE_URL": server.url, **NO_PROBE}
        job = project.write_job("luna", model=LUNA, budget={"max_usd": 0.0005})
        stopped = project.troupe("run", job, "--inline", **gateway)
        project.write_job("luna", model=LUNA, budget={"max_usd": 1.0})
        resumed = project.troupe("run", job, "--inline", **gateway, **OWN)

    assert (stopped.code, resumed.code) == (3, 0), stopped.err + resumed.err
    assert "prices: gpt-6-luna: $0.1 prompt" in stopped.err
    assert "taken to cost at 127.0.0.1 what it costs at OpenAI, by genai-prices" in stopped.err
    assert "the price of gpt-6-luna has changed since the run was planned on" in resumed.err
    manifest = manifest_of(project, "luna")
    frozen = manifest["provenance"]["prices"]
    assert frozen["models"]["gpt-6-luna"]["prompt"] == 0.10
    assert manifest["spending"]["cost_usd"] == pytest.approx(server.books.usd)


@pytest.mark.parametrize("way", [(), ("--inline",)])
def test_a_local_model_needs_one_command_and_no_price_though_the_job_has_a_cap(
    project: Project, way: tuple[str, ...]
) -> None:
    with fake_endpoint() as server:
        job = project.write_job("local", model={"name": "llama3.2"}, budget={"max_usd": 0.01})
        done = project.troupe("run", job, *way, "--json", TROUPE_OPENAI_BASE_URL=server.url, **NO_PROBE)

    assert done.code == 0, done.err
    assert "llama3.2: $0; taken to cost nothing: its server is on this machine" in done.err
    assert (done.json["answered"], done.json["spent_usd"]) == (120, 0.0)
    assert manifest_of(project, "local")["spending"]["unpriced"] == 0


def test_a_cheap_tier_is_asked_for_and_paid_as_the_replies_say(project: Project) -> None:
    model = {**LUNA, "service_tier": "flex"}
    with fake_endpoint(Habits(service_tier="flex"), books()) as server:
        settings = {"TROUPE_OPENAI_BASE_URL": server.url, "TROUPE_OPENAI_SERVICE": "openai", **NO_PROBE}
        done = project.troupe("run", project.write_job("flex", model=model), "--inline", **settings)

    assert done.code == 0, done.err
    assert {chat.body["service_tier"] for chat in server.chats} == {"flex"}
    assert "$0.05 prompt" in done.err
    assert manifest_of(project, "flex")["spending"]["cost_usd"] == pytest.approx(server.books.usd)
