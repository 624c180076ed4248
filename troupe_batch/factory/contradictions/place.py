"""Whether a text lets the person live somewhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from troupe_batch.factory.contradictions.clauses import Story
from troupe_batch.factory.contradictions.finding import Fact
from troupe_batch.factory.contradictions.homes import IN_A_HOME

_PLACE = frozenset(
    (
        "region",
        "country",
        "state",
        "province",
        "county",
        "city",
        "town",
        "residence",
        "division",
        "district",
        "urbanicity",
    )
)
_NOT_HOME = frozenset(("birth", "born", "origin", "work", "parents", "mother", "father", "visited", "previous"))
_HOME = (
    rf"(?:(?:lives|resides)(?: alone)?(?:{IN_A_HOME})?|is based|makes (?:his|her|their) home|has always lived) "
    r"in (?:the |an? )?"
)
_ENDS = r"(?=$|,| (?:and|with|near|since)\b)"

# The four regions of the U.S. Census Bureau and their states; Washington may be the city, and is left out.
_CENSUS: Mapping[str, str] = {
    "northeast": "Connecticut|Maine|Massachusetts|New Hampshire|Rhode Island|Vermont|New Jersey|New York|Pennsylvania",
    "midwest": "Illinois|Indiana|Michigan|Ohio|Wisconsin|Iowa|Kansas|Minnesota|Missouri|Nebraska|North Dakota|"
               "South Dakota",
    "south": "Delaware|Florida|Georgia|Maryland|North Carolina|South Carolina|Virginia|West Virginia|Alabama|Kentucky|"
             "Mississippi|Tennessee|Arkansas|Louisiana|Oklahoma|Texas",
    "west": "Arizona|Colorado|Idaho|Montana|Nevada|New Mexico|Utah|Wyoming|Alaska|California|Hawaii|Oregon",
}  # fmt: skip


def is_place(fact: Fact) -> bool:
    """Whether the fact says where the person lives."""
    return bool(fact.words & _PLACE) and not fact.words & _NOT_HOME and isinstance(fact.value, str)


def place(fact: Fact, story: Story) -> Iterator[str]:
    """Words of the story that put the person's home into another of the places that this fact can name."""
    pattern = _elsewhere(fact, _HOME, _ENDS)
    if pattern is not None:
        yield from (said for said in story.said if pattern.match(said) and not _names(fact, said))


def residence_field(fact: Fact, written: str) -> bool:
    """Whether a field that states the residence names another of the places that this fact can name."""
    pattern = _elsewhere(fact, r"(?:^|.*, |.* in (?:the )?)", r"\b(?!'s|-)")
    return pattern is not None and bool(pattern.match(written)) and not _names(fact, written)


def _elsewhere(fact: Fact, opening: str, ending: str) -> re.Pattern[str] | None:
    # Names as they are written, so that "the west end" is no West.
    others = [
        re.escape(label) if label[0].isupper() else rf"(?i:{re.escape(label)})"
        for label in fact.labels
        if len(label) >= 4 and label.casefold() not in fact.text and fact.text not in label.casefold()
    ]
    if {label.casefold() for label in fact.labels} == set(_CENSUS):
        others += [rf"(?:{states})" for region, states in _CENSUS.items() if region != fact.text]
    # In "South Carolina" no South is meant, and in "Ohio Street" no Ohio.
    return re.compile(rf"{opening}(?:{'|'.join(others)})(?! [A-Z]){ending}") if others else None


def _names(fact: Fact, text: str) -> bool:
    """Whether the text names the right place as well."""
    return re.search(rf"\b{re.escape(fact.text)}\b", text.casefold()) is not None
