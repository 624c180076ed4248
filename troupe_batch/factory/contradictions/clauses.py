"""What an English text says of the person it is about: predicates such as "works full-time as a nurse".

Only what is plainly said of the person themself is taken: a clause whose subject is their name, or a pronoun that can
mean nobody else who was mentioned before. Relative and subordinate clauses, questions and direct speech are left out.
Whatever is in doubt is left out as well: rules that read these predicates miss some, and seldom invent any.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from troupe_batch.factory.contradictions.finding import plain

_FEMALE = (
    "mother mom mum mama wife daughter sister aunt grandmother grandma granddaughter niece girlfriend woman girl lady "
    "widow stepmother stepdaughter mothers daughters sisters women girls nun waitress landlady"
)
_MALE = (
    "father dad papa husband son brother uncle grandfather grandpa grandson nephew boyfriend man boy gentleman widower "
    "stepfather stepson fathers sons brothers men boys landlord"
)
_EITHER = (
    "partner spouse fiance fiancee child children kid kids baby toddler teenager friend neighbor neighbour colleague "
    "coworker co-worker boss manager supervisor cousin grandchild grandchildren sibling parent parents grandparents "
    "roommate roommates flatmate flatmates tenant lodger couple family friends neighbors neighbours colleagues twins "
    "teacher nurse doctor customer patient student pupil guest client"
)
_KIN = {
    "female": re.compile(rf"\b(?:{_FEMALE.replace(' ', '|')})\b", re.IGNORECASE),
    "male": re.compile(rf"\b(?:{_MALE.replace(' ', '|')})\b", re.IGNORECASE),
    "either": re.compile(rf"\b(?:{_EITHER.replace(' ', '|')})\b", re.IGNORECASE),
}
_COULD_BE = {
    "she": {"female", "either"},
    "he": {"male", "either"},
    "they": {"female", "male", "either"},
    "her": {"female", "either"},
    "his": {"male", "either"},
    "their": {"female", "male", "either"},
    "": {"female", "male", "either"},
}
_VERB = (
    "is has lives works holds earns makes shares keeps brings rents owns studies spends attends does runs drives "
    "teaches takes gets likes never retired"
).replace(" ", "|")
_PLURALS = {"am": "is", "are": "is", "have": "has", "live": "lives", "work": "works", "hold": "holds", "earn": "earns",
            "make": "makes", "share": "shares", "do": "does", "run": "runs"}  # fmt: skip
_ADVERB = r"(?:now|still|currently|also|just|already|usually|mostly|today|these days|at present|presently)"
_LEAD = (
    r"(?:(?:(?:And|But|Now|Yet|Still|Today|Most|At|In|On|By|For|Every|These|As|After)\b[^,]{0,80}, |"
    r"(?:And|But|Now|Yet|Today) ))?"
)
# A sign that no text holds: one pattern fits people of all names.
_NAME = "\ue000"
# The beginning of a sentence that is about the person, up to its verb or to what is theirs. In lists and notes the
# person goes without saying: "Lives alone."
_SUBJECT = re.compile(
    rf"(?P<lead>{_LEAD})(?:(?:(?P<name>{_NAME})(?P<owners>'s)?|(?P<pronoun>[Ss]he|[Hh]e|[Tt]hey|I)|"
    rf"(?P<owner>[Hh]er|[Hh]is|[Tt]heir))(?=[ ,])|(?=(?:{'|'.join(verb.capitalize() for verb in _VERB.split('|'))})\b))"
)
_LONGEST_SENTENCE = 1_000  # a longer one states nothing that could be told from what it merely mentions
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\s*;\s*|\s+[\u2013\u2014]\s+|\n+")
_SUBORDINATE = re.compile(
    r",? (?:who|whose|whom|which|that|while|because|where|when|if|until|unless|although|though|whereas|before|since|"
    r"so|as if|than)\b"
)
# These limit what stands before them: "has two kids who play in her team" says nothing of her children.
_LIMITING = re.compile(r" (?:who|whose|whom|which|that|when|if|until|unless)\b")
_STATES = "lives|works|keeps|spends|still|now"
# "At 58, Ana lives alone." and "A 58-year-old nurse, Ana lives alone." at the very beginning of a text.
_AT_AGE = re.compile(rf"At (\d{{2}}|[a-z]+-[a-z]+), {_NAME} (?:{_STATES})\b")
_BEFORE_NAME = re.compile(rf"(An? [\w-]+[- ]year[- ]old)(?: [\w-]+){{0,5}}, {_NAME}(?: (?:{_STATES}|is|has)\b)")
# After "and" any word that may be a verb begins a clause of its own; after a comma only one that surely is.
_COORDINATED = re.compile(
    rf",? (?:and|but|yet) (?=(?:{_ADVERB} )?(?:{_VERB}|{'|'.join(_PLURALS)}|[a-z]{{2,}}s)\b)|"
    rf", (?=(?:{_ADVERB} )?(?:{_VERB})\b)"
)
_APPOSITION = re.compile(r", (\d{1,3}|an? [^,.]{1,80}|the [^,.]{1,80})(?:, |$)| \((\d{1,3})\)")
_SPEECH = re.compile(r'"[^"]*"?')
_OTHERS_DO = re.compile(rf"\b(?:{_FEMALE}|{_MALE}|{_EITHER})\b".replace(" ", "|") + rf"(?: \w+)? (?:{_VERB}|was|did)\b")


@dataclass(frozen=True, slots=True)
class Story:
    """A text about the person: `said` are predicates, `owned` what follows "his", "her" or the name at a beginning.

    `text` has straight quotes and no direct speech. In `said` verbs are singular and adverbs such as "still" are gone;
    " …" stands for a clause behind it that limits what it says.
    """

    text: str
    said: tuple[str, ...]
    owned: tuple[str, ...]


def read_story(text: str, name: str | None) -> Story:
    """The text, read for what it says of the person of this name."""
    quiet = _SPEECH.sub('""', plain(text))
    named = _named(quiet, name)
    said = list(_opening(named[:_LONGEST_SENTENCE]))
    owned: list[str] = []
    others: set[str] = set()
    for sentence in _SENTENCE.split(named):
        if len(sentence) > _LONGEST_SENTENCE:
            continue
        found = None if sentence.rstrip().endswith("?") else _SUBJECT.match(sentence)
        if found is None:
            others |= _mentioned(sentence)
            continue
        if found["name"]:
            others = set()
        word = (found["pronoun"] or found["owner"] or "").casefold()
        is_clear = bool(found["name"]) or not others & _COULD_BE.get(word, set())
        rest = sentence[found.end() :]
        if is_clear and not _mentioned(found["lead"]):
            if found["owner"] or found["owners"]:
                owned.append(rest.strip(" .!"))
            else:
                said += _predicates(rest, is_plural=word in ("they", "i"))
        others |= _mentioned(rest)
    first = (name or "").partition(" ")[0]
    return Story(quiet, *(tuple(one.replace(_NAME, first) for one in found) for found in (said, owned)))


def _named(text: str, name: str | None) -> str:
    """The text with a sign in place of the person's name, whole or its first part."""
    full = plain(name or "").strip()
    first = full.partition(" ")[0]
    names = [one for one in dict.fromkeys((full, first)) if len(one) > 2 and not one.endswith(".")]
    if not names:
        return text
    return re.sub(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)", _NAME, text)


