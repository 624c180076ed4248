"""Whether a text gives the person other work than they have, or work where they have none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum

from troupe_batch.factory.contradictions.clauses import Story
from troupe_batch.factory.contradictions.finding import Fact

_ABOUT_WORK = frozenset(
    ("employment", "occupation", "job", "work", "working", "profession", "employed", "labour", "labor", "workforce")
)
_ABOUT_SOMETHING_ELSE = frozenset(
    ("hours", "sector", "commute", "industry", "satisfaction", "home", "location", "place", "partner", "spouse",
     "years", "previous", "former", "last", "first", "dream", "wanted", "household", "mother", "father", "parents")
)  # fmt: skip


class Status(StrEnum):
    """What a fact about work says of it today."""

    UNEMPLOYED = "unemployed"
    RETIRED = "retired"
    NOT_WORKING = "not working"
    STUDENT = "student"
    HOME = "home"
    PART_TIME = "part-time"
    FULL_TIME = "full-time"
    EMPLOYED = "employed"


# The first that fits: "unemployed" holds "employed" as well.
_STATUSES = (
    (Status.UNEMPLOYED, r"\bunemployed|jobless|out of work|(?:looking|searching) for (?:a )?(?:work|job)|seeking work"),
    (Status.NOT_WORKING, (r"\bnot\b.*\b(?:work|labou?r|employ|job)|inactive|non-?working|no paid work|unable to work|"
                         r"^(?:none|no job|no occupation|disabled)$")),
    (Status.RETIRED, r"^(?:early )?retired|^retiree|^pensioner|^in retirement"),
    (Status.STUDENT, r"\bstudent|studying|in education|in training"),
    (Status.HOME, (r"homemaker|house(?:wife|husband)|home ?keep|keeping house|looking after (?:the )?(?:home|family)|"
                  r"stay-at-home|domestic duties")),
    (Status.PART_TIME, r"\bpart[- ]time"),
    (Status.FULL_TIME, r"\bfull[- ]time"),
    (Status.EMPLOYED, r"^(?:self-)?employed|^working|^works?\b|^employee|^in (?:paid )?work|^yes$"),
)  # fmt: skip

_PLACES = (
    r"(?:warehouse|depot|shop|store|supermarket|office|factory|plant|mill|hospital|clinic|school|bank|library|hotel|"
    r"restaurant|bakery|garage|nursing home|care home|call center|call centre)"
)
_AT_WORK = rf" (?:at|in|for) an? (?:[\w-]+ )?{_PLACES}| (?:at|in) the {_PLACES}"
# Work that is paid where nothing else is said; anybody can work "as a stand-in" or "as hard as ever".
_PAID = (
    r"(?:cashier|driver|nurse|teacher|wait(?:er|ress)|clerk|cook|chef|cleaner|plumber|electrician|carpenter|mechanic|"
    r"manager|accountant|engineer|lawyer|physician|receptionist|technician|salesperson|salesman|saleswoman|programmer|"
    r"welder|butcher|hairdresser|bookkeeper|pharmacist|dentist|(?:warehouse|factory|construction) worker)"
)
_TIME = r"(?:works|is employed|is working) {0}[- ]time|(?:has|holds) (?:down )?a {0}[- ]time job"
_AS_PAID = rf" as an? (?:[\w-]+ )?{_PAID}"
_FULL = re.compile(rf"(?:{_TIME.format('full')})(?:{_AS_PAID})?(?:{_AT_WORK})?$")
_PART = re.compile(rf"(?:{_TIME.format('part')})(?:{_AS_PAID})?(?:{_AT_WORK})?$")
_JOB = re.compile(rf"works{_AS_PAID}(?:{_AT_WORK})?$")
_AS = re.compile(rf"works (?:full[- ]time )?as an? ((?:[\w-]+ ){{0,3}}?[\w-]+?)(?:{_AT_WORK}| for the [\w-]+)?$")
_JOBLESS = re.compile(
    r"is (?:unemployed|jobless)(?:$|,| since\b)|is out of work$|has no (?:paid )?job$|"
    r"has been (?:unemployed|out of work) (?:since\b|for (?:[\w-]+ )?(?:months|years)$)"
)
_RETIRED = re.compile(r"(?:is|has been) retired(?:$|,| for\b| since\b)|is a (?:retiree|pensioner)$")
_NEVER = re.compile(r"has never worked(?:$|,)")
_IS_A = re.compile(rf"is an? ((?:[a-z][\w-]* ){{0,3}}?[\w-]+?)(?:{_AT_WORK})?$")
# Work that somebody without a job may do.
_UNPAID = re.compile(
    r"volunt|unpaid|without pay|used to|former|occasional|casual|odd jobs|informal|part[- ]time|hours? a week|"
    r"days? a week|at home\b|the home\b|retire|now and then|sometimes|substitute|stand-in|amateur|would-be"
)
_NO_TITLE = re.compile(
    r"retire|former|\bex-|unemployed|jobless|not working|student|pension|home|between jobs|^n/?a|^none|^no\b|carer|"
    r"caregiver|volunt|used to|self|^-+$",
    re.IGNORECASE,
)
# "Retired officer, now a driver" works.
_STATES_NO_WORK = re.compile(
    r"^\W*(?:retired|unemployed|homemaker|housewife|pensioner|retiree)\b(?!.*(?:\bnow\b|\band\b|work|part|[,;/(]))",
    re.IGNORECASE,
)
_IN_WORK = frozenset((Status.EMPLOYED, Status.FULL_TIME, Status.PART_TIME))
_WITHOUT_JOB = frozenset((Status.RETIRED, Status.UNEMPLOYED, Status.NOT_WORKING, Status.HOME))


def is_work(fact: Fact) -> bool:
    """Whether the fact says what the person does for a living, or that they do not."""
    return bool(fact.words & _ABOUT_WORK) and not fact.words & _ABOUT_SOMETHING_ELSE and isinstance(fact.value, str)


def status_of(fact: Fact) -> Status | None:
    """What the fact says of work today; None for the name of an occupation."""
    return next((status for status, pattern in _STATUSES if re.search(pattern, fact.text)), None)


def work(fact: Fact, story: Story) -> Iterator[str]:
    """Words of the story about a job that the person does not have, or about having none."""
    status = status_of(fact)
    for said in story.said:
        if _differs(said, status) or (status is None and _is_another(said, fact)):
            yield said


def occupation_field(fact: Fact, title: str, details: Sequence[str]) -> bool:
    """Whether the title of a written occupation contradicts the fact; `details` are the other texts about it."""
    status = status_of(fact)
    if status in _IN_WORK:
        return bool(_STATES_NO_WORK.match(title))
    if status in _WITHOUT_JOB and status is not Status.HOME:
        organization = details[0].strip() if details else ""
        return bool(title.strip() and organization) and not any(map(_NO_TITLE.search, (title, *details)))
    return False


def _differs(said: str, status: Status | None) -> bool:
    has_none = bool(_JOBLESS.match(said) or _NEVER.match(said))
    if status is None:
        return has_none
    if status in _IN_WORK:
        is_other = {Status.FULL_TIME: _PART, Status.PART_TIME: _FULL}.get(status)
        return has_none or bool(_RETIRED.match(said)) or bool(is_other and is_other.match(said))
    if status in (Status.UNEMPLOYED, Status.STUDENT) and _RETIRED.match(said):
        return True
    if status not in _WITHOUT_JOB or _UNPAID.search(said):
        return False
    return bool(_FULL.match(said) or _JOB.match(said))


def _is_another(said: str, fact: Fact) -> bool:
    """Whether it names, as the person's, another occupation of those that the population has."""
    match = _AS.match(said) or _IS_A.match(said)
    if (
        match is None
        or _UNPAID.search(said)
        or set(re.findall(r"\w{4,}", fact.text)) & set(re.findall(r"\w{4,}", said))
    ):
        return False
    others = (label.casefold() for label in fact.labels if len(label) >= 4 and label.casefold() != fact.text)
    return any(re.search(rf"(?:^|\s){re.escape(other)}$", match[1].casefold()) for other in others)
