"""Replies that are good in part: what can be read stays, and only the rest is asked again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from troupe_batch.errors import BudgetSpent, GaveUp
from troupe_batch.llm.cache import Cached
from troupe_batch.llm.chat import (
    CacheState,
    ChatModel,
    ChatReply,
    ChatRequest,
    Endpoint,
    Parameters,
    ReplyStatus,
    Role,
    Usage,
)
from troupe_batch.llm.reading import read_completion
from troupe_batch.llm.repair import Repairing
from troupe_batch.llm.reply_store import MemoryReplyStore
from troupe_batch.persona import Persona
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.studies import (
    MultiChoice,
    Numeric,
    OpenText,
    QuestionBlock,
    Rating,
    SingleChoice,
    SurveySpec,
    SurveyStudy,
    Unit,
    UnitOutcome,
    UnitSettings,
)

BLOCK = (
    Rating(id="buy", text="Would you buy it?", labels=["No", "Maybe", "Yes"]),
    MultiChoice(id="when", text="When?", options=["Noon", "Night", "Never"], exclusive=["Never"]),
    Numeric(id="price", text="How much?", unit="euros", minimum=0, maximum=20),
    OpenText(id="why", text="Why?"),
)
LAST = SingleChoice(id="where", text="Where?", options=["Home", "Out"])
BLOCKS = (QuestionBlock(id="a", questions=BLOCK), QuestionBlock(id="b", questions=[LAST]))
GOOD: dict[str, Any] = {
    "buy": {"No": 0, "Maybe": 0, "Yes": 100},
    "when": {"Noon": True, "Night": False, "Never": False},
    "price": 4,
    "why": "I like it.",
    "where": "Out",
}
# By a check of ours, by the schema, and left out.
BAD: dict[str, list[Any]] = {
    "buy": [{"No": 0, "Maybe": 0, "Yes": 0}, "Yes", None],
    "when": [{"Noon": True, "Night": False, "Never": True}, ["Noon"], None],
    "price": [99, "four", None],
    "why": ["  ", ["so"], None],
}
IDS = tuple(BAD)
ONCE = SurveySpec(questions=BLOCK, asking="questionnaire")
UNIT = Unit(index=3, unit_id="p000003.0", case=3, replicate=0)
SETTINGS = UnitSettings(Endpoint("test", "a-model"), Parameters())
PERSON = TinyPerson.cast(3, Persona({"name": "Ann Lee"}), {})
Ask = Callable[[SurveyStudy, ChatModel], Awaitable[UnitOutcome]]


def asked_ids(request: ChatRequest) -> list[str]:
    assert request.reply_schema is not None
    return list(request.reply_schema.schema["properties"])


class Faulty:
    """An endpoint which spoils what `spoils` says of request number n: question -> what stands in its place."""

    def __init__(self, *spoils: dict[str, Any] | Exception | str) -> None:
        self._spoils = list(spoils)
        self.requests: list[ChatRequest] = []

    @property
    def asked(self) -> list[list[str]]:
        """The questions of each request."""
        return [asked_ids(request) for request in self.requests]

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.requests.append(request)
        spoil = self._spoils.pop(0) if self._spoils else {}
        if isinstance(spoil, Exception):
            raise spoil
        value = {name: GOOD[name] for name in asked_ids(request)}
        if isinstance(spoil, dict):
            value |= {name: put for name, put in spoil.items() if name in value}
            value = {name: said for name, said in value.items() if said is not None}
        content = spoil if isinstance(spoil, str) else orjson.dumps(value).decode()
        body = {"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}
        reply = read_completion(orjson.dumps(body), request.reply_schema)
        return ChatReply(reply.status, reply.text, reply.value, reply.reason, usage=Usage(10, 0, 2, 0), cost_usd=0.01)


def survey(spec: SurveySpec = ONCE) -> SurveyStudy:
    return SurveyStudy(spec, seed=1)


def statuses(outcome: UnitOutcome) -> dict[str, str]:
    return {answer.question_id: str(answer.status) for answer in outcome.answers}


@pytest.mark.parametrize("spoilt", [{name: put} for name, puts in BAD.items() for put in puts])
async def test_one_question_that_cannot_be_read_is_asked_again_alone_and_the_others_stay(
    spoilt: dict[str, Any], ask: Ask
) -> None:
    endpoint = Faulty(spoilt)

    outcome = await ask(survey(), Cached(Repairing(endpoint), MemoryReplyStore()))

    [bad] = spoilt
    first, second = outcome.calls
    assert endpoint.asked == [list(IDS), [bad]]
    assert set(statuses(outcome).values()) == {"answered"}
    assert [answer.question_id for answer in outcome.answers] == list(IDS)
    assert {answer.question_id: answer.call_key for answer in outcome.answers} == {
        name: second.key if name == bad else first.key for name in IDS
    }
    sample = SETTINGS.sample_of(UNIT)
    assert {answer.sample for answer in outcome.answers} == {sample}
    assert [(call.status, call.sample) for call in outcome.calls] == [("unreadable", sample), ("ok", sample)]


async def test_the_question_is_asked_with_the_answers_that_were_given_and_shown_as_before(ask: Ask) -> None:
    endpoint = Faulty({"when": BAD["when"][0]})

    outcome = await ask(survey(), Repairing(endpoint))

    first, second = endpoint.requests
    system, asked, said, again = second.messages
    assert "Earlier messages hold" in system.content
    assert "Earlier messages hold" not in first.messages[0].content
    assert asked == first.messages[1]
    assert said.role is Role.ASSISTANT
    assert orjson.loads(said.content) == {"buy": "Yes", "price": 4, "why": "I like it."}
    assert again.content in asked.content
    assert again.content.startswith('<question id="when">')
    assert outcome.answers[1].option_order is not None
    lines = again.content.splitlines()
    assert [line[2:] for line in lines if line.startswith("- ")] == list(outcome.answers[1].option_order)


@pytest.mark.parametrize("memory", ["none", "all", {"last": 1}])
async def test_later_questions_see_what_they_would_have_seen_at_once(memory: Any, ask: Ask) -> None:
    spec = SurveySpec(blocks=BLOCKS, asking="block", memory=memory)
    clean, faulty = Faulty(), Faulty({"when": BAD["when"][0], "price": 99})
    if memory == "none":  # the blocks are asked at the same time
        faulty._spoils.insert(1, {})

    expected = await ask(survey(spec), clean)
    outcome = await ask(survey(spec), faulty)

    [last] = [one for one in clean.requests if asked_ids(one) == ["where"]]
    [last_of_faulty] = [one for one in faulty.requests if asked_ids(one) == ["where"]]
    assert last_of_faulty.messages == last.messages
    assert sorted(map(len, faulty.asked)) == [1, 2, 4]
    assert [answer.label for answer in outcome.answers] == [answer.label for answer in expected.answers]


@given(st.lists(st.dictionaries(st.sampled_from(IDS), st.integers(0, 2), max_size=4), max_size=8))
@hypothesis_settings(deadline=None, max_examples=60)
async def test_what_was_kept_is_never_asked_again_and_no_run_asks_more_than_four_times(
    drawn: list[dict[str, int]],
) -> None:
    spoils = [{name: BAD[name][which] for name, which in one.items()} for one in drawn]
    endpoint = Faulty(*spoils)
    model = Cached(Repairing(endpoint), MemoryReplyStore())
    before: dict[str, Any] = {}
    missing = set(IDS)

    for _ in range(12):
        sent = len(endpoint.requests)
        outcome = await survey().run_unit(UNIT, [PERSON], model, SETTINGS)
        anew = endpoint.asked[sent:]
        answered = {answer.question_id: answer.text or answer.number for answer in outcome.answers if answer.call_key}
        assert len(anew) <= 4
        assert all(set(ids) <= missing for ids in anew)
        assert bool(anew) == bool(missing)
        assert before.items() <= answered.items()
        missing = {name for name, status in statuses(outcome).items() if status != "answered"}
        before = {name: value for name, value in answered.items() if name not in missing}
        assert sum(call.reply.attempts for call in outcome.calls if call.reply) == len(anew)
    assert not missing


async def test_a_retry_asks_only_for_what_is_missing_and_what_it_asks_is_all_it_pays(ask: Ask) -> None:
    endpoint = Faulty({"when": BAD["when"][0]}, *[{"when": BAD["when"][0]}] * 2)
    store = MemoryReplyStore()

    lacking = await ask(survey(), Cached(Repairing(endpoint), store))
    sent = len(endpoint.requests)
    retried = await ask(survey(), Cached(Repairing(endpoint), store))

    assert statuses(lacking) == {**dict.fromkeys(IDS, "answered"), "when": "unreadable"}
    assert endpoint.asked == [list(IDS), ["when"], ["when"], ["when"]]
    assert sent == 3
    assert set(statuses(retried).values()) == {"answered"}
    assert [answer.cache for answer in retried.answers] == [
        CacheState.HIT,
        CacheState.MISS,
        CacheState.HIT,
        CacheState.HIT,
    ]
    costs = [(call.status, call.reply.cost_usd, call.reply.attempts) for call in retried.calls if call.reply]
    assert costs == [("unreadable", 0.0, 0), ("ok", 0.01, 1)]


async def test_a_cached_reply_that_is_good_in_part_is_told_as_it_was_the_first_time(ask: Ask) -> None:
    store = MemoryReplyStore()

    new = await ask(survey(), Cached(Repairing(Faulty({"price": 99})), store))
    again = await ask(survey(), Cached(Repairing(Faulty(GaveUp("not asked", attempts=1))), store))

    assert [(c.key, c.status, c.reason) for c in again.calls] == [(c.key, c.status, c.reason) for c in new.calls]
    assert [(a.label, a.selected, a.number, a.text) for a in again.answers] == [
        (a.label, a.selected, a.number, a.text) for a in new.answers
    ]


@pytest.mark.parametrize(
    ("outcome_of_second", "status", "reason"),
    [(GaveUp("gave up", attempts=5), "failed", "gave up"), ("no JSON", "unreadable", "not valid JSON")],
)
async def test_what_the_further_call_ends_as_is_what_the_question_ends_as(
    outcome_of_second: Any, status: str, reason: str, ask: Ask
) -> None:
    endpoint = Faulty({"price": 99}, outcome_of_second, outcome_of_second)

    outcome = await ask(survey(), Repairing(endpoint))

    assert statuses(outcome) == {**dict.fromkeys(IDS, "answered"), "price": status}
    [price] = [answer for answer in outcome.answers if answer.question_id == "price"]
    assert reason in (price.reason or "")
    assert (price.reason or "").endswith("; asked alone because of: 99 is not between 0 and 20")
    assert price.call_key == outcome.calls[1].key
    assert outcome.calls[1].status == status


async def test_a_run_that_must_stop_keeps_what_it_has_paid(ask: Ask) -> None:
    store, endpoint = MemoryReplyStore(), Faulty({"price": 99}, BudgetSpent("no money"))

    with pytest.raises(BudgetSpent):
        await ask(survey(), Cached(Repairing(endpoint), store))
    outcome = await ask(survey(), Cached(Repairing(endpoint), store))

    assert set(statuses(outcome).values()) == {"answered"}
    assert endpoint.asked == [list(IDS), ["price"], ["price"]]


async def test_a_reply_that_only_says_too_much_is_repaired_as_a_whole(ask: Ask) -> None:
    endpoint = Faulty({"unasked": True}, orjson.dumps({**GOOD, "where": None, "more": 1}).decode())

    outcome = await ask(survey(), Repairing(endpoint))

    assert endpoint.asked == [list(IDS)]
    assert outcome.calls[0].status == ReplyStatus.OK


async def test_a_study_that_stops_at_the_first_failure_goes_on_once_the_question_is_answered(ask: Ask) -> None:
    spec = SurveySpec(blocks=BLOCKS, asking="block", on_failure="stop")

    outcome = await ask(survey(spec), Repairing(Faulty({"price": 99})))

    assert set(statuses(outcome).values()) == {"answered"}
