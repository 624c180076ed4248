"""Status at work: from rates of participation and unemployment, or from a block that says what people do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from troupe_batch.demography.conditional import categories_of
from troupe_batch.demography.distributions import NOT_STATED, number
from troupe_batch.demography.draft import Among, Draft, Made
from troupe_batch.demography.figures import FigureKind
from troupe_batch.demography.naming import topic_of
from troupe_batch.demography.nested import whole_of
from troupe_batch.demography.outline import Leaf, Section
from troupe_batch.demography.parts import SLIGHTLY_OVER, WHOLE, plain
from troupe_batch.demography.report import ValueOutcome

EMPLOYMENT = "employment_status"
EMPLOYED, UNEMPLOYED, OUTSIDE = "employed", "unemployed", "not in the labor force"
IN_FORCE, NOT_EMPLOYED = "in the labor force", "not employed"
_FORCE = r"(?:labou?r|work) ?force"
_PARTICIPATION = re.compile(
    rf"(?:{_FORCE} )?participation(?: rate)?|in (?:the )?{_FORCE}|(?:economic )?activity rate", re.IGNORECASE
)
_UNEMPLOYMENT = re.compile(r"unemployment(?: rate)?", re.IGNORECASE)
_EMPLOYMENT = re.compile(
    r"employment(?:[- ]to[- ]population)?(?: rate| ratio)|employment[- ]population ratio", re.IGNORECASE
)
_JOBLESS = re.compile(r"unemployed", re.IGNORECASE)
_ABOUT_WORK = re.compile(
    r"occupation|profession|\bjobs?\b|\b(?:self-?)?employment\b|\bemployers?\b|industr|sector|\bwork(?:ers?|force)?\b|"
    r"\blabou?r\b|\bworking (?:hours|time|arrangements?|mode|patterns?|schedule|conditions)\b"
)
# Titles that say what a block is about only together with the one above: Employment > Type.
_GENERIC = re.compile(
    r"(?:by )?(?:main )?(?:types?|kinds?|forms?|class(?:es)?|categor(?:y|ies)|status|contracts?|hours)"
)
_OF_OPINIONS = re.compile(
    r"opinion|attitude|belief|concern|perception|trust|priorit|interest|hobb|politic", re.IGNORECASE
)
_NOT_WORKING = re.compile(
    rf"unemployed|jobless|out of work|(?:looking|searching) for|seeking|(?:not in|outside|out of) (?:of )?(?:the )?"
    rf"{_FORCE}|inactive|\bretire[ed]|\bretirement|pension|student|homemak|house ?wi(?:fe|ves)|househusband|"
    r"stay[- ]at[- ]home|"
    r"disabled|unable to work|not (?:work|employ)|non-?(?:work|employ)|no (?:job|work)|without (?:a )?(?:job|work)|"
    r"in education|\bneet\b",
    re.IGNORECASE,
)
_WORKING = re.compile(
    rf"\bemploy(?:ed|ees?|ers?)\b|full[- ]?time|part[- ]?time|\bwork(?:s|ing|ers?)?\b|salar|\bwage|freelanc|"
    rf"entrepreneur|business owner|\bin (?:the )?{_FORCE}",
    re.IGNORECASE,
)
_REMARK = re.compile(r" *\([^()]*(?:\d|total|overall|national)[^()]*\)", re.IGNORECASE)
_DIGITS = Decimal("0.0001")
_HALF = Decimal(50)


def is_about_work(group: Section) -> bool:
    """Whether the block is about what people work as, or whether they do; opinions about work are not."""
    if any(_OF_OPINIONS.search(title) for title in group.path):
        return False
    topic = topic_of(group.path)
    return bool(_ABOUT_WORK.search(topic_of(group.path[:-1]) if _GENERIC.fullmatch(topic) else topic))


def is_of_workers(group: Section, draft: Draft) -> bool:
    """Whether the figures of the block are about work, and none of them of people who have none."""
    has_others = any(_NOT_WORKING.search(label) for label in _leaf_labels(group))
    return is_about_work(group) and not has_others and not is_status(group, draft)


def is_status(group: Section, draft: Draft) -> bool:
    """Whether the block says of everybody whether they work: Employed, Retired, Student."""
    labels = _leaf_labels(group)
    if not is_about_work(group) or not any(_is_working(label) for label in labels):
        return False
    if any(
        _rate_of(leaf, pattern) is not None for leaf in group.figures for pattern in (_PARTICIPATION, _UNEMPLOYMENT)
    ):
        return False
    whole = whole_of(group, draft)
    has_others = any(_NOT_WORKING.search(label) for label in labels)
    is_short = whole is not None and whole < WHOLE - 2 and "status" in topic_of(group.path)
    return whole is not None and _HALF <= whole <= SLIGHTLY_OVER and (has_others or is_short)


def who_works(root: Section, draft: Draft) -> Among | None:
    """The dimension that says who works, and which of its categories do; None where the file does not tell."""
    titles = {group.order: topic_of(group.path) for group in root.walk() if is_about_work(group)}
    found = [(name, made) for name, made in draft.made.items() if name == EMPLOYMENT or made.order in titles]
    found.sort(key=lambda pair: pair[0] != EMPLOYMENT)
    among = (_among(name, made, is_of_all="status" in titles.get(made.order, "")) for name, made in found)
    return next((one for one in among if one is not None), None)


def _among(name: str, made: Made, *, is_of_all: bool) -> Among | None:
    """Those who work by this dimension; None where none of its categories is of people who do not."""
    categories = categories_of(made)
    working = tuple(label for label in categories if _is_working(label))
    others = tuple(label for label in categories if label not in working)
    has_others = any(_NOT_WORKING.search(label) for label in others) or (is_of_all and NOT_STATED in others)
    return Among(name, working, others) if working and has_others else None


def _is_working(label: str) -> bool:
    return bool(_WORKING.search(label)) and not _NOT_WORKING.search(label)


def _leaf_labels(group: Section) -> list[str]:
    return [leaf.label for below in group.walk() for leaf in below.figures]


@dataclass(frozen=True, slots=True)
class _Rates:
    """Percents of the people, but for unemployment, which is of the labor force; None where the file has none."""

    participation: Decimal | None
    unemployment: Decimal | None
    employment: Decimal | None

    def shares(self) -> tuple[dict[str, Decimal], str] | None:
        """Shares of all people, and how they follow from the rates; None where they do not."""
        taking_part, jobless, at_work = self.participation, self.unemployment, self.employment
        if taking_part is not None and jobless is not None:
            said = (
                f"the unemployment rate is of the labor force: {plain(taking_part)} x {plain(jobless)} percent are "
                "unemployed, the others of the labor force employed; the rates are taken as those of the ages kept"
            )
            return _in_three(taking_part, taking_part * jobless / WHOLE), said
        if taking_part is not None and at_work is not None and at_work <= taking_part:
            return _in_three(taking_part, taking_part - at_work), "the labor force without the employed is unemployed"
        if taking_part is not None:
            return {IN_FORCE: taking_part, OUTSIDE: WHOLE - taking_part}, "the others are not in the labor force"
        if at_work is None or (jobless is not None and at_work + jobless == WHOLE):
            return None
        if jobless is None or jobless == WHOLE or (force := at_work / (1 - jobless / WHOLE)) > WHOLE:
            return {EMPLOYED: at_work, NOT_EMPLOYED: WHOLE - at_work}, "the others are not employed"
        said = (
            f"the unemployment rate is of the labor force, which is {plain(at_work)} / (1 - {plain(jobless / WHOLE)})"
        )
        return _in_three(force, (force - at_work).quantize(_DIGITS, ROUND_HALF_EVEN), at_work), said


def _in_three(force: Decimal, unemployed: Decimal, employed: Decimal | None = None) -> dict[str, Decimal]:
    employed = force - unemployed if employed is None else employed
    return {EMPLOYED: employed, UNEMPLOYED: unemployed, OUTSIDE: WHOLE - employed - unemployed}


def employment(root: Section, draft: Draft) -> None:
    """Makes the dimension of who works of the rates that the file has, unless one of its blocks says it in categories.

    Rates that stand together are of the same people. Those of several blocks are taken where the file has one of each.
    """
    groups = list(_wanted(root, draft))
    chosen = _rates_in(groups, draft)
    if not chosen:
        return
    home = chosen[0][1]
    leaves = [leaf for _, _, leaf, _ in chosen]
    values = {name: value for name, _, _, value in chosen}
    status = next((group for group in groups if is_status(group, draft)), None)
    if status is not None and any(_is_outside(label) for label in _leaf_labels(status)):
        draft.record(
            ValueOutcome.USED, home, leaves, f"who works is drawn from {status.place}, which says it in more detail"
        )
        return
    made = _Rates(values.get("participation"), values.get("unemployment"), values.get("employment")).shares()
    if made is None:
        return
    shares, said = made
    fields = {"type": "categorical", "unit": "percent", "values": {k: number(v) for k, v in shares.items()}}
    draft.add(home, leaves, (EMPLOYMENT, " ".join(home.path[-2:])), fields, said)
    for group in dict.fromkeys(group for _, group, _, _ in chosen):
        rest = [leaf for leaf in draft.open(group.figures) if _says_the_same(leaf)]
        draft.record(ValueOutcome.USED, group, rest, "who works is drawn from the rates, which say it already")


def _is_outside(label: str) -> bool:
    return bool(_NOT_WORKING.search(label)) and not _JOBLESS.search(label)


def _says_the_same(leaf: Leaf) -> bool:
    return bool(re.fullmatch(r"(un)?employed", leaf.label, re.IGNORECASE) or _NOT_WORKING.search(leaf.label))


_Found = tuple[str, Section, Leaf, Decimal]


def _rates_in(groups: list[Section], draft: Draft) -> list[_Found]:
    """The rates to take, each with its name, its block and its value in percent."""
    patterns = {"participation": _PARTICIPATION, "unemployment": _UNEMPLOYMENT, "employment": _EMPLOYMENT}
    found: list[_Found] = [
        (name, group, leaf, value)
        for group in groups
        for leaf in draft.open(group.figures)
        for name, pattern in patterns.items()
        if (value := _rate_of(leaf, pattern)) is not None
    ]
    for group in groups:
        here = {name: one for one in reversed(found) if one[1] is group for name in (one[0],)}
        if len(here) > 1 and "unemployment" in here:
            return [here[name] for name in patterns if name in here]
    single = [one for one in found if sum(other[0] == one[0] for other in found) == 1]
    if any(one[0] == "participation" for one in single) and all(one[0] != "unemployment" for one in single):
        single += _jobless_of_the_force(groups, draft)
    return [one for name in patterns for one in single if one[0] == name]


def _jobless_of_the_force(groups: list[Section], draft: Draft) -> list[_Found]:
    """The unemployed of a block of employed and unemployed alone; beside a participation rate they are the force."""
    for group in groups:
        figures = {leaf.label.casefold(): leaf for leaf in draft.open(group.figures)}
        if {"employed", "unemployed"} <= set(figures):
            leaf = figures["unemployed"]
            at_work, jobless = (_leaf_percent(figures[label]) for label in ("employed", "unemployed"))
            if at_work is not None and jobless is not None and at_work + jobless == WHOLE:
                return [("unemployment", group, leaf, jobless)]
    return []


def _rate_of(leaf: Leaf, pattern: re.Pattern[str]) -> Decimal | None:
    """The rate in percent, if the value is one of this name; a remark of ages or of the country may stand behind."""
    return _leaf_percent(leaf) if pattern.fullmatch(_REMARK.sub("", leaf.label)) else None


def _leaf_percent(leaf: Leaf) -> Decimal | None:
    figure = leaf.figure
    if figure is None or figure.kind is not FigureKind.PERCENT or not 0 <= figure.value <= WHOLE:
        return None
    return figure.value


def _wanted(group: Section, draft: Draft) -> Iterator[Section]:
    """The groups to read, without those that are left out and those of opinions."""
    if draft.is_unwanted(group) or _OF_OPINIONS.search(group.title):
        return
    yield group
    for below in group.groups:
        yield from _wanted(below, draft)
