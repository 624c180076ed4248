"""Any OpenAI-compatible server, by its address: what it is sent, and that nothing else stands in for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from tests.acceptance.conftest import StartRehearsal
from tests.acceptance.project import Done, Project


@dataclass
class LocalModel:
    """A server in the manner of vLLM or llama.cpp, with no more than they need: first options, and no extras."""

    url: str = ""
    keys: set[str | None] = field(default_factory=set)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.keys.add(request.headers.get("Authorization"))
        self.bodies.append(body)
        content = json.dumps(instance(body["response_format"]["json_schema"]["schema"]))
        message = {"role": "assistant", "content": content}
        return web.json_response({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})


def instance(schema: dict[str, Any]) -> Any:
    """The simplest value that the schema allows."""
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "object":
        return {name: instance(inner) for name, inner in schema["properties"].items()}
    return schema["minimum"] + 20  # of five chances each is this much


@pytest.fixture
async def local_model() -> AsyncIterator[LocalModel]:
    model = LocalModel()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", model.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    model.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield model
    await runner.cleanup()


async def troupe(project: Project, *arguments: str, **environment: str) -> Done:
    return await asyncio.to_thread(project.troupe, *arguments, **environment)


async def test_a_compatible_server_answers_with_and_without_a_key(project: Project, local_model: LocalModel) -> None:
    job = project.write_job("local", model={"name": "my-model"})
    base_url = {"TROUPE_OPENAI_BASE_URL": local_model.url, "TROUPE_OPENAI_PROBE": "no"}

    done = await troupe(project, "run", job, "--json", **base_url)
    keys, local_model.keys = local_model.keys, set()
    keyed = await troupe(project, "run", job, "--inline", "--run-id", "keyed", **base_url, OPENAI_API_KEY="sk-mine")

    assert (done.code, keyed.code) == (0, 0), done.err + keyed.err
    assert (done.json["answered"], done.json["is_rehearsal"], done.json["spent_usd"]) == (120, False, 0.0)
    assert keys == {"Bearer none"}
    assert local_model.keys == {"Bearer sk-mine"}
    assert len(local_model.bodies) == 240
    assert {body["model"] for body in local_model.bodies} == {"my-model"}
    assert len({body["seed"] for body in local_model.bodies}) == 60
    manifest = json.loads((project.folder / "runs" / "local" / "dataset" / "manifest.json").read_text())
    assert manifest["provenance"]["endpoint"] == local_model.url
    assert manifest["calls"]["unpriced"] == 120
    assert "sk-mine" not in keyed.err + keyed.out


def test_nothing_stands_in_for_a_server_that_is_away(project: Project, free_port: int) -> None:
    settings = {
        "TROUPE_OPENAI_BASE_URL": f"http://127.0.0.1:{free_port}/v1",
        "TROUPE_OPENAI_MAX_ATTEMPTS": "1",
        "TROUPE_OPENAI_OUTAGE_PATIENCE": "0",
    }

    done = project.troupe("run", project.write_job("away"), "--inline", **settings, OPENAI_API_KEY="sk-mine")

    assert done.code == 1
    assert "the endpoint answers nothing (no answer from the endpoint" in done.err
    assert set(project.table("away", "answers")["status"]) == {"not_run"}


def test_a_rehearsal_server_cannot_answer_a_real_run(project: Project, rehearsal: StartRehearsal) -> None:
    base_url = rehearsal().base_url

    done = project.troupe("run", project.write_job("real"), "--inline", "--json", TROUPE_OPENAI_BASE_URL=base_url)

    assert done.code == 1
    assert done.json["error"] == "WrongEndpoint"
    assert "this run is no rehearsal" in done.json["reason"]
    assert set(project.table("real", "answers")["status"]) == {"not_run"}


async def test_a_real_server_cannot_answer_a_rehearsal(project: Project, local_model: LocalModel) -> None:
    job = project.write_job("lost")

    done = await troupe(project, "run", job, "--rehearse", "--inline", "--json", TROUPE_REHEARSAL_URL=local_model.url)

    assert done.code == 1
    assert done.json["error"] == "WrongEndpoint"
    assert "is no rehearsal server" in done.json["reason"]
    assert set(project.table("lost-rehearsal", "answers")["status"]) == {"not_run"}
