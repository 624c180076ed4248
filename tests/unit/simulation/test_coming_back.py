"""Who knows more than a prompt shows: what the moment touches comes back to them, by meaning or else by words."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.doubles.embeddings import CHAT, EMBEDDING, WordModel
from tests.doubles.minds import FakeModel
from troupe_batch.errors import EndpointMissing, GaveUp, RequestRejected, TroupeError
from troupe_batch.llm.chat import ChatReply, ChatRequest, Endpoint
from troupe_batch.llm.embeddings import EmbeddingRequest
from troupe_batch.simulation.mind import Mind, MindSettings
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.vectors import VectorStore

FACTS = ["Ana keeps a zebra called Tom.", *[f"Fact number {n} is about something else." for n in range(19)]]


class Both:
    """A model that acts, and embeds texts by their words or fails to."""

    def __init__(self, trouble: TroupeError | None = None) -> None:
        self.chat = FakeModel()
        self.words = WordModel()
        self.embedded: list[str] = []
        self._trouble = trouble

    async def complete(self, request: ChatRequest) -> ChatReply:
        if not isinstance(request, EmbeddingRequest):
            return await self.chat.complete(request)
        self.embedded.append(request.text)
        if self._trouble is not None:
            raise self._trouble
        return await self.words.complete(request)


def bo_with(
    model: Both,
    facts: Sequence[str] = FACTS,
    *,
    embedding: Endpoint | None = EMBEDDING,
    vectors: VectorStore | None = None,
    settings: MindSettings | None = None,
) -> TinyPerson:
    bo = TinyPerson("Bo", mind=Mind(model, CHAT, embedding=embedding, vectors=vectors, settings=settings))
    bo.semantic.add(*facts)
    return bo


def came_back(model: Both) -> list[str]:
    now = model.chat.acts[-1].now
    return [line[4:] for line in now[now.index("- comes back to you:") + 1 :]]


async def test_what_was_just_said_brings_back_what_it_is_about_and_the_latest_facts_stay() -> None:
    model = Both()

    await bo_with(model).listen_and_act("How is the zebra that Ana keeps?", "Eve")

    shown = came_back(model)
    assert len(shown) == 10
    assert shown[0] == FACTS[0]
    assert shown[-3:] == FACTS[-3:]
    assert shown == [fact for fact in FACTS if fact in shown]
    assert "From before:" not in model.chat.acts[-1].text


async def test_each_fact_is_embedded_once_and_each_act_asks_for_one_embedding_more() -> None:
    model = Both()
    bo = bo_with(model)

    for text in ("The zebra?", "And number 4?", "The zebra?"):
        await bo.listen_and_act(text)

    assert model.embedded == ["The zebra?", *FACTS, "And number 4?"]
    assert [call.purpose for call in bo.mind.calls].count("embedding") == len(FACTS) + 2


async def test_facts_that_all_fit_are_shown_without_a_call() -> None:
    model = Both()

    await bo_with(model, FACTS[:10]).listen_and_act("The zebra?")

    assert model.embedded == []
    assert all(f"- {fact}" in model.chat.acts[-1].memory for fact in FACTS[:10])


async def test_looking_up_can_be_switched_off() -> None:
    model = Both()

    await bo_with(model, settings=MindSettings(retrieves=False)).listen_and_act("The zebra?")

    assert model.embedded == []
    assert [line for line in model.chat.acts[-1].memory if line[2:] in FACTS] == [f"- {fact}" for fact in FACTS[-10:]]


@pytest.mark.parametrize(
    ("trouble", "asks_again"),
    [(EndpointMissing("no such model"), False), (RequestRejected("no embeddings here"), False), (GaveUp("busy"), True)],
)
async def test_without_a_model_for_embeddings_words_in_common_bring_it_back(
    trouble: TroupeError, asks_again: bool
) -> None:
    vectors = VectorStore()
    model = Both(trouble)

    found = []
    for _ in range(2):
        await bo_with(model, vectors=vectors).listen_and_act("How is the zebra?")
        found.append(came_back(model))

    for shown in found:
        assert (shown[0], shown[-3:], len(shown)) == (FACTS[0], FACTS[-3:], 10)
    assert len(model.embedded) == (2 if asks_again else 1)


async def test_a_mind_that_was_given_no_endpoint_for_embeddings_asks_for_none() -> None:
    model = Both()

    await bo_with(model, embedding=None).listen_and_act("How is the zebra?")

    assert model.embedded == []
    assert came_back(model)[0] == FACTS[0]


async def test_what_comes_back_changes_nothing_before_the_state_of_mind() -> None:
    model = Both()
    bo = bo_with(model)

    for text in ("The zebra?", "Number 7?"):
        await bo.listen_and_act(text)

    first, second = (asked.text.partition("</memory>")[0] for asked in model.chat.acts)
    assert second.startswith(first)
