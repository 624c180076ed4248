"""Biography: who somebody is in a sentence or two, put together from the parts of the persona."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from troupe_batch.persona.persona import Persona

# Words in a persona that say that there is nothing to say.
_NOTHING = frozenset(
    {"none", "n/a", "na", "nothing", "null", "not applicable", "no occupation", "unknown", "not stated"}
)
_STATUSES = ("employment_status", "employment", "activity_status", "work_status")
_WITHOUT_WORK = (
    (re.compile(r"retired|in retirement|retired people|retirees|retired persons?"), "Is retired"),
    (re.compile(r"retired (?!people|persons?).+"), "Is a {}"),
    (re.compile(r"unemployed|out of work|jobless|looking for (a job|work)|seeking work"), "Is out of work"),
    (re.compile(r"students?|in education|at school|at university|studying"), "Is a student"),
    (re.compile(r"(\w{1,40} )?student"), "Is a {}"),
    (re.compile(r"pensioner|homemaker|housewife|househusband|retiree|pupil"), "Is a {}"),
    (
        re.compile(
            r"(does )?not (work(ing)?|employed)|without (paid )?work|no (paid )?work|(economically )?inactive|"
            r"(not in|outside|out of) the (labou?r|work) ?force"
        ),
        "Does not work",
    ),
)


def minibio(persona: Persona, name: str | None) -> str:
    """For example `Lisa Carter, 28 years old, Canadian, lives in USA. Works as Data Scientist.`; no model is asked."""
    who = [name or "Somebody without a name"]
    if persona.age is not None:
        who.append(f"{persona.age} years old")
    who += [text for key in ("gender", "nationality") if (text := _fact_text(persona.get(key)))]
    places = (_fact_text(persona.get(key)) for key in ("residence", "country_of_residence", "country"))
    residence = next((place for place in places if place), "")
    if residence:
        who.append(f"lives in {residence}")
    sentences = [", ".join(who)]
    if work := _work(persona):
        sentences.append(work)
    if bio := _fact_text(persona.get("bio")):
        sentences.append(bio.rstrip("."))
    elif traits := _traits(persona.get("personality")):
        sentences.append(traits)
    return ". ".join(sentences) + "."


def _work(persona: Persona) -> str:
    """What the person does, or that they do not work, as a sentence; empty where nothing is known of it."""
    occupation = persona.get("occupation")
    title, organization = _fact_text(occupation), ""
    if isinstance(occupation, Mapping):
        title, organization = _fact_text(occupation.get("title")), _fact_text(occupation.get("organization"))
    if without := _without_work(title):
        return without
    if title:
        return f"Works as {title} at {organization}" if organization else f"Works as {title}"
    return next((said for key in _STATUSES if (said := _without_work(_fact_text(persona.get(key))))), "")


def _without_work(said: str) -> str:
    """That somebody with this title, or of this status, does not work; empty where they do, or may."""
    status = said.casefold()
    if status.startswith(("looks after", "cares for")):
        return said[0].upper() + said[1:]
    for pattern, sentence in _WITHOUT_WORK:
        if pattern.fullmatch(status):
            return sentence.format(status)
    return ""


def _traits(personality: Any) -> str:
    traits = personality.get("traits") if isinstance(personality, Mapping) else None
    if not isinstance(traits, list):
        return ""
    return " ".join(_fact_text(trait) for trait in traits[:2]).rstrip(".")


def _fact_text(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    return "" if text.casefold() in _NOTHING else text
