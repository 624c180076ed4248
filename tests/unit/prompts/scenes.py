"""Scenes beside the plans: what people meet when something goes wrong, stories, and what is remembered of a wave."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from tests.doubles.embeddings import CHAT, EMBEDDING, WordModel
from tests.doubles.minds import DONE, Asked, FakeModel, Said, acts, does, fitting, reach_out, talk, think
from troupe_batch.errors import GaveUp
from troupe_batch.factory.contradictions import Contradiction
from troupe_batch.llm.chat import ChatReply, ChatRequest
from troupe_batch.llm.embeddings import EmbeddingRequest
from troupe_batch.planning.job import WaveMemory
from troupe_batch.planning.waves import RememberedWave, entry, recollections_text
from troupe_batch.simulation import TinyPerson, TinyStory, TinyWorld
from troupe_batch.simulation.acting.act_schema import NOTHING_BESIDE, act_schema
from troupe_batch.simulation.acting.faculties import GroundingFaculty, RecallFaculty
from troupe_batch.simulation.acting.tools import TinyCalendar, TinyWordProcessor, ToolUseFaculty
from troupe_batch.simulation.extraction import Normalizer
from troupe_batch.simulation.extraction.fields import Fields
from troupe_batch.simulation.extraction.reading import findings_schema
from troupe_batch.simulation.judging.judging import verdict_problem
from troupe_batch.simulation.mind import Mind, MindSettings
from troupe_batch.simulation.record.documents import Document
from troupe_batch.studies.study import QuestionInfo
from troupe_batch.studies.values import ValueKind

TURNS: list[Said] = [
    acts(reach_out("Bo")),
    acts(reach_out("Nobody known")),
    acts(reach_out("Ana Silva")),
    acts(talk("Hello?", "Eve Roy")),
    acts(reach_out("Bo Lind")),
    acts(does("CONSULT", target="nothing", content="soup"), does("LIST_DOCUMENTS")),
    acts(does("RECALL", content=" "), does("RECALL", content="soup")),
    acts(does("LIST_EVENTS", date="2025-01-31"), does("LIST_EVENTS", date="soon")),
    acts(does("CREATE_EVENT", title=" ", date="2025-01-31", time="", attendees="", content="")),
    acts(does("CREATE_EVENT", title="Soup", date="2025-01-31", time="late", attendees="", content="")),
    acts(does("CREATE_EVENT", title="Soup", date="2025-01-31", time="12:00", attendees="", content="")),
    acts(does("LIST_EVENTS", date="2025-01-31")),
    acts(does("WRITE_DOCUMENT", title=" ", content="Soup.", author="Ana Silva")),
    acts(does("WRITE_DOCUMENT", title="Soup", content="s" * 200_001, author="Ana Silva")),
    acts(talk("One moment."), does("LIST_DOCUMENTS")),
    GaveUp("gave up after 6 attempts"),
    acts(talk("Goodbye.")),
]
OF_EVE: list[Said] = [
    acts(does("CONSULT", target="Brochure", content="")),
    acts(does("CONSULT", target="Brochure", content="leeks")),
]
BAD_ACTS: list[dict[str, Any]] = [
    {**acts(), "actions": [talk(f"Soup {number}.") for number in range(13)]},
    {**acts(), "actions": [DONE, talk("Soup."), DONE]},
    acts(talk(" ")),
    acts(reach_out(" ")),
]
FIELDS = TypeAdapter(Fields).validate_python(
    [
        {"id": "idea", "type": "text", "text": "The idea"},
        {"id": "cost", "type": "number", "text": "What it costs", "minimum": 0, "maximum": 80},
        {"id": "pages", "type": "integer", "text": "How long it is"},
        {"id": "taken", "type": "category", "text": "How it was taken", "labels": ["welcomed", "rejected"]},
        {"id": "is_new", "type": "yes_no", "text": "Whether it is new"},
    ]
)
FINDING: dict[str, Any] = dict.fromkeys(["idea", "cost", "pages", "taken", "is_new"])
BAD_FINDINGS: list[dict[str, Any]] = [
    {"idea": " "}, {"idea": "\ud800"}, {"cost": True}, {"cost": -1}, {"cost": 81}, {"pages": 1.5}, {"taken": "so so"},
    {"is_new": 1},
]  # fmt: skip
QUESTIONS = [
    QuestionInfo("why", "open", ValueKind.TEXT, "Why?"),
    QuestionInfo("where", "multi", ValueKind.LABELS, "Where?", ("Home", "Work"), (1, 2), dont_know="No idea"),
]
ANSWERS: list[dict[str, Any]] = [
    {"is_dont_know": False, "text": "It is warm."},
    {"is_dont_know": False, "selected": []},
]


async def requests() -> list[ChatRequest]:
    """What a model is asked in the scenes."""
    model = _Model(_Turns(), others={"story": lambda _: {"text": "Once."}, "categories": _named})
    mind = Mind(model, CHAT, embedding=EMBEDDING)
    tools = ToolUseFaculty([TinyCalendar(), TinyWordProcessor()])
    ana, bo, eve = (TinyPerson(name) for name in ("Ana Silva", "Bo Lind", "Eve Roy"))
    ana.add_faculty(GroundingFaculty([])).add_faculty(RecallFaculty()).add_faculty(tools)
    eve.add_faculty(GroundingFaculty([Document("Brochure", "\n\n".join(f"Soup {n}: leeks." * 20 for n in range(40)))]))
    bo.socialize("A handshake.", "Ana Silva")
    bo.add_faculty(GroundingFaculty([Document(f"Page {number}", "Soup.") for number in range(40)]))
    world = TinyWorld("A kitchen", [ana, bo, eve, TinyPerson("Bo Roy")], mind=mind)
    await world.run(len(TURNS))
    story = TinyStory(world, mind=mind, first_n=2, last_n=2)
    await story.start_story("Be brief.")
    await story.continue_story()
    await Normalizer(["Soup", "Stew", "Tea"], 2, mind=mind).normalize(["Soup", "Tea"])
    await TinyStory(TinyPerson("Ida"), mind=mind).start_story()
    await TinyPerson("Ida", mind=Mind(model, CHAT, settings=MindSettings(checks_quality=True))).act()
    kim, lee, max_poe = (TinyPerson(name) for name in ("Kim Ode", "Lee Orr", "Max Poe"))
    kim.add_faculty(ToolUseFaculty([TinyCalendar(owner="somebody-else")])).make_accessible(lee)
    await TinyWorld("A hall", [kim, lee, max_poe], mind=mind).run(2)
    await TinyWorld("A cellar", [TinyPerson("Ivo Alone")], mind=mind).run(2)
    return [asked.request for asked in model.asked]


def texts() -> list[str]:
    """What stands in prompts, or goes back to a model, and no scene leads to."""
    waves = [
        RememberedWave(1, tuple(entry(q, a, memory) for q, a in zip(QUESTIONS, ANSWERS, strict=True)), left_out=1)
        for memory in (WaveMemory.SUMMARY, WaveMemory.VERBATIM)
    ]
    act = act_schema(NOTHING_BESIDE, None, 12)
    finding = findings_schema(FIELDS, many=False)
    said = [(act, value) for value in BAD_ACTS] + [(finding, {**FINDING, **bad}) for bad in BAD_FINDINGS]
    problems = [schema.check(value) if schema.check is not None else None for schema, value in said]
    verdict = verdict_problem({"justification": " "})
    at_odds = Contradiction("age", 54, "in her forties", "Fifty-four is not forty.")
    return [recollections_text(waves), *map(str, [*problems, verdict, at_odds])]


class _Model(FakeModel):
    """One that embeds texts too."""

    async def complete(self, request: ChatRequest) -> ChatReply:
        if isinstance(request, EmbeddingRequest):
            return await WordModel().complete(request)
        return await super().complete(request)


class _Turns:
    """Some do one thing after the other; the others, and they at last, think."""

    def __init__(self) -> None:
        self._left: dict[str, list[Said]] = {
            "Ana Silva": list(TURNS),
            "Eve Roy": list(OF_EVE),
            "Kim Ode": [acts(talk("Psst.", "Max Poe"), does("LIST_EVENTS", date="2025-01-31"))],
            "Ivo Alone": [acts(talk("Is anybody there?"))],
        }

    def __call__(self, asked: Asked) -> Said:
        left = self._left.get(asked.person)
        return left.pop(0) if left else acts(think(f"Thing {asked.number}."))


def _named(asked: Asked) -> Said:
    value = fitting(asked.request)
    for number, category in enumerate(value["categories"]):
        category["name"] = f"Category {number}"
    return value
