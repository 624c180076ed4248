"""One store of vectors for all minds of a study: each text is embedded once, and the memory is bounded."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from tests.doubles.embeddings import CHAT, EMBEDDING, WIDTH, WordModel, embedding_reply
from tests.patience import HANG_S
from troupe_batch.errors import BudgetSpent, RequestRejected
from troupe_batch.llm.chat import ChatReply, ChatRequest, Endpoint
from troupe_batch.simulation.mind import Mind
from troupe_batch.simulation.vectors import VectorStore

TEXTS = ["one", "two", "three"]


def mind(model: WordModel, store: VectorStore, endpoint: Endpoint = EMBEDDING) -> Mind:
    return Mind(model, CHAT, embedding=endpoint, vectors=store)


async def test_minds_that_share_a_store_embed_each_text_once_and_only_the_first_has_rows() -> None:
    model, store = WordModel(), VectorStore()
    first, second = mind(model, store), mind(model, store)

    vectors = await first.embed(TEXTS)
    again = await second.embed(TEXTS)

    assert model.asked == TEXTS
    assert (vectors == again).all()
    assert [len(one.calls) for one in (first, second)] == [3, 0]


async def test_minds_that_ask_at_the_same_time_wait_for_one_call() -> None:
    model, store = WordModel(), VectorStore()
    minds = [mind(model, store) for _ in range(50)]

    found = await asyncio.gather(*(one.embed(TEXTS) for one in minds))

    assert model.asked == TEXTS
    assert all((vectors == found[0]).all() for vectors in found)
    assert sum(len(one.calls) for one in minds) == 3


async def test_a_row_of_an_embedding_holds_what_it_cost_and_not_the_vector() -> None:
    one = mind(WordModel(), VectorStore())

    await one.embed(["soup"])

    [call] = one.calls
    assert call.reply is not None
    assert (call.reply.text, call.reply.value) == (None, None)
    assert call.reply.usage is not None
    assert call.reply.usage.prompt_tokens == 3


async def test_vectors_of_another_model_are_others() -> None:
    model, store = WordModel(), VectorStore()

    await mind(model, store).embed(["soup"])
    await mind(model, store, Endpoint("openai", "text-embedding-3-large")).embed(["soup"])

    assert model.asked == ["soup", "soup"]


async def test_the_store_is_bounded_and_keeps_what_was_used_last() -> None:
    model = WordModel()
    store = VectorStore(most_bytes=2 * WIDTH * 4)

    await mind(model, store).embed(["one", "two"])
    await mind(model, store).embed(["one", "three"])
    await mind(model, store).embed(["one"])

    assert model.asked == ["one", "two", "three"]
    assert (await mind(model, store).embed(TEXTS) == await mind(WordModel(), VectorStore()).embed(TEXTS)).all()


async def test_whoever_waits_for_a_call_that_fails_asks_on_their_own() -> None:
    class FailsOnce(WordModel):
        async def complete(self, request: ChatRequest) -> ChatReply:
            if not self.asked:
                self.troubles = {"soup": RequestRejected("not now")}
                try:
                    return await super().complete(request)
                finally:
                    self.troubles = {}
            return await super().complete(request)

    model, store = FailsOnce(), VectorStore()
    first, second = mind(model, store), mind(model, store)

    outcomes = await asyncio.gather(first.embed(["soup"]), second.embed(["soup"]), return_exceptions=True)

    assert isinstance(outcomes[0], RequestRejected)
    assert isinstance(outcomes[1], np.ndarray)
    assert [[call.status for call in one.calls] for one in (first, second)] == [["failed"], ["ok"]]


async def test_what_was_embedded_before_an_error_is_kept() -> None:
    model, store = WordModel({"two": BudgetSpent("cap")}), VectorStore()

    with pytest.raises(BudgetSpent):
        await mind(model, store).embed(TEXTS)
    model.troubles = {}
    await mind(model, store).embed(TEXTS)

    assert model.asked == [*TEXTS, "two"]


async def test_one_who_gives_up_waiting_stops_nobody_else() -> None:
    model, store = WordModel(), VectorStore()
    asking = asyncio.create_task(mind(model, store).embed(["soup"]))
    impatient = asyncio.create_task(mind(model, store).embed(["soup"]))
    patient = asyncio.create_task(mind(model, store).embed(["soup"]))
    await _let_them_begin()

    impatient.cancel()

    assert (await asking == await patient).all()
    assert model.asked == ["soup"]
    assert impatient.cancelled()


async def test_who_is_stopped_while_asking_leaves_nobody_waiting() -> None:
    model, store = WordModel(), VectorStore()
    asking = asyncio.create_task(mind(model, store).embed(["soup"]))
    waiting = asyncio.create_task(mind(model, store).embed(["soup"]))
    await _let_them_begin()

    asking.cancel()

    assert len(await asyncio.wait_for(waiting, HANG_S)) == 1
    assert model.asked == ["soup", "soup"]


def test_a_store_serves_one_event_loop_after_the_other() -> None:
    model, store = WordModel(), VectorStore()

    for _ in range(2):
        asyncio.run(_embed(mind(model, store)))

    assert model.asked == TEXTS


async def _let_them_begin() -> None:
    for _ in range(2):
        await asyncio.sleep(0)


async def _embed(one: Mind) -> None:
    await one.embed(TEXTS)


async def test_vectors_of_different_lengths_are_an_error_for_all_who_share_them() -> None:
    store = VectorStore()
    model = WordModel({"odd": embedding_reply([1.0, 2.0])})

    for _ in range(2):
        with pytest.raises(Exception, match="differ in length"):
            await mind(model, store).embed(["soup", "odd"])
