"""Requests as a survey writes them, for an endpoint in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import orjson
import pytest

from troupe_batch.rehearsal.config import RehearsalConfig
from troupe_batch.rehearsal.endpoint import RehearsalEndpoint, RehearsalRequest
from troupe_batch.rehearsal.replies import Reply
from troupe_batch.seeded import stream


class Body(Protocol):
    """Writes the body of a chat request that asks one question."""

    def __call__(
        self,
        question_id: str,
        node: Mapping[str, Any],
        *,
        shown: Sequence[str] = (),
        facts: Mapping[str, object] | None = None,
        seed: int = 0,
        **more: Any,
    ) -> bytes: ...


@pytest.fixture
def body() -> Body:
    def write(
        question_id: str,
        node: Mapping[str, Any],
        *,
        shown: Sequence[str] = (),
        facts: Mapping[str, object] | None = None,
        seed: int = 0,
        **more: Any,
    ) -> bytes:
        persona = "\n".join(f"- {key}: {value}" for key, value in (facts or {"age": 40}).items())
        options = "\n".join(f"- {label}" for label in shown)
        question = f'<question id="{question_id}">\nWhat do you say?\n{options}\n</question>'
        system = {"role": "system", "content": f"<material>\n{more.pop('material', 'Soup')}\n</material>"}
        user = {"role": "user", "content": f"<persona>\n{persona}\n</persona>\n\n{question}"}
        schema = {
            "type": "object",
            "properties": {question_id: node},
            "required": [question_id],
            "additionalProperties": False,
        }
        form = {"type": "json_schema", "json_schema": {"name": "answers", "strict": True, "schema": schema}}
        return orjson.dumps(
            {"model": "gpt-4o-mini", "messages": [system, user], "seed": seed, "response_format": form, **more}
        )

    return write


@pytest.fixture
def endpoint_with(tmp_path: Path) -> Callable[..., RehearsalEndpoint]:
    """Makes endpoints; `respondents` is the text of a respondent file, without its first line."""

    def make(respondents: str = "", **options: Any) -> RehearsalEndpoint:
        if respondents:
            options["respondents"] = tmp_path / "respondents.yaml"
            options["respondents"].write_text(f"schema: troupe_batch/respondents/1\n{respondents}")
        return RehearsalEndpoint(RehearsalConfig(**options))

    return make


def answer(endpoint: RehearsalEndpoint, body: bytes) -> Reply:
    """Asks and counts as the HTTP server does, without its waiting."""
    order = RehearsalRequest(is_chat=True, model_in_path=None, body=body, key=stream(body.hex()))
    reply, _ = endpoint.answer(order)
    endpoint.sent(order, reply)
    return reply


@pytest.fixture
def ask() -> Callable[[RehearsalEndpoint, bytes], Reply]:
    return answer


@pytest.fixture
def said() -> Callable[[RehearsalEndpoint, bytes], Any]:
    """The parsed content of the reply; None for a refusal."""

    def parse(endpoint: RehearsalEndpoint, body: bytes) -> Any:
        content = orjson.loads(answer(endpoint, body).body)["choices"][0]["message"]["content"]
        return None if content is None else orjson.loads(content)

    return parse
