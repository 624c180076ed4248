"""Whether a text makes the person older or younger than they are."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from troupe_batch.factory.contradictions.clauses import Story
from troupe_batch.factory.contradictions.finding import Fact
from troupe_batch.factory.contradictions.numbers import DECADES, NUMBER, number_of, range_of

_NAMES = frozenset(("age", "age_band", "age_group", "age_range", "age_class", "age_bracket", "age_in_years"))

# Nothing but a noun may follow: neither "is a 10-year-old girl's father" nor "is a 10-year-old at heart" is an age, and
# "is 15, maybe 20, steps from the door" is none either.
_YEARS = re.compile(
    rf"is (?:an? )?({NUMBER})(?:[- ]years?[- ](?:old|of age)(?: (?!(?:at|in|inside|on|to)\b)[\w-]+){{0,3}})?"
    r"(?:$| from\b)"
)
_DECADE = re.compile(rf"is in (?:his|her|their|my) (?:(early|mid|middle|late)[- ])?({'|'.join(DECADES)})(?:$|,)")
_TEENAGER = re.compile(r"is an? teenager$")
_TENTH = {"sexagenarian": 60, "septuagenarian": 70, "octogenarian": 80, "nonagenarian": 90}
_OLD = re.compile(rf"is an? ({'|'.join(_TENTH)})(?:$|,)")
_DURATION = re.compile(
    r"has (?:been )?(worked|married|employed|taught|driven|retired|divorced|widowed)"
    r"(?: (?:at|in|as|with|for) (?:an?|the|his|her|their) [\w-]+)?"
    rf" for (?:over |more than |nearly |almost |about )?({NUMBER}) years$"
)
_GRANDPARENT = re.compile(
    rf"has (?:an?|several|{NUMBER}) (?:young )?grand(?:children|sons?|daughters?|child)(?:$|,)|"
    r"is a grand(?:mother|father)(?:$|,)"
)
_RETIRED = re.compile(r"(?:is retired|is a retiree|is a pensioner)(?: from work)?$")

_YOUNGEST_AT_WORK = 12
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
        return number_of(match[2]) + _YOUNGEST_AT_WORK > age + 1
    if _GRANDPARENT.match(said):
        return age < _YOUNGEST_GRANDPARENT
    return bool(_RETIRED.match(said)) and age < _YOUNGEST_RETIREE


_ANY = (0.0, float("inf"))
