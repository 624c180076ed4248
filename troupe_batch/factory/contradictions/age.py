"""Whether a text makes the person older or younger than they are."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from troupe_batch.factory.contradictions.clauses import Story
from troupe_batch.factory.contradictions.finding import Fact
from troupe_batch.factory.contradictions.numbers import DECADES, NUMBER, number_of, range_of

_NAMES = frozenset(("age", "age_band", "age_group", "age_range", "age_class", "age_bracket", "age_in_years"))

# "is a 10-year-old girl's father" speaks of somebody else.
_YEARS = re.compile(rf"is (?:an? )?({NUMBER})(?:[- ]years?[- ](?:old|of age)\b(?![^,]*'s\b)|$|(?=,))")
_DECADE = re.compile(rf"is in (?:his|her|their|my) (?:(early|mid|middle|late)[- ])?({'|'.join(DECADES)})\b")
_TEENAGER = re.compile(r"is an? (?:\w+ )?teenager$")
_TENTH = {"sexagenarian": 60, "septuagenarian": 70, "octogenarian": 80, "nonagenarian": 90}
_OLD = re.compile(rf"is an? (?:\w+ )?({'|'.join(_TENTH)})\b")
_DURATION = re.compile(
    rf"has (?:been )?(\w+)\b[^,]* for (?:over |more than |nearly |almost |about )?({NUMBER}) years\b"
)
_GRANDPARENT = re.compile(
    r"has (?:\w+ ){0,3}grand(?:children|sons?|daughters?|child)\b|is (?:a|the) grand(?:mother|father)\b"
)
_RETIRED = re.compile(r"(?:is retired|is a retiree|is a pensioner)(?: from work)?$")

_YOUNGEST_AT_WORK = 12
_FROM_WORKING_AGE_ON = frozenset(
    ("worked", "married", "employed", "taught", "driven", "retired", "divorced", "widowed")
)
_YOUNGEST_GRANDPARENT = 28
_YOUNGEST_RETIREE = 30


def is_age(fact: Fact) -> bool:
    """Whether the fact is the person's age or age band."""
    return fact.name.casefold() in _NAMES


def age(fact: Fact, story: Story) -> Iterator[str]:
    """Words of the story that cannot be said of a person of this age."""
    ages = range_of(fact)
    if ages is None:
        return
    low, high = ages
    for said in story.said:
        least, most = _claimed(said)
        # Whole years: who is 54.8 is 54.
        if most < math.floor(low) or least > high or _is_too_young(said, high):
            yield said


def _claimed(said: str) -> tuple[float, float]:
    """The lowest and highest age that the predicate leaves open."""
    if match := _YEARS.match(said):
        years = number_of(match[1])
        # Below ten it is a rank, an hour or somebody's child, never the respondent.
        return (years, years) if 10 <= years <= 120 else _ANY
    if match := _DECADE.match(said):
        ten = DECADES[match[2]]
        first, last = {"early": (0, 5), "late": (4, 9)}.get(match[1] or "", (0, 9))
        return ten + first, ten + last
    if _TEENAGER.match(said):
        return 10, 19
    if match := _OLD.match(said):
        return _TENTH[match[1]], _TENTH[match[1]] + 9
    return _ANY


def _is_too_young(said: str, age: float) -> bool:
    if match := _DURATION.match(said):
        begun = _YOUNGEST_AT_WORK if match[1] in _FROM_WORKING_AGE_ON else 0
        return number_of(match[2]) + begun > age + 1
    if _GRANDPARENT.match(said):
        return age < _YOUNGEST_GRANDPARENT
    return bool(_RETIRED.match(said)) and age < _YOUNGEST_RETIREE


_ANY = (0.0, float("inf"))
