"""Whether a text gives the person a household, a marriage or children that the facts rule out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from troupe_batch.factory.contradictions.clauses import Story
from troupe_batch.factory.contradictions.finding import Fact
from troupe_batch.factory.contradictions.homes import A_HOME, IN_A_HOME
from troupe_batch.factory.contradictions.numbers import NUMBER, number_of

_HOUSEHOLD = frozenset(("household", "living", "lives", "dwelling"))
_MARITAL = frozenset(("marital", "married", "partnership", "relationship"))
_CHILDREN = frozenset(("children", "child", "kids"))
_NOT_A_HOUSEHOLD = frozenset(
    ("income", "expenditure", "budget", "spending", "standard", "cost", "costs", "area", "place", "head", "chores",
     "debt", "country", "region", "city", "earnings", "wealth", "satisfaction", "tenure", "care")
)  # fmt: skip

_OWN = r"(?:his|her|their|my)"
_FAMILY = (
    "husband wife partner spouse girlfriend boyfriend parents mother father family children kids son sons daughter "
    "daughters sister brother sisters brothers grandmother grandfather grandparents grandson granddaughter cousin"
).replace(" ", "|")
# Only what is shared as a home is: people share cars and jokes with those who live elsewhere.
_AT_HOME_WITH = rf"(?:lives(?: together)?(?:{IN_A_HOME})?|shares {A_HOME}) with"
_WHO = r"(?!(?:\w+ )?(?:late|ex|former)\b)(?:[\w-]+ ){0,2}?"
_WHERE = rf"(?=$|,| …| and\b| upstairs\b|{IN_A_HOME}\b)"
_WITH = re.compile(
    rf"{_AT_HOME_WITH} (?:{_OWN} {_WHO}(?:{_FAMILY})|(?:an?|two|three) (?:roommates?|flatmates?|housemates?)){_WHERE}"
)
_CHILD_AT_HOME = re.compile(
    rf"{_AT_HOME_WITH} (?:{_OWN} (?:\w+ )?(?:husband|wife|partner|spouse) and )?{_OWN} {_WHO}"
    rf"(?:children|kids|sons?|daughters?){_WHERE}"
)
_LIVES_ALONE = re.compile(
    r"(?:^|\b(?:lives|living) )alone\b|(?:single|one)[- ]person|^(?:1|one)(?: person| member)?$|"
    r"lives by (?:him|her)self"
)
_LIVES_WITH = re.compile(r"\b(?:couple|partner|spouse|parents|family|roommates?|flatmates?|shared)\b|\bwith\b")
_ALONE = re.compile(rf"lives (?:alone|by (?:him|her|them)sel(?:f|ves)|on {_OWN} own)(?:$|,|{IN_A_HOME}\b)")

_SPOUSE_AT_HOME = re.compile(rf"{_AT_HOME_WITH} {_OWN} {_WHO}(?:husband|wife){_WHERE}")
# "Ana and her husband live in a flat": what stands behind the subject.
_SPOUSE_TOO = re.compile(rf"and {_OWN} (?:husband|wife) (?:live|share|own|rent|keep|run)\b(?! apart| separate)")
# The dead and the divorced can be missed, have been, and left things behind.
_SPOUSE_DOES = re.compile(r"(?:husband|wife) (?:works|drives|cooks|brings)\b")
_STATES = {
    # People are married to routines and to work as well: only a person's name or trade tells of a marriage.
    "married": re.compile(
        r"is (?:happily )?married(?:$|,| and\b| with\b| to (?:[A-Z][a-z]+|an? (?:[\w-]+ )?"
        r"(?:man|woman|nurse|teacher|driver|plumber|carpenter|farmer|electrician|mechanic|cook|clerk|engineer))"
        r"(?:$|,| …))"
    ),
    "was married": re.compile(rf"has been married (?:once|twice|for {NUMBER} years)$"),
    "single": re.compile(r"is (?:single|unmarried|a bachelor)(?:$|,)"),
    "never": re.compile(r"(?:has )?never (?:been )?married(?:$|,)"),
    "divorced": re.compile(r"is (?:recently |long )?(?:divorced|a divorcee)(?:$|,| and\b| with\b)"),
    "widowed": re.compile(r"is (?:recently |long )?(?:widowed|a (?:young |old )?widow(?:er)?)(?:$|,| and\b| with\b)"),
}
_IS = (
    ("never", r"never married|never been married"),
    ("unmarried", r"\bnot (?:currently )?married|unmarried"),
    ("cohabiting", r"cohabit|living together|unmarried partner|domestic partner|^with (?:a )?partner"),
    ("separated", r"separated"),
    ("divorced", r"^divorced"),
    ("widowed", r"^widow"),
    ("married", r"^(?:re)?married|civil partner|^now married"),
    ("single", r"^single$|^bachelor$|^spinster$"),
)
_RULED_OUT = {
    "never": {"married", "was married", "divorced", "widowed"},
    "single": {"married"},
    "unmarried": {"married"},
    "divorced": {"married", "never"},
    "widowed": {"married", "never", "divorced"},
    "separated": {"never"},
    "married": {"single", "never", "divorced", "widowed"},
}

_COUNT = re.compile(
    rf"has (no|an?|several|some|{NUMBER}) (?:(?:small|young|little|adopted|teenage) )?"
    rf"(children|child|kids|kid|sons?|daughters?)(?P<end>$|,| and\b| of {_OWN} own$| yet$| at home\b| from\b| named\b)"
)
_PARENT_OF = re.compile(
    r"is (?:an?|the) (?:[\w-]+ ){0,2}?(?:mother|father|parent|mum|mom|dad) (?:of|to) "
    rf"({NUMBER})(?P<noun> children| kids| sons?| daughters?)?(?:$|,)"
)
_CHILDLESS = re.compile(r"is childless(?:$|,)|(?:(?:has )?never had|does not have) (?:any )?(?:children|kids)(?:$|,)")
# A former or late spouse is no contradiction, nor is the "husband of her sister".
_SPOUSE_NOW = re.compile(
    r"(?:husband|wife|spouse)\b(?!'s)(?! of (?![\w -]*\byears?\b))"
    r"(?!.*\b(?:late|former|ex|died|dead|deceased|passed|buried|divorced|separated|until|was)\b)"
)
_CHILD = re.compile(
    r"(?:(?:only|eldest|oldest|youngest|elder|younger|older|grown|adult) )?(?:son|daughter|child)"
    r"(?=$|[,;.(]| (?:who|from|aged|living)\b)"
)


def is_household(fact: Fact) -> bool:
    """Whether the fact says with whom, or with how many, the person lives."""
    return bool(fact.words & _HOUSEHOLD) and not fact.words & (_NOT_A_HOUSEHOLD | _CHILDREN)


def household(fact: Fact, story: Story) -> Iterator[str]:
    """Words of the story about people in the home of who lives alone, or about living alone in a shared home."""
    alone = _is_alone(fact)
    pattern = {True: _WITH, False: _ALONE, None: None}[alone]
    if pattern is not None:
        yield from (said for said in story.said if pattern.match(said))
    if re.search(r"without (?:\w+ )?children", fact.text):
        yield from (said for said in story.said if _CHILD_AT_HOME.match(said))


def is_marital(fact: Fact) -> bool:
    """Whether the fact is a marital status."""
    return bool(fact.words & _MARITAL) and isinstance(fact.value, str)


def marital(fact: Fact, story: Story) -> Iterator[str]:
    """Words of the story that give the person another marital status."""
    status = next((status for status, pattern in _IS if re.search(pattern, fact.text)), "")
    ruled_out = _RULED_OUT.get(status, set())
    for said in story.said:
        if any(_STATES[claim].match(said) for claim in ruled_out) or (
            "married" in ruled_out and (_SPOUSE_AT_HOME.match(said) or _SPOUSE_TOO.match(said))
        ):
            yield said
    if "married" in ruled_out:
        yield from (owned for owned in story.owned if _SPOUSE_DOES.match(owned))


def is_children(fact: Fact) -> bool:
    """Whether the fact says if, or how many, children the person has."""
    return bool(fact.words & _CHILDREN) and not fact.words & {
        "age",
        "ages",
        "wanted",
        "planned",
        "school",
        "care",
        "benefit",
    }


def children(fact: Fact, story: Story) -> Iterator[str]:
    """Words of the story about children that the facts rule out, or about having none."""
    known = _children_of(fact)
    if known is None:
        return
    low, high = known
    # Of children at home nothing follows for those who have left it.
    is_at_home = bool(fact.words & {"home", "household", "under", "minor", "dependent"}) or "home" in fact.text
    for said in story.said:
        claim = _claimed(said)
        if claim is None:
            continue
        least, most = claim
        if most < low or (not is_at_home and least > high):
            yield said


def relationship_field(fact: Fact, description: str) -> bool:
    """Whether a relationship that was written contradicts what the fact says of marriage or children."""
    words = re.sub(r"^(?:his|her|their|my|a|the) ", "", description.strip().casefold())
    if is_marital(fact):
        status = next((status for status, pattern in _IS if re.search(pattern, fact.text)), "")
        return "married" in _RULED_OUT.get(status, set()) and bool(_SPOUSE_NOW.match(words))
    if is_children(fact) and not fact.words & {"home", "household", "under", "minor", "dependent"}:
        return _children_of(fact) == (0, 0) and bool(_CHILD.match(words))
    return False


def _is_alone(fact: Fact) -> bool | None:
    if isinstance(fact.value, int) and not isinstance(fact.value, bool):
        return fact.value == 1 if fact.value >= 1 and fact.words & {"size", "household", "persons"} else None
    if _LIVES_ALONE.search(fact.text):
        return True
    if _LIVES_WITH.search(fact.text):
        return None if re.search(r"\b(?:no|without|not)\b.*\b(?:partner|family|spouse)\b|\bor\b", fact.text) else False
    return False if re.match(r"(?:[2-9]|two|three|four|five|six)\b", fact.text) else None


def _children_of(fact: Fact) -> tuple[float, float] | None:
    """The fewest and the most children that the fact allows."""
    if isinstance(fact.value, bool):
        return (1, float("inf")) if fact.value else (0, 0)
    if isinstance(fact.value, int):
        return fact.value, fact.value
    if re.match(r"(?:no|none|0|childless|without)\b", fact.text):
        return 0, 0
    if match := re.match(rf"({NUMBER})(\+| or more)?(?: child(?:ren)?)?$", fact.text):
        return number_of(match[1]), float("inf") if match[2] else number_of(match[1])
    return (1, float("inf")) if re.match(r"(?:yes|has children|with children)\b", fact.text) else None


def _claimed(said: str) -> tuple[float, float] | None:
    if _CHILDLESS.match(said):
        return 0, 0
    if match := _PARENT_OF.match(said):
        count = number_of(match[1])
        # Two sons may have sisters.
        return count, float("inf") if (match["noun"] or "").startswith((" son", " daughter")) else count
    if match := _COUNT.match(said):
        number, noun = match[1], match[2]
        # "At home" and "from his first marriage" there may be fewer than all.
        is_all = noun.startswith(("child", "kid")) and not match["end"].startswith((" at", " from", " named"))
        if number == "no":
            return (0, 0) if is_all else None
        if number in ("a", "an", "several", "some"):
            return (1, float("inf")) if number in ("a", "an") else (2, float("inf"))
        count = number_of(number)
        return count, count if is_all else float("inf")
    return None
