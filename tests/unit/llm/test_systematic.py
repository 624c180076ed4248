"""Faults that every call meets stop the job after a handful; what people say, and single failures, never do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

import pytest

from tests.doubles.models import request
from troupe_batch.errors import EndpointUnsuitable, GaveUp, RequestRejected
from troupe_batch.llm.chat import (
    ChatReply,
    ChatRequest,
    Message,
    Parameters,
    ReplySchema,
    ReplyStatus,
    Role,
    Usage,
    strict_object,
)
from troupe_batch.llm.embeddings import EmbeddingRequest
from troupe_batch.llm.systematic import Watched
from troupe_batch.llm.tallies import PromptCounts

Answer = Callable[[ChatRequest, int], ChatReply | Exception]
GOOD = ChatReply(ReplyStatus.OK, "{}", {}, usage=Usage(100, 0, 20))
BAD = ChatReply(ReplyStatus.UNREADABLE, "Well, it depends.", reason="it is not valid JSON")
CUT = ChatReply(ReplyStatus.TRUNCATED, '{"q', usage=Usage(100, 0, 300, 298))
REFUSED = ChatReply(ReplyStatus.REFUSED, reason="no")


def asking(*questions: str) -> ReplySchema:
    return ReplySchema("answers", strict_object({name: {"type": "string"} for name in questions}))


FIRST, SECOND = asking("likely"), asking("reason", "why")


@dataclass
class Served:
    """A model that answers by the request and its number, and keeps what it was sent."""

    answer: Answer
    asked: list[ChatRequest] = field(default_factory=list)
    in_flight: int = 0
    peak: int = 0

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.asked.append(request)
        number = len(self.asked)
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        for _ in range(3):
            await asyncio.sleep(0)
        self.in_flight -= 1
        said = self.answer(request, number)
        if isinstance(said, Exception):
            raise said
        return said


async def asked_by_many(model: Watched, requests: list[ChatRequest]) -> list[ChatReply | BaseException]:
    return await asyncio.gather(*(model.complete(one) for one in requests), return_exceptions=True)


def many(number: int, schema: ReplySchema = FIRST) -> list[ChatRequest]:
    return [request(sample=str(draw), schema=schema) for draw in range(number)]


def refused(words: str = "the endpoint answered 400: no schemas here") -> RequestRejected:
    return RequestRejected(words)


def stops(outcomes: list[ChatReply | BaseException]) -> list[EndpointUnsuitable]:
    return [one for one in outcomes if isinstance(one, EndpointUnsuitable)]


async def test_ten_rejections_alike_stop_the_job_and_nothing_more_is_sent() -> None:
    served = Served(lambda _, number: refused(f"the endpoint answered 400: no schemas here (request req-{number}a)"))

    outcomes = await asked_by_many(Watched(served), many(500))

    assert len(served.asked) == 10
    assert len(stops(outcomes)) == 491
    error = stops(outcomes)[0]
    assert "no schemas here" in str(error)
    assert "10 times in a row all requests failed alike" in str(error)
    assert "OpenAI.SCHEMA_MODE = json" in str(error)
    assert error.symptom is not None
    assert error.symptom.shows_in(
        "failed", str(refused("the endpoint answered 400: no schemas here (request req-7)")), None
    )


async def test_one_schema_among_others_that_work_is_named_by_its_questions() -> None:
    served = Served(lambda request, _: refused() if request.reply_schema is SECOND else GOOD)
    mixed = [one for pair in zip(many(100), many(100, SECOND), strict=True) for one in pair]

    outcomes = await asked_by_many(Watched(served), mixed)

    assert sum(one.reply_schema is SECOND for one in served.asked) == 10
    assert "requests for reason, why (schema 'answers') failed alike" in str(stops(outcomes)[0])


async def test_orders_of_options_are_one_question() -> None:
    schemas = [
        ReplySchema("answers", strict_object({"q": strict_object({str(n): {"type": "boolean"}, "x": {}})}))
        for n in range(50)
    ]
    served = Served(lambda *_: refused())

    await asked_by_many(Watched(served), [request(schema=one) for one in schemas])

    assert len(served.asked) == 10


async def test_one_schema_of_many_with_the_same_questions_is_found_as_well() -> None:
    poison = ReplySchema("answers", strict_object({"likely": {"type": "string", "enum": ["a"]}}))
    served = Served(lambda request, _: refused() if request.reply_schema is poison else GOOD)
    mixed = [one for pair in zip(many(60), many(60, poison), strict=True) for one in pair]

    outcomes = await asked_by_many(Watched(served), mixed)

    assert stops(outcomes)
    assert sum(one.reply_schema is poison for one in served.asked) < 20


async def test_rejections_in_other_words_or_between_successes_stop_nothing() -> None:
    other_words = Served(lambda _, number: refused("abcdefghijklmnopqrstuvwxyz"[number % 9]))
    between = Served(lambda _, number: GOOD if number % 8 == 0 else refused())

    outcomes = await asked_by_many(Watched(other_words), many(40))
    mixed = [await asyncio.gather(Watched(between).complete(one), return_exceptions=True) for one in many(200)]

    assert stops(outcomes) == []
    assert len(other_words.asked) == 40
    assert not any(isinstance(one[0], EndpointUnsuitable) for one in mixed)


async def test_poison_that_is_given_up_late_stops_nothing_where_others_go_well() -> None:
    served = Served(lambda _, number: GOOD if number < 50 else GaveUp("gave up after 6 attempts: 500", attempts=6))

    outcomes = await asked_by_many(Watched(served), many(200))
    alone = await asked_by_many(Watched(Served(lambda *_: GaveUp("gave up after 6 attempts: 500"))), many(200))

    assert stops(outcomes) == []
    assert stops(alone)


async def test_twenty_unreadable_replies_in_a_row_stop_the_job() -> None:
    served = Served(lambda *_: BAD)

    outcomes = await asked_by_many(Watched(served), many(300))

    assert len(served.asked) == 20
    assert "20 replies in a row to all requests could not be read" in str(stops(outcomes)[0])
    assert "it is not valid JSON" in str(stops(outcomes)[0])
    assert "troupe failed" in str(stops(outcomes)[0])


async def test_one_readable_reply_in_twenty_ends_the_row() -> None:
    served = Served(lambda _, number: GOOD if number % 19 == 0 else BAD)

    outcomes = [await Watched(served).complete(one) for one in many(300)]

    assert len(outcomes) == 300


async def test_refusals_never_count_however_many_there_are() -> None:
    served = Served(lambda *_: REFUSED)
    filtered = Served(lambda *_: replace(REFUSED, status=ReplyStatus.CONTENT_FILTERED))

    outcomes = await asked_by_many(Watched(served), many(500)) + await asked_by_many(Watched(filtered), many(500))

    assert stops(outcomes) == []
    assert len(served.asked) == len(filtered.asked) == 500


async def test_replies_cut_off_stop_a_small_run_and_say_how_much_was_thinking() -> None:
    served = Served(lambda *_: CUT)
    requests = [replace(one, parameters=Parameters(max_completion_tokens=300)) for one in many(8)]

    outcomes = await asked_by_many(Watched(served), requests)

    said = str(stops(outcomes)[0])
    assert len(served.asked) <= 5
    assert "5 of 5 replies (100%) to all requests were cut off at max_completion_tokens = 300" in said
    assert "1,490 of the 1,500 tokens were hidden reasoning" in said
    assert "reasoning_effort: none" in said
    assert "--retry" in said


@pytest.mark.parametrize(("every", "is_stopped"), [(3, True), (4, True), (6, False), (20, False)])
async def test_more_than_a_fifth_cut_off_stops_and_less_does_not(every: int, is_stopped: bool) -> None:
    served = Served(lambda _, number: CUT if number % every == 0 else GOOD)

    outcomes = await asked_by_many(Watched(served), many(400))

    assert bool(stops(outcomes)) is is_stopped
    if is_stopped:
        assert len(served.asked) < 20 + 400 / every


def prompt(length: int, draw: int = 0) -> ChatRequest:
    one = request(sample=str(draw), schema=FIRST)
    return replace(one, messages=(Message(Role.USER, ("word " * length)[:length]),))


def counting(tokens: Callable[[int], int]) -> Served:
    return Served(lambda request, _: replace(GOOD, usage=Usage(tokens(len(request.messages[0].content)), 0, 20)))


async def test_prompts_of_all_lengths_that_count_the_same_were_cut() -> None:
    served = counting(lambda length: min(length // 4, 4_096))
    lengths = [8_000, 12_000, *range(17_000, 60_000, 900)]

    outcomes = await asked_by_many(Watched(served), [prompt(length) for length in lengths])

    [error, *_] = stops(outcomes)
    assert "4,096 tokens for each of 4 prompts" in str(error)
    assert len(served.asked) < 15
    assert len(error.spoiled) == 4
    # Of what was cut, but for the first, nothing may be kept.
    kept = [one for one in outcomes if isinstance(one, ChatReply) and one.usage and one.usage.prompt_tokens == 4_096]
    assert sum(not one.is_doubtful for one in kept) <= 1


async def test_prompts_that_count_the_same_because_their_schemas_differ_are_believed() -> None:
    small = ReplySchema("small", {"type": "object"})
    large = ReplySchema("large", {"type": "object", "description": "x" * 396})
    pairs = [
        replace(prompt(length), reply_schema=schema)
        for start in range(20_000, 30_000, 1_000)
        for length, schema in ((start, large), (start + large.size - small.size, small))
    ]
    counts = {one.key(): (len(one.messages[0].content) + (one.reply_schema or small).size) // 4 for one in pairs}

    together = PromptCounts()
    judged = [together.take(one, counts[one.key()]) for one in pairs]

    assert len(set(counts.values())) == len(pairs) // 2
    assert judged == [(None, False)] * len(pairs)


async def test_prompts_of_one_length_that_were_cut_before_anybody_could_know_are_spoiled_too() -> None:
    served = counting(lambda length: min(length // 4, 4_096))
    twins = [replace(prompt(20_000), sample=f"{draw}") for draw in range(3)]

    outcomes = await asked_by_many(Watched(served), [*twins, *map(prompt, range(21_000, 40_000, 900))])

    [error, *_] = stops(outcomes)
    assert {one.key() for one in twins} <= set(error.spoiled)


async def test_prompts_that_differ_by_little_were_cut_where_many_of_them_count_the_same() -> None:
    served = counting(lambda length: min(length // 4, 2_050))

    outcomes = await asked_by_many(Watched(served), [prompt(12_000 + 17 * draw) for draw in range(100)])

    assert "2,050 tokens for each of 8 prompts" in str(stops(outcomes)[0])
    assert len(served.asked) < 25


async def test_a_count_that_no_language_allows_is_a_cut_prompt() -> None:
    served = counting(lambda length: 512 + length // 1_000)

    outcomes = await asked_by_many(Watched(served), [prompt(20_000 + 700 * draw) for draw in range(100)])

    assert "fewer tokens than 4 prompts of" in str(stops(outcomes)[0])
    assert len(served.asked) <= 8
    assert all(one.is_doubtful for one in outcomes if isinstance(one, ChatReply))


async def test_prompts_of_one_length_and_servers_that_leave_cached_tokens_out_are_believed() -> None:
    same = counting(lambda _: 2_000)
    numbers = count()
    left_out = counting(lambda length: length // 4 if next(numbers) == 0 else 40)
    honest = counting(lambda length: length // 4)

    outcomes = await asked_by_many(Watched(same), [prompt(8_000, draw) for draw in range(100)])
    for served in (left_out, honest):
        watched = Watched(served)
        outcomes += [await watched.complete(prompt(8_000 + 37 * draw)) for draw in range(300)]

    assert stops(outcomes) == []
    assert not any(one.is_doubtful for one in outcomes if isinstance(one, ChatReply))


async def test_embeddings_that_are_refused_name_their_setting() -> None:
    served = Served(lambda *_: refused("the endpoint answered 400: this model does not support embeddings"))
    endpoint = request().endpoint

    outcomes = await asked_by_many(Watched(served), [EmbeddingRequest.of(endpoint, str(n)) for n in range(80)])

    assert len(served.asked) == 10
    assert "OpenAI.EMBEDDING_MODEL" in str(stops(outcomes)[0])


async def test_calls_run_freely_once_some_have_gone_well() -> None:
    served = Served(lambda *_: GOOD)

    await asked_by_many(Watched(served), many(200))

    assert served.peak > 64


async def test_a_resume_in_the_same_process_is_judged_anew() -> None:
    served = Served(lambda _, number: refused() if number <= 10 else GOOD)
    model = Watched(served)

    before = await asked_by_many(model, many(30))
    late = await asked_by_many(model, many(30))
    model.renew()
    after = await asked_by_many(model, many(30))

    assert stops(before)
    assert len(stops(late)) == 30
    assert all(isinstance(one, ChatReply) for one in after)


async def test_whoever_has_nobody_to_begin_anew_for_them_is_judged_anew_after_a_while() -> None:
    clock = [0.0]
    served = Served(lambda _, number: refused() if number <= 10 else GOOD)
    model = Watched(served, clock=lambda: clock[0])

    before = await asked_by_many(model, many(30))
    clock[0] = 60.0
    after = await asked_by_many(model, many(30))

    assert stops(before)
    assert all(isinstance(one, ChatReply) for one in after)


async def test_whoever_stops_waiting_holds_nobody_up() -> None:
    served = Served(lambda *_: GOOD)
    model = Watched(served)
    first = [asyncio.create_task(model.complete(one)) for one in many(40)]
    await asyncio.sleep(0)
    for task in first[5:]:
        task.cancel()

    outcomes = await asked_by_many(model, many(40))

    assert all(isinstance(one, ChatReply) for one in outcomes)