def _mentioned(text: str) -> set[str]:
    return {kind for kind, pattern in _KIN.items() if pattern.search(text)}


def _predicates(rest: str, *, is_plural: bool) -> Iterator[str]:
    rest = rest.rstrip(" .!")
    while apposition := _APPOSITION.match(rest):
        yield f"is {apposition[1] or apposition[2]}"
        after = rest[apposition.end() :]
        rest = after if after.startswith((",", " ")) else f" {after}"
        if not rest.strip():
            return
    if cut := _SUBORDINATE.search(rest):
        rest = rest[: cut.start()] + " …" * bool(_LIMITING.match(cut[0]))
    for piece in _COORDINATED.split(rest.strip()):
        yield _normal(piece, is_plural=is_plural)
        if _OTHERS_DO.search(piece):
            return


def _opening(text: str) -> Iterator[str]:
    if match := _AT_AGE.match(text):
        yield f"is {match[1]}"
    elif match := _BEFORE_NAME.match(text):
        yield f"is {match[1][0].lower()}{match[1][1:]}"


def _normal(piece: str, *, is_plural: bool) -> str:
    piece = re.sub(rf"^(?:{_ADVERB} )+", "", piece.strip(" ,")).strip()
    verb, _, after = piece.partition(" ")
    verb = verb.casefold() if verb.casefold() in _VERB.split("|") else verb
    if is_plural:
        verb = _PLURALS.get(verb, verb)
    return f"{verb} {re.sub(rf'^(?:{_ADVERB} )+', '', after)}".strip()
