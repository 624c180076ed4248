"""Models that are held to a schema write its properties in its order: it must be the order that people are shown."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from troupe_batch.llm.chat import ChatRequest
from troupe_batch.rehearsal.config import RehearsalConfig
from troupe_batch.rehearsal.endpoint import RehearsalEndpoint, RehearsalRequest
from troupe_batch.seeded import stream
from troupe_batch.studies import MultiChoice, Rating, SingleChoice, SurveySpec, SurveyStudy, Unit
from troupe_batch.studies.survey import Question

LABELS = ["No", "Rather not", "Perhaps", "Rather", "Yes"]
RATING = Rating(id="buy", text="Buy?", labels=LABELS, dont_know="Don't know")
CHANCES = SingleChoice(
    id="where", text="Where?", options=["Home", "Work", "Out", "Elsewhere"], anchor=["Elsewhere"],
    elicitation="probabilities",
)  # fmt: skip
MULTI = MultiChoice(id="when", text="When?", options=["a", "b", "c", "d", "e", "f"], dont_know="Don't know")
PICK = SingleChoice(id="one", text="Which?", options=["p", "q", "r", "s", "t"])


def requests(person: Any, settings: Any, *questions: Question, people: int = 200, **spec: Any) -> list[ChatRequest]:
    study = SurveyStudy(SurveySpec(questions=questions, **spec), seed=1)
    return [study.planned_calls(Unit(n, f"u{n}", n, 0), [person], settings)[0].request for n in range(people)]


def shown_in(request: ChatRequest, question_id: str) -> list[str]:
    _, _, rest = request.messages[-1].content.partition(f'<question id="{question_id}">')
    return [line[2:] for line in rest.partition("</question>")[0].splitlines() if line.startswith("- ")]


def properties_of(request: ChatRequest, question_id: str) -> list[str]:
    assert request.reply_schema is not None
    return list(request.reply_schema.schema["properties"][question_id]["properties"])


@pytest.mark.parametrize("question", [RATING, CHANCES, MULTI], ids=lambda question: question.id)
def test_the_schema_lists_the_options_in_the_order_shown(person: Any, settings: Any, question: Question) -> None:
    for request in requests(person, settings, question, PICK):
        asked = [name for name in properties_of(request, question.id) if name != "dont_know"]
        assert asked == shown_in(request, question.id)


@pytest.mark.parametrize(("question", "moving"), [(MULTI, 6), (CHANCES, 3)], ids=["multi", "chances"])
def test_every_option_is_asked_in_every_place_equally_often(
    person: Any, settings: Any, question: Question, moving: int
) -> None:
    shown = [shown_in(request, question.id) for request in requests(person, settings, question, people=3_000)]

    for place in range(moving):
        counts = Counter(order[place] for order in shown)
        assert len(counts) == moving
        assert all(abs(count - 3_000 / moving) < 5 * (3_000 / moving) ** 0.5 for count in counts.values())


@pytest.mark.parametrize(
    ("questions", "most"),
    [((RATING,), 2), ((CHANCES,), 3), ((MULTI,), 6), ((PICK,), 1), ((RATING, CHANCES, MULTI, PICK), 1 + 1 + 2 + 5)],
)
def test_there_are_few_schemas_however_many_people_are_asked(
    person: Any, settings: Any, questions: tuple[Question, ...], most: int
) -> None:
    schemas = [request.reply_schema for request in requests(person, settings, *questions, people=2_000)]

    assert 1 <= len({schema.digest for schema in schemas if schema}) <= most
    assert len({id(schema) for schema in schemas}) == len({schema.digest for schema in schemas if schema})


def test_the_scales_of_one_call_run_in_the_same_direction(person: Any, settings: Any) -> None:
    other = Rating(id="like", text="Like?", labels=LABELS)

    for request in requests(person, settings, RATING, other, people=50):
        assert shown_in(request, "like") == shown_in(request, "buy")[:5]


def test_the_position_bias_of_respondents_is_recovered_from_few_orders(
    person: Any, settings: Any, tmp_path: Path
) -> None:
    shares = orjson.dumps(dict.fromkeys(LABELS, 1)).decode()
    behaviour = f"  buy: {{type: choice, base: {shares}, position: {{first: 1.0}}}}"
    written = f"schema: troupe_batch/respondents/1\nquestions:\n{behaviour}\n"
    (tmp_path / "respondents.yaml").write_text(written)
    endpoint = RehearsalEndpoint(RehearsalConfig(respondents=tmp_path / "respondents.yaml"))
    question = Rating(id="buy", text="Buy?", labels=LABELS, order="random")
    stated = []

    for request in requests(person, settings, question, people=400):
        chances = said(endpoint, request)["buy"]
        stated.append([chances[label] for label in shown_in(request, "buy")])
        assert list(chances) == shown_in(request, "buy")

    by_place = np.mean(stated, axis=0)
    assert by_place[0] == pytest.approx(100 * np.e / (np.e + 4), abs=1)
    assert by_place[1:] == pytest.approx([100 / (np.e + 4)] * 4, abs=1)


def said(endpoint: RehearsalEndpoint, request: ChatRequest) -> Any:
    assert request.reply_schema is not None
    schema = {"name": "answers", "strict": True, "schema": request.reply_schema.schema}
    messages = [{"role": message.role, "content": message.content} for message in request.messages]
    form = {"type": "json_schema", "json_schema": schema}
    body = orjson.dumps({"model": "any", "messages": messages, "response_format": form})
    reply, _ = endpoint.answer(RehearsalRequest(is_chat=True, model_in_path=None, body=body, key=stream(body.hex())))
    return orjson.loads(orjson.loads(reply.body)["choices"][0]["message"]["content"])
