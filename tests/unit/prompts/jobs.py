"""Jobs that bring out as many of our sentences as few people can: all kinds of studies, questions, lines and judges."""

from __future__ import annotations

from typing import Any

from troupe_batch.llm.chat import Endpoint, SchemaMode
from troupe_batch.planning.acting import Acting
from troupe_batch.planning.job import JobSpec
from troupe_batch.planning.loading import resolve_job
from troupe_batch.planning.plan import Plan, make_plan
from troupe_batch.simulation.mind import MindSettings

ENDPOINT = Endpoint("recorded", "a-model")
EMBEDDING = Endpoint("recorded", "an-embedding-model")
IN_PROMPT = Endpoint("recorded", "a-model", schema_mode=SchemaMode.JSON)

ARMS = [{"id": "plain", "material": "A plain soup."}, {"id": "spicy", "material": "A spicy soup."}]
STEPS = ["Not at all", "A little", "Somewhat", "Much", "Very much"]
SINGLE = {"id": "drink", "text": "Which drink?", "type": "single", "options": ["Tea", "Coffee", "None"]}
MULTI = {"id": "places", "text": "Where?", "type": "multi", "options": ["Home", "Work", "Café"]}
RATING = {"id": "liking", "text": "How much do you like it?", "type": "rating", "labels": STEPS}
NUMERIC = {"id": "price", "text": "How many euros?", "type": "numeric", "minimum": 0, "maximum": 20, "unit": "EUR"}
OPEN = {"id": "why", "text": "Why?", "type": "open"}
QUESTIONS: list[dict[str, Any]] = [
    SINGLE | {"dont_know": "No idea", "order": "random"},
    MULTI | {"dont_know": "No idea", "order": "fixed"},
    MULTI | {"id": "never", "options": ["Home", "Work", "Nowhere"], "exclusive": ["Nowhere"]},
    RATING,
    RATING | {"id": "steps", "elicitation": "pick", "dont_know": "No idea"},
    SINGLE | {"id": "chances", "elicitation": "probabilities"},
    NUMERIC,
    NUMERIC | {"id": "cups", "text": "How many cups?", "integer": True, "unit": "cups", "dont_know": "Cannot say"},
    OPEN,
    OPEN | {"id": "rest", "text": "Anything else?", "dont_know": "Nothing"},
    SINGLE | {"id": "town", "text": "Which town?", "options": [f"Town {n}" for n in range(130)]},
]
ASKED: list[dict[str, Any]] = [question for question in QUESTIONS if question["id"] not in ("rest", "town")]
RANKING = {"id": "best", "text": "Which soup first?", "type": "ranking", "options": ["Leek", "Onion", "Pea", "Beet"]}
RANKINGS: list[dict[str, Any]] = [
    RANKING,
    RANKING | {"id": "top", "top": 2, "dont_know": "No idea"},
    RANKING | {"id": "first", "top": 1},
    RANKING | {"id": "towns", "options": [f"Town {n} {'of soup ' * 18}" for n in range(101)], "top": 3},
]

# Of some of these people do not know the answer.
KNOWN = [question for question in ASKED if "dont_know" in question]

