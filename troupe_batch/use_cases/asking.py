"""Question to one person: to look at a prompt, or to hear someone out before a job is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from troupe_batch.errors import FixTheInput
from troupe_batch.factory.factory import TinyPersonFactory
from troupe_batch.llm.chat import CallRecord, Message
from troupe_batch.persona.files import load_agent
from troupe_batch.planning.panels import PANEL_SUFFIX
from troupe_batch.planning.units import People
from troupe_batch.population.load import load_population
from troupe_batch.results.panel import Panel
from troupe_batch.settings import Settings
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.studies.kinds import study_of
from troupe_batch.studies.questions.forms.open import OpenText
from troupe_batch.studies.study import Answer, Unit, UnitSettings
from troupe_batch.studies.survey.spec import SurveySpec
from troupe_batch.wiring.endpoints import check_connection, choose_endpoint, rehearsal_config
from troupe_batch.wiring.machine import machine
from troupe_batch.wiring.minds import default_parameters
from troupe_batch.wiring.model_stack import open_model

_QUESTION = "question"


@dataclass(frozen=True, slots=True)
class AskReport:
    """Report of what was sent and what came of it; `answer` is None where only the prompt was wanted."""

    person: TinyPerson
    messages: tuple[Message, ...]
    answer: Answer | None = None
    calls: tuple[CallRecord, ...] = ()


def find_person(reference: str) -> TinyPerson:
    """The person that `reference` names: an agent file, or a population or panel and a number: `people.yaml#17`."""
    path, _, number = reference.partition("#")
    if path.endswith(".json") and not number:
        return TinyPerson.cast(0, load_agent(Path(path)).persona, {})
    people, size = _people_in(Path(path))
    if not (number or "0").isdecimal() or int(number or 0) >= size:
        raise FixTheInput(f"{reference}: {path} has people 0 to {size - 1}; write for example {path}#0")
    index = int(number or 0)
    return people.people(index, index + 1)[0]


def _people_in(path: Path) -> tuple[People, int]:
    """Who casts the people of the file, and how many there are."""
    if path.suffix == PANEL_SUFFIX:
        panel = Panel.at(path)
        return panel, panel.info.people
    population = load_population(path).population
    return TinyPersonFactory(population), population.size


async def ask_person(
    settings: Settings, person: TinyPerson, question: str, *, rehearse: bool = False, only_prompt: bool = False
) -> AskReport:
    """The person's answer in their own words. Nothing is called where only the prompt is wanted."""
    study = study_of(SurveySpec(questions=(OpenText(id=_QUESTION, text=question),)), seed=0)
    endpoint = choose_endpoint(settings, model=None, rehearse=rehearse)
    unit = Unit(0, f"{person.person_id}.0", person.index, 0)
    asking = UnitSettings(endpoint, default_parameters(settings, endpoint))
    [planned] = study.planned_calls(unit, [person], asking)
    messages = planned.request.messages
    if only_prompt:
        return AskReport(person, messages)
    check_connection(settings, endpoint, starts_rehearsal=True)
    rehearsal = rehearsal_config(settings) if rehearse else None
    async with (
        machine(settings, run_id="ask", rehearsal=rehearsal, is_inline=True) as here,
        await open_model(here.settings, endpoint, is_shared=False) as stack,
    ):
        outcome = await study.run_unit(unit, [person], stack.model, asking)
    return AskReport(person, messages, outcome.answers[0], outcome.calls)
