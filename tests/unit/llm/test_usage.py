"""What endpoints say of tokens, broken and hostile ones included: never a smaller bill, never an error."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.doubles.models import request
from troupe_batch.llm.books import Books, Metered
from troupe_batch.llm.chat import ChatReply, ChatRequest, Parameters, Usage
from troupe_batch.llm.embeddings import read_embedding
from troupe_batch.llm.prices import Price
from troupe_batch.llm.reading import read_completion

PRICE = Price(2.5, 1.25, 10.0, 3.0)
MESSAGE = {"finish_reason": "stop", "message": {"content": "yes"}}
NUMBERS = st.one_of(st.integers(-5, 50), st.sampled_from([-(10**9), 2**31, 2**63, 2**64, 10**30]))
ANYTHING = st.one_of(
    NUMBERS, st.booleans(), st.none(), st.floats(), st.text("1a", max_size=2), st.just({}), st.just([])
)


@st.composite
def usages(draw: st.DrawFn) -> Any:
    def some(*names: str) -> dict[str, Any]:
        return {name: draw(ANYTHING) for name in names if draw(st.booleans())}

    said: dict[str, Any] = some("prompt_tokens", "completion_tokens", "total_tokens")
    if draw(st.booleans()):
        said["prompt_tokens_details"] = draw(st.one_of(st.just(some("cached_tokens", "cache_write_tokens")), ANYTHING))
    if draw(st.booleans()):
        said["completion_tokens_details"] = draw(st.one_of(st.just(some("reasoning_tokens")), ANYTHING))
    return draw(st.one_of(st.just(said), ANYTHING))


class Saying:
    """A model whose every reply says this of its tokens."""

    def __init__(self, usage: object) -> None:
        self._usage = usage

    async def complete(self, request: ChatRequest) -> ChatReply:  # noqa: ARG002 -- the same of every request
        reply = reply_saying(self._usage)
        cost = None if reply.usage is None else PRICE.cost(reply.usage)
        return ChatReply(reply.status, reply.text, usage=reply.usage, cost_usd=cost)


def reply_saying(usage: object) -> ChatReply:
    # As it comes from the wire, where numbers have no size.
    body = orjson.dumps({"choices": [MESSAGE], "model": "m", "usage": "USAGE"})
    return read_completion(body.replace(b'"USAGE"', as_json(usage)), None)


def as_json(value: object) -> bytes:
    if isinstance(value, dict):
        return b"{" + b",".join(orjson.dumps(k) + b":" + as_json(v) for k, v in value.items()) + b"}"
    is_large = isinstance(value, int) and not isinstance(value, bool)
    return str(value).encode() if is_large else orjson.dumps(value)


@given(usages())
@example({"prompt_tokens": -(10**9), "completion_tokens": 5})
@example({"prompt_tokens": 2**63, "completion_tokens": 5})
@example({"prompt_tokens": True, "completion_tokens": True})
@example({"prompt_tokens": 50, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": -5}})
async def test_a_call_never_costs_less_than_nothing_nor_less_than_its_tokens(usage: object) -> None:
    books, limited = Books(), request()
    limited = ChatRequest(limited.endpoint, limited.messages, "0", Parameters(max_completion_tokens=100))

    reply = await Metered(Saying(usage), books, PRICE).complete(limited)
    spending = books.total()

    counts = (0,) if reply.usage is None else reply.usage.counts()
    assert all(type(count) is int and 0 <= count <= 100_000_000 for count in counts)
    if reply.usage is None:
        assert spending.usd == PRICE.worst_case(limited)
    else:
        said = reply.usage
        cheapest = said.prompt_tokens * PRICE.cached + said.completion_tokens * PRICE.completion
        assert spending.usd >= cheapest / 1e6
        assert said.cached_tokens + said.cache_write_tokens <= said.prompt_tokens
    assert spending.calls == 1


@given(st.dictionaries(st.just("prompt_tokens"), ANYTHING))
async def test_an_embedding_has_a_count_that_can_be_or_none(usage: dict[str, Any]) -> None:
    body = orjson.dumps({"data": [{"embedding": [1.0]}], "usage": "USAGE"}).replace(b'"USAGE"', as_json(usage))

    found = read_embedding(body).usage

    assert found is None or 0 <= found.prompt_tokens <= 100_000_000


def test_counts_that_can_be_are_taken_as_they_are() -> None:
    details = {"cached_tokens": 40, "cache_write_tokens": None, "audio_tokens": 0}
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "prompt_tokens_details": details}

    assert reply_saying({**usage, "completion_tokens_details": None}).usage == Usage(100, 40, 20, 0)


@pytest.mark.parametrize("broken", [-1, True, 5.0, "5", 2**63])
def test_one_broken_detail_makes_all_that_was_said_doubtful(broken: object) -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": broken}}

    assert reply_saying(usage).usage is None
