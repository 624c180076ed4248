from __future__ import annotations

import numpy as np
import pytest

from tests.doubles.embeddings import CHAT, EMBEDDING, WIDTH, WordModel, embedding_reply, mind_of
from troupe_batch.errors import (
    BudgetSpent,
    CannotAct,
    EndpointDown,
    FixTheInput,
    RequestRejected,
    TroupeError,
)
from troupe_batch.llm.chat import ChatReply, ReplyStatus
from troupe_batch.llm.embeddings import EmbeddingRequest
from troupe_batch.simulation.mind import Mind


async def test_each_text_has_a_row_of_length_one_in_the_order_of_the_texts() -> None:
    vectors = await mind_of().embed(["cold soup", "a train", "soup"])

    assert vectors.shape == (3, WIDTH)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1.0, 1.0, 1.0])
    assert vectors[0] @ vectors[2] == pytest.approx(0.5**0.5)
    assert vectors[1] @ vectors[2] == pytest.approx(0.0)


async def test_no_texts_ask_nothing() -> None:
    model = WordModel()

    assert len(await mind_of(model).embed([])) == 0
    assert model.asked == []


async def test_a_mind_asks_for_each_text_once_and_records_it_once() -> None:
    model = WordModel()
    mind = mind_of(model)

    first = await mind.embed(["soup", "train", "soup"])
    second = await mind.embed(["train", "rain"])

    assert model.asked == ["soup", "train", "rain"]
    assert (first[1] == second[0]).all()
    keys = [EmbeddingRequest.of(EMBEDDING, text).key().hex() for text in ("soup", "train", "rain")]
    assert [(call.purpose, call.key, call.sample, call.status) for call in mind.calls] == [
        ("embedding", key, "embedding", "ok") for key in keys
    ]


async def test_a_mind_without_a_model_for_embeddings_says_so() -> None:
    with pytest.raises(FixTheInput, match="`embedding`"):
        await Mind(WordModel(), CHAT).embed(["soup"])


@pytest.mark.parametrize(
    ("troubles", "expected"),
    [
        ([RequestRejected("too long"), BudgetSpent("cap")], BudgetSpent),
        ([RequestRejected("too long"), EndpointDown("away")], EndpointDown),
        ([EndpointDown("away"), BudgetSpent("cap")], BudgetSpent),
        ([RequestRejected("too long"), RequestRejected("second")], RequestRejected),
    ],
)
async def test_the_gravest_of_several_errors_is_raised_after_all_have_ended(
    troubles: list[TroupeError], expected: type[TroupeError]
) -> None:
    model = WordModel(dict(zip(("a", "b"), troubles, strict=True)))
    mind = mind_of(model)

    with pytest.raises(expected):
        await mind.embed(["a", "b", "c"])

    assert model.asked == ["a", "b", "c"]
    rows = [(call.status, call.reason) for call in mind.calls]
    failed = [("failed", str(error)) for error in troubles if isinstance(error, RequestRejected)]
    assert rows == [*failed, ("ok", None)]


async def test_a_filtered_text_is_an_absence_and_no_vector() -> None:
    filtered = ChatReply(ReplyStatus.CONTENT_FILTERED, reason="not this one")

    with pytest.raises(CannotAct, match="content_filtered: not this one"):
        await mind_of(WordModel({"bad": filtered})).embed(["bad"])


async def test_vectors_of_different_lengths_are_an_error_and_not_compared() -> None:
    with pytest.raises(CannotAct, match="differ in length"):
        await mind_of(WordModel({"odd": embedding_reply([1.0, 2.0])})).embed(["soup", "odd"])


async def test_a_text_that_is_no_utf_8_fails_on_record() -> None:
    mind = mind_of(WordModel({"\ud800": RequestRejected("no UTF-8")}))

    with pytest.raises(RequestRejected):
        await mind.embed(["\ud800"])

    assert [(call.key, call.status) for call in mind.calls] == [("", "failed")]
