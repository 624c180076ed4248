"""People of the simulation act against a real rehearsal server: what they ask for is what it understands."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator

import pytest

from troupe_batch.llm.chat import Endpoint
from troupe_batch.llm.connection import ConnectionSpec
from troupe_batch.llm.prices import PriceList
from troupe_batch.llm.provider import connect
from troupe_batch.rehearsal import RehearsalConfig, RehearsalProcess
from troupe_batch.simulation.acting.act_schema import ActQuestion
from troupe_batch.simulation.acting.faculties import GroundingFaculty, RecallFaculty
from troupe_batch.simulation.acting.tools import TinyCalendar, TinyWordProcessor, ToolUseFaculty
from troupe_batch.simulation.mind import Mind
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.documents import Document
from troupe_batch.simulation.record.events import EventStatus
from troupe_batch.simulation.record.memory import ActionResult

FILE = """
schema: troupe_batch/respondents/1
questions:
  liking: {type: choice, base: {Bad: 1, Good: 1}, shifts: [{when: {name: Lisa Carter}, labels: {Good: 20}}]}
acts:
  talk: 1
  to_everyone: 0.5
  reach_out: 0.2
  faculties: {RECALL: 0.2, LIST_DOCUMENTS: 0.2, CONSULT: 0.3, WRITE_DOCUMENT: 0.5, CREATE_EVENT: 0.5, LIST_EVENTS: 0.2}
  lines: ["I, {name}, would {verb} number {number} of {thing} over {other}"]
  words:
    verb: [take, leave, praise, fear, want, sell, buy]
    number: [one, two, three, four, five, six, seven]
    thing: [soup, bread, cheese, rice, wine, tea, fish]
    other: [water, apples, milk, jam, beans, corn, figs]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RehearsalProcess]:
    folder = tmp_path_factory.mktemp("rehearsal")
    (folder / "people.yaml").write_text(FILE)
    with RehearsalProcess(RehearsalConfig(respondents=folder / "people.yaml"), folder / "log") as process:
        yield process


@pytest.fixture
async def mind(server: RehearsalProcess) -> AsyncIterator[Mind]:
    server.reset_stats()
    provider = connect(ConnectionSpec("rehearsal", api_key="none", base_url=server.base_url), PriceList.free())
    identity = server.config.identity
    endpoint = Endpoint(identity, "rehearsal", is_rehearsal=True)
    embedding = Endpoint(identity, "text-embedding-rehearsal", is_rehearsal=True)
    yield Mind(provider, endpoint, embedding=embedding, premise="A table talk. " * 200)
    await provider.aclose()


async def test_people_talk_to_those_in_reach_and_use_all_that_they_are_able_to_do(
    server: RehearsalProcess, mind: Mind
) -> None:
    lisa, oscar = TinyPerson("Lisa Carter", mind=mind), TinyPerson("Oscar Diaz", mind=mind)
    word_processor, calendar = TinyWordProcessor(), TinyCalendar()
    documents = [Document("plan.md", "We open in May."), Document("costs.md", "It costs 12.")]
    lisa.make_accessible(oscar, "colleague")
    for faculty in (RecallFaculty(), GroundingFaculty(documents), ToolUseFaculty([word_processor, calendar])):
        lisa.add_faculty(faculty)

    acts = [await lisa.listen_and_act(f"And what else, for the {number}th time?", "Oscar Diaz") for number in range(60)]

    performed = [action for act in acts for action in act.performed]
    of = {kind: [a for a in performed if a.type == kind] for kind in {a.type for a in performed}}
    results = [entry.what for entry in lisa.episodic.entries if isinstance(entry.what, ActionResult)]
    assert set(of) == {
        *("TALK", "THINK", "REACH_OUT", "DONE", "RECALL", "CONSULT", "LIST_DOCUMENTS", "LIST_EVENTS"),
        *("WRITE_DOCUMENT", "CREATE_EVENT"),
    }
    # Nobody looks up twice in a row: at most one call more, and one for each act that looked something up.
    assert {act.calls for act in acts} == {1, 2}
    assert sum(act.calls for act in acts) == 60 + len(results) == server.stats()["replies"]
    assert {a.target for a in of["TALK"]} == {None, "Oscar Diaz"}
    assert all((a.content or "").startswith("[rehearsal] I, Lisa Carter, would ") for a in of["TALK"])
    assert {a.target for a in of["CONSULT"]} == {"plan.md", "costs.md"}
    assert len(word_processor.documents) == len(of["WRITE_DOCUMENT"]) > 15
    assert len(calendar.events) == len(of["CREATE_EVENT"]) > 15
    assert not [event for event in lisa.journal.events if event.status is EventStatus.FAILED]


async def test_a_question_within_an_act_gets_the_answer_of_the_file(mind: Mind) -> None:
    question = ActQuestion(
        '<question id="liking">\nHow do you like it?\n- Good\n- Bad\n</question>',
        {"liking": {"type": "string", "enum": ["Bad", "Good"]}},
    )

    lisas = [await TinyPerson("Lisa Carter", person_id=f"l{n}", mind=mind).act(extra=question) for n in range(20)]
    bos = [await TinyPerson("Bo", person_id=f"b{n}", mind=mind).act(extra=question) for n in range(100)]

    assert {act.answer["liking"] for act in lisas} == {"Good"}
    share = sum(act.answer["liking"] == "Good" for act in bos) / 100
    assert abs(share - 0.5) < 4 * math.sqrt(0.25 / 100)


async def test_most_of_what_a_person_reads_again_is_served_by_the_prefix_cache(
    server: RehearsalProcess, mind: Mind
) -> None:
    people = [TinyPerson(name, mind=mind) for name in ("Ana", "Bo", "Cleo", "Dan", "Eve")]
    for one in people:
        one.make_all_accessible(other for other in people if other is not one)

    for step in range(4):
        for one in people:
            await one.listen_and_act(f"Round {step}: what do you say?", "the moderator")

    stats = server.stats()
    assert stats["replies"] == 20
    assert stats["cached_tokens"] / stats["prompt_tokens"] > 0.7
