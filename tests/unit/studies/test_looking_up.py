"""Documents in studies: each is embedded once for all units, look-ups count as calls, and records stay small."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

from tests.doubles.embeddings import EMBEDDING, WordModel
from tests.doubles.minds import Asked, FakeModel, Said, acts, does, talk
from tests.doubles.studies import SETTINGS, person, study
from troupe_batch.llm.chat import ChatReply, ChatRequest
from troupe_batch.llm.embeddings import EmbeddingRequest
from troupe_batch.simulation.record.documents import Document
from troupe_batch.simulation.vectors import VectorStore
from troupe_batch.studies import Unit, UnitOutcome

TEXT = "\n\n".join(" ".join(f"word{number % 97}x{place}" for place in range(60)) for number in range(20))
QUOTED = json.dumps(TEXT)
INTERVIEW = f"""
kind: interview
documents: [{{name: Manual, text: {QUOTED}}}]
script:
  - {{say: What does it cost?}}
  - {{say: And how long does it last?}}
"""
SETTINGS_WITH_EMBEDDING = replace(SETTINGS, embedding=EMBEDDING)


class Consulting(WordModel):
    """People who look into the manual in each act before they say something."""

    def __init__(self) -> None:
        super().__init__()
        self.people = FakeModel(self._act)

    async def complete(self, request: ChatRequest) -> ChatReply:
        if isinstance(request, EmbeddingRequest):
            return await super().complete(request)
        return await self.people.complete(request)

    def _act(self, asked: Asked) -> Said:
        if "Your turn goes on" in asked.after:
            return acts(talk(f"I see {asked.number}."))
        return acts(does("CONSULT", target="Manual", content="price"))


async def _units(model: Consulting, count: int) -> list[UnitOutcome]:
    made = study(INTERVIEW)
    settings = replace(SETTINGS_WITH_EMBEDDING, vectors=VectorStore())
    return await asyncio.gather(
        *(made.run_unit(Unit(n, f"u{n}", n, 0), [person(n)], model, settings) for n in range(count))
    )


def test_a_document_is_embedded_once_for_all_units_of_a_process() -> None:
    model = Consulting()

    outcomes = asyncio.run(_units(model, 20))

    passages = Document("Manual", TEXT).passages
    assert sorted(model.asked) == sorted([*passages, "price"])
    embedded = [[call for call in outcome.calls if call.purpose == "embedding"] for outcome in outcomes]
    assert sum(map(len, embedded)) == len(passages) + 1
    assert all(call.reply is not None and call.reply.text is None for calls in embedded for call in calls)


def test_what_example_people_look_up_is_kept_from_real_ones() -> None:
    settings = replace(SETTINGS_WITH_EMBEDDING, vectors=VectorStore())
    question = "{id: price, type: numeric, text: P, unit: euros, minimum: 0, maximum: 9}"
    looking = study(f"{{kind: python, function: 'tests.doubles.user_studies:looks_up', questions: [{question}]}}")

    looking.planned_calls(Unit(0, "u0", 0, 0), [person(0)], settings)

    assert settings.vectors.at_hand(EMBEDDING, ["soup"]) == {}


def test_look_ups_count_as_calls_where_documents_are_too_long_to_be_shown_whole() -> None:
    short = INTERVIEW.replace(QUOTED, "It costs 5.")
    seats = f"[{{count: 2}}, {{count: 1, documents: [{{name: Manual, text: {QUOTED}}}]}}]"
    world = f"{{kind: world, steps: 3, seats: {seats}}}"

    assert study(short).design.calls_per_unit == 2
    assert study(INTERVIEW).design.calls_per_unit == 2 + 2
    assert study(world).design.calls_per_unit == 3 * 3 + 3
