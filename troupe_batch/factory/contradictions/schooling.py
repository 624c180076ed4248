"""Whether a text gives the person more or less schooling than they have."""

from __future__ import annotations

import re
from collections.abc import Iterator

from troupe_batch.factory.contradictions.clauses import Story
from troupe_batch.factory.contradictions.finding import Fact

_SCHOOLING = frozenset(("education", "schooling", "degree", "qualification", "qualifications", "attainment", "diploma"))
_OF_OTHERS = frozenset(
    ("mother", "father", "parents", "parental", "partner", "spouse", "household", "children", "field")
)

_HIGHEST = 5
# Levels, from school not finished (0) over school (1), more than school (2) and bachelor's (3) to doctor's degrees (5).
_LEVELS = (
    ((0, 0), (r"less than (?:a )?(?:high|upper|secondary|9th)|below (?:high|upper)|primary|elementary|lower secondary|"
              r"no (?:formal )?(?:schooling|education|diploma|qualification)|did not finish|some high school|^none$")),
    ((2, 2), r"some college|some university|associate|vocational|post-?secondary|trade school|apprentice|short-cycle"),
    ((5, 5), r"doctora|ph\.?d\b"),
    ((4, 5), r"advanced degree|graduate (?:or professional )?degree|post-?graduate|professional degree"),
    ((4, 4), r"\bmaster"),
    ((3, 3), r"\bbachelor|undergraduate degree"),
    ((3, 5), r"university|tertiary|higher education"),
    ((2, 5), r"(?<!some )\bcollege"),
    ((1, 1), r"high[- ]school|upper secondary|secondary (?:school|education)|\bged\b|a-levels?|abitur|baccalaur"),
)  # fmt: skip
# "graduate degree" is read in "undergraduate degree" otherwise.
_UNDER = re.compile(r"under-?graduate degree")

_HAS = re.compile(
    r"(?:has|holds|earned|completed|has earned|has completed) (?:an?|his|her|their) "
    r"((?:bachelor's|master's|doctorate|ph\.?d|associate's)(?: degree)?|"
    r"(?:associate|graduate|college|university) degree)"
    r"(?:$|,| from\b| in (?!progress|mind|sight|reach|view|the\b|an?\b))",
)
_AT_LEAST = {
    "associate": 2,
    "college": 2,
    "bachelor": 3,
    "university": 3,
    "master": 4,
    "graduate": 4,
    "doctor": 5,
    "ph": 5,
}
_DROPPED_OUT = re.compile(
    r"(?:dropped out of|never finished|never completed|did not finish) (?:high |secondary )?school$|"
    r"left (?:high |secondary )?school without (?:a )?(?:diploma|finishing|qualifications?)$"
)
_NO_COLLEGE = re.compile(r"(?:never went to|did not go to|has never been to|never attended) (?:college|university)$")
_UNDER_WAY = re.compile(
    r"stud|pursu|current|enrol|some |incomplete|unfinished|toward|attend|dropped|partial|planned|on hold|"
    r"\bno\b|\bnot\b|never|without|few|class|course|credit|prep",
    re.IGNORECASE,
)


def is_schooling(fact: Fact) -> bool:
    """Whether the fact is the highest level of schooling that the person has reached."""
    return bool(fact.words & _SCHOOLING) and not fact.words & _OF_OTHERS and isinstance(fact.value, str)


def levels_of(text: str) -> tuple[int, int] | None:
    """The lowest and highest level that a label such as "bachelor's degree or higher" stands for."""
    words = _UNDER.sub("bachelor's", text.casefold())
    found = next((levels for levels, pattern in _LEVELS if re.search(pattern, words)), None)
    if found is None:
        return None
    low, high = found
    if re.search(r"\bor (?:more|higher|above)\b|\+|\band (?:above|higher)\b", words):
        high = _HIGHEST
    # "some college or associate degree", "high school or some college": the label spans more than its first word.
    if re.search(r"\bor (?:less|lower|below)\b", words):
        low = 0
    others = [levels for levels, pattern in _LEVELS if re.search(pattern, words)]
    if " or " in words or "/" in words:
        low, high = min(low, *(one[0] for one in others)), max(high, *(one[1] for one in others))
    return low, high


def schooling(fact: Fact, story: Story) -> Iterator[str]:
    """Words of the story about a degree that the person does not have, or about school that they did finish."""
    levels = levels_of(fact.text)
    if levels is None:
        return
    low, high = levels
    for said in story.said:
        match = _HAS.match(said)
        if (match and _level(match[1]) > high) or _is_too_low(said, low):
            yield said


def schooling_field(fact: Fact, written: str) -> bool:
    """Whether a field that states the schooling states another level than the fact."""
    levels, stated = levels_of(fact.text), levels_of(written)
    if levels is None or stated is None or _UNDER_WAY.search(written):
        return False
    return stated[0] > levels[1] or stated[1] < levels[0]


def _level(degree: str) -> int:
    return next(level for word, level in _AT_LEAST.items() if degree.startswith(word))


def _is_too_low(said: str, low: int) -> bool:
    return (low >= 1 and bool(_DROPPED_OUT.match(said))) or (low >= 3 and bool(_NO_COLLEGE.match(said)))
