"""Whether a text takes a woman for a man, or a man for a woman."""

from __future__ import annotations

import re
from collections.abc import Iterator

from troupe_batch.factory.contradictions.clauses import Story
from troupe_batch.factory.contradictions.finding import Fact

_FEMALE, _MALE = "female", "male"
_LABELS = {"female": _FEMALE, "woman": _FEMALE, "f": _FEMALE, "male": _MALE, "man": _MALE, "m": _MALE}
_OTHER = {_FEMALE: _MALE, _MALE: _FEMALE}
_PRONOUNS = {
    _FEMALE: re.compile(r"\b(?:she|her|hers|herself)\b", re.IGNORECASE),
    _MALE: re.compile(r"\b(?:he|him|his|himself)\b", re.IGNORECASE),
    "either": re.compile(r"\b(?:they|them|their|theirs|themself|themselves)\b", re.IGNORECASE),
}
# Words of other kinds in between could make it "is a colleague of the man".
_NOUNS = (
    r"is an? (?:(?!of\b|to\b|for\b|with\b|by\b|the\b|an?\b|and\b)[\w-]+ ){{0,3}}"
    r"(?:{nouns})(?=$|,| (?:of|in|with|from|…))"
)
_IS_A = {
    _FEMALE: re.compile(_NOUNS.format(nouns="woman|mother|grandmother|wife|widow|lady|housewife")),
    _MALE: re.compile(_NOUNS.format(nouns="man|father|grandfather|husband|widower|gentleman")),
}


def is_gender(fact: Fact) -> bool:
    """Whether the fact is a sex or gender that goes with pronouns of its own."""
    return fact.name.casefold() in ("sex", "gender") and fact.text in _LABELS


def gender(fact: Fact, story: Story) -> Iterator[str]:
    """A noun of the other gender for the person, or nothing but pronouns of the other gender."""
    mine = _LABELS[fact.text]
    other = _OTHER[mine]
    for said in story.said:
        if match := _IS_A[other].match(said):
            yield match[0]
            return
    # Men and women have sisters and sons: only a text without a single fitting pronoun speaks of the wrong person.
    wrong = _PRONOUNS[other].findall(story.text)
    if len(wrong) >= 2 and not _PRONOUNS[mine].search(story.text) and not _PRONOUNS["either"].search(story.text):
        yield ", ".join(dict.fromkeys(word.casefold() for word in wrong))
