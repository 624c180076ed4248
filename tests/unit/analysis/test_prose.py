"""What became of the prose about people, counted from the stored tables."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.doubles.runs import ENDPOINT, AnsweringModel, new_run, population
from troupe_batch.analysis import ProseCounts, prose_of
from troupe_batch.analysis.prose import MOST_TEXTS, text_of
from troupe_batch.dispatch.inline import run_inline
from troupe_batch.errors import GaveUp
from troupe_batch.factory import ProseModel, TinyPersonFactory
from troupe_batch.llm.chat import CacheState, ChatReply, ChatRequest, ReplyStatus, Usage
from troupe_batch.population import EnrichLevel, Population
from troupe_batch.results.dataset import Dataset

WORDS = [f"word{n}of" for n in range(16)]


def bio(index: int) -> str:
    """A life of its own for each person."""
    return " ".join(f"{word}{index}" for word in WORDS)


class Author(AnsweringModel):
    """Writes bios by the number of the person; says of some that they are 101, once or twice, and finds it as a judge.

    `others` is what it says else of a person, `p4`, and of the text about one, `c4`.
    """

    def __init__(self, *, once: tuple[int, ...] = (), always: tuple[int, ...] = (), **others: Any) -> None:
        super().__init__(self._say)
        self._wrong, self._always, self._others = once, always, others

    def _say(self, request: ChatRequest) -> ChatReply | Exception | None:
        asked = "" if request.reply_schema is None else request.reply_schema.name
        if asked not in ("bio", "contradictions"):
            return None
        number = int(request.sample.split(".")[1].split("/")[0])
        if (other := self._others.get(f"{'p' if asked == 'bio' else 'c'}{number}")) is not None:
            return other if isinstance(other, Exception | ChatReply) else self._reply({"bio": str(other)})
        if asked == "contradictions":
            found = {"quote": "Is 101", "fact": "age", "why": "Older.", "is_possible": False}
            return self._reply({"contradictions": [found] if "Is 101" in request.messages[-1].content else []})
        is_repair = request.sample.endswith("/contradiction")
        is_wrong = number in self._always or (number in self._wrong and not is_repair)
        return self._reply({"bio": "Is 101 years old. " * is_wrong + bio(number)})

    @staticmethod
    def _reply(value: dict[str, Any]) -> ChatReply:
        usage = Usage(1_000, 900, 100, 0)
        return ChatReply(ReplyStatus.OK, "{}", value, usage=usage, cost_usd=0.0, cache=CacheState.MISS)


async def dataset_of(author: AnsweringModel, **job: Any) -> Dataset:
    run = new_run(people=20, **{"enrich": "bio", **job})
    people = Population(population(20))
    factory = TinyPersonFactory(people, enrich=run.plan.enrich, asking=ProseModel(ENDPOINT))
    run = dataclasses.replace(run, factory=factory)
    await run_inline(run, model=author, concurrency=3)
    return Dataset(run.store)


async def prose(author: AnsweringModel, **job: Any) -> ProseCounts:
    found = prose_of(await dataset_of(author, **job))
    assert found is not None
    return found


async def test_where_nothing_is_written_there_is_nothing_to_tell() -> None:
    assert prose_of(await dataset_of(Author(), enrich="none")) is None


async def test_what_was_written_mended_left_out_and_not_had_adds_up() -> None:
    refused = ChatReply(ReplyStatus.REFUSED, reason="no")
    author = Author(once=(1, 2, 3), always=(4, 5), p6=refused, p7=GaveUp("tried 5 times"), c8=refused, c9=GaveUp("x"))

    found = await prose(author)

    assert (found.level, found.people) == ("bio", 20)
    assert (found.written, found.repaired, found.left_out, found.missing) == (16, 3, 2, 2)
    assert found.unchecked == 2
    assert found.written + found.left_out + found.missing == found.people
    assert found.contradicted == {"age": 5}
    # Of 18 texts and 5 repairs 2 were not checked.
    assert (found.prompt_tokens, found.cached_tokens) == ((23 + 21) * 1_000, (23 + 21) * 900)
    assert found.cached_share == pytest.approx(0.9)
    assert (found.duplicates.texts, found.duplicates.alike) == (16, 0)


async def test_who_was_left_out_answers_as_their_facts_alone_and_is_named() -> None:
    dataset = await dataset_of(Author(always=(4, 5)))
    found = prose_of(dataset)

    assert found is not None
    people = dataset.people.set_index("person_id")
    assert set(people.loc[list(found.left_out_ids), "person_index"]) == {4, 5}
    assert ["bio" in persona for persona in people["persona"]] == [index not in (4, 5) for index in range(20)]
    assert set(dataset.answers["status"]) == {"answered"}
    calls = dataset.llm_calls.query("purpose == 'enrich_repair'")
    assert set(calls["person_id"]) == set(found.left_out_ids)
    assert calls["reason"].str.contains("the fact is age").all()


async def test_the_prose_of_a_run_from_before_there_was_a_judge_is_told_too() -> None:
    dataset = await dataset_of(Author())
    digests = {name: one for name, one in dataset.manifest.provenance.prompt_digests.items() if "judge" not in name}
    then = dataclasses.replace(dataset.manifest.provenance, prompt_digests=digests)
    vars(dataset)["manifest"] = dataclasses.replace(dataset.manifest, provenance=then)

    found = prose_of(dataset)

    assert found is not None
    assert (found.level, found.written, found.unchecked) == ("bio", 20, 0)


async def test_people_with_several_units_are_counted_once() -> None:
    found = await prose(Author(once=(1, 2, 3), always=(4,)), replicates=3, units_per_shard=4)

    assert (found.people, found.written, found.repaired, found.left_out) == (20, 19, 3, 1)
    assert found.contradicted == {"age": 4}


async def test_texts_that_are_alike_are_found() -> None:
    found = await prose(Author(p3=bio(8), p9=bio(8)))

    assert (found.duplicates.alike, found.duplicates.clusters) == (3, 1)
    assert found.as_json()["duplicates"]["share"] == pytest.approx(3 / 20)
    assert found.as_json()["duplicates"]["are_many"] is True


def test_the_text_of_a_full_persona_is_what_was_written_without_labels() -> None:
    persona = {
        "name": "Ana Ruiz",
        "age": 54,
        "bio": "Not asked for.",
        "education": "high school",
        "health": "Sleeps badly since the spring.",
        "occupation": {"title": "Cook", "description": "Cooks soup for forty people."},
        "other_facts": ["Keeps three clocks in one room."],
    }

    assert text_of(persona, EnrichLevel.FULL).split("\n") == [
        "Cooks soup for forty people.",
        "Sleeps badly since the spring.",
        "Keeps three clocks in one room.",
    ]
    assert text_of(persona, EnrichLevel.BIO) == "Not asked for."
    assert text_of({"name": "Ana"}, EnrichLevel.BIO) == ""


async def test_of_more_people_than_are_looked_at_those_taken_are_evenly_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MOST_TEXTS, EnrichLevel.BIO, 5)

    found = await prose(Author(p8=bio(4), p1=bio(0), p2=bio(0)))

    # Numbers 0, 4, 8, 12 and 16 of 20.
    assert (found.texts, found.duplicates.texts, found.duplicates.alike) == (20, 5, 2)


async def test_of_a_run_in_which_nobody_could_be_asked_there_is_nothing_to_tell() -> None:
    class Broken(Author):
        def _say(self, request: ChatRequest) -> ChatReply | Exception | None:
            return RuntimeError(f"no {request.sample}")

    assert prose_of(await dataset_of(Broken())) is None