EXTRACTION: list[dict[str, Any]] = [
    {
        "id": "ideas",
        "many": True,
        "objective": "The ideas that came up.",
        "fields": [
            {"id": "idea", "type": "text", "text": "The idea"},
            {"id": "cost", "type": "number", "text": "What it costs", "minimum": 0, "maximum": 80},
            {"id": "reception", "type": "category", "text": "How it was taken", "labels": ["welcomed", "rejected"]},
            {"id": "is_new", "type": "yes_no", "text": "Whether it is new"},
        ],
    },
    {"id": "mood", "objective": "The mood.", "fields": [{"id": "mood", "type": "text", "text": "The mood"}]},
]
OF_PEOPLE = [
    {"id": "adherence", "standard": "persona_adherence"},
    {"id": "hard_adherence", "standard": "hard_persona_adherence"},
    {"id": "consistency", "standard": "self_consistency"},
    {"id": "fluency", "standard": "fluency"},
    {"id": "task", "standard": "task_completion", "task": "Talk about soup."},
    {"id": "polite", "claim": "The person is polite.", "as": "check"},
    {"id": "valid", "validate": "A person who likes soup.", "questions": 2},
]
OF_WORLDS = [
    {"id": "divergence", "standard": "divergence", "about": "world"},
    {"id": "convergence", "standard": "convergence", "about": "world"},
    {"id": "calm", "claim": "It was calm.", "about": "world"},
]
DOCUMENTS = [
    {"name": "Prices", "text": "Tea costs 2 euros."},
    {"name": "Brochure", "text": "\n\n".join(f"Part {n}. Soup number {n} is made of leeks." for n in range(800))},
]
LINES: list[dict[str, Any]] = [
    {"say": "Welcome."},
    {"say": "Only listen.", "silent": True},
    {"show": "A poster with a bowl of soup."},
    {"think": "I am hungry.", "act": True},
    {"goal": "Find a good soup."},
    {"move_to": "A kitchen"},
    {"context": ["It is raining.", "The window is open."], "act": True},
]
SURVEY: dict[str, Any] = {"introduction": "A survey about soup.", "arms": ARMS, "questions": QUESTIONS}
BLOCKS = [{"id": "first", "questions": QUESTIONS[:4]}, {"id": "second", "questions": QUESTIONS[4:]}]
INTERVIEW: dict[str, Any] = {
    "kind": "interview",
    "introduction": "A talk about soup.",
    "arms": ARMS,
    "tools": ["word_processor", "calendar", "memory"],
    "documents": DOCUMENTS,
    "script": [*LINES, *({"ask": question} for question in ASKED), {"say": "And then?"}, {"say": "Goodbye."}],
    "judgements": OF_PEOPLE,
    "extraction": EXTRACTION,
}
WORLD: dict[str, Any] = {
    "kind": "world",
    "introduction": "A group about soup.",
    "seats": [
        {"name": "host", "count": 1, "goal": "Let the others talk.", "context": "You know the others."},
        {"name": "guests", "count": 2, "think": "I would rather be at home.", "fragment": {"style": "Brief."}},
    ],
    "relations": [{"name": "colleague", "seats": [1, 2]}],
    "steps": 6,
    "minutes_per_step": 10,
    "script": [
        *({"at": 1} | {name: line[name] for name in line if name not in ("silent", "act")} for line in LINES),
        {"at": 2, "ask": ASKED[0]},
        {"at": 3, "ask": ASKED[1], "to": "guests"},
        {"at": 4, "say": "And you?", "to": [1]},
        *({"at": step, "ask": question | {"id": f"{question['id']}_{step}"}} for step in (5, 6) for question in KNOWN),
    ],
    "interventions": [
        {"name": "wake up", "when": {"quiet_for": 1}, "do": {"say": "Please speak."}, "once": False},
        {"name": "judge", "when": {"text": "Somebody is bored."}, "do": {"show": "A dancing spoon."}},
    ],
    "judgements": [*OF_WORLDS, OF_PEOPLE[0]],
    "extraction": [{**EXTRACTION[0], "from": "world"}],
}
_MINDS = MindSettings(min_episode_length=3, max_episode_length=6, fixed_prefix_length=2, lookback_length=8)
_CHECKED = MindSettings(consolidates=False, checks_quality=True, prevents_harm=False, max_actions=3)
_POPULATION = {
    "schema": "troupe_batch/population/1",
    "id": "eaters",
    "size": 6,
    "names": {"provider": "none"},
    "dimensions": {
        "age": {"type": "numeric", "source": "assumption: a test", "bins": {"30-60": 1.0}, "integer": True},
        "region": {"type": "categorical", "source": "assumption: a test", "values": {"North": 0.5, "South": 0.5}},
    },
}


def plans() -> dict[str, Plan]:
    """Name -> the plan whose prompts are on record under it."""
    return {
        "survey_questionnaire": _plan(SURVEY),
        "survey_schema_in_prompt": _plan({**SURVEY, "arms": []}, endpoint=IN_PROMPT),
        "survey_blocks": _plan({"blocks": BLOCKS, "asking": "block", "memory": "all"}),
        "survey_questions": _plan({**SURVEY, "asking": "question", "memory": {"last": 2}}),
        "survey_rankings": _plan({"questions": RANKINGS, "asking": "question", "memory": "all"}),
        "interview": _plan(INTERVIEW, people=1, acting=Acting(_MINDS, embedding=EMBEDDING)),
        "interview_checked": _plan(
            {"kind": "interview", "script": [*LINES, *({"ask": question} for question in ASKED[:3])]},
            people=1,
            acting=Acting(_CHECKED),
        ),
        "world": _plan(WORLD, people=3, acting=Acting(_MINDS, embedding=EMBEDDING)),
        "prose_bio": _plan({"questions": [OPEN]}, enrich="bio"),
        "prose_full": _plan({"questions": [OPEN]}, enrich="full"),
    }


def _plan(
    study: dict[str, Any], *, people: int = 2, endpoint: Endpoint = ENDPOINT, acting: Acting | None = None, **job: Any
) -> Plan:
    body = {"id": "recorded", "population": _POPULATION, "people": people, "seed": 1, "study": study, **job}
    return make_plan(resolve_job(JobSpec.model_validate(body)), endpoint=endpoint, acting=acting)
