"""Contradictions between facts and prose, and those that cost nothing to find: another name, age or number.

They are read where digits and the person's own name stand together, which is alike in many languages. All the rest is
left to a judge (`judging.py`): this would rather miss a contradiction than invent one.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from troupe_batch.factory.full_persona import texts_in
from troupe_batch.persona.persona import Scalar

_LONGEST_QUOTE = 80
_LONGEST_WHY = 160
_LONGEST_TEXT = 50_000
_PLAIN = str.maketrans("\u2018\u2019\u201c\u201d\u2010\u2011", "''\"\"--")

_WORD = r"[^\W\d_][\w'-]+"
_DOES = r" (?:is an? |is \d|works |lives |spends |keeps |grew up |has (?:worked|lived|been) )"
_BEGINNING = re.compile(
    rf"({_WORD}) ((?:(?:{_WORD}|[A-Z]\.) ){{0,2}}{_WORD})(?:, (?:\d{{2}}|an? |who )| \(\d{{2}}|{_DOES})"
)
_LONGEST_BEGINNING = 300
_PARTICLES = frozenset(
    ("de", "da", "do", "dos", "van", "von", "der", "den", "la", "le", "del", "di", "bin", "al", "el")
)

_AGES = frozenset((
    "age", "age_band", "age_group", "age_range", "age_class", "age_bracket", "age_in_years",
    "alter", "edad", "idade", "âge", "età", "leeftijd", "年齢", "年龄", "나이",
))  # fmt: skip
# A number that is said of the name before it: "Ana, 45", "Ana (45)", "Ana ist 45", "アナは45", "Ana tem 2".
_STATED = re.compile(
    r"(?:(?P<beside>[,、] ?| ?\()|(?P<has> (?:has|hat|heeft|tem|tiene|a|ha|har) )|"
    r" (?:is(?: an?| een)?|ist|är|er) |は、?)"
    r"(?P<number>\d{1,3})(?!\d|[.,]\d)"
)
_END = r"(?=[,.;:!?)。、]|$| (?:and|und|e|y|et|en) )"
_OLD = re.compile(
    r"[- ](?:years?[- ]old|years of age|Jahre alt|jaar oud|år gam\w{1,3})(?! (?:[\w-]+'s|at|in|inside)\b)|"
    r"歳|才|岁|歲|세|살"
)
_YEARS = re.compile(rf" (?:años|anos|ans|anni){_END}")
_CLOSED = re.compile(r"[,)、]")
_ALONE = re.compile(r"(?=[.;!?。]|$| (?:and|und|en|och) )")
_ENDED = re.compile(_END)
_SENTENCE_ENDS = ".!?]。"
_YOUNGEST = 10  # a smaller number beside a name is a rank, an hour or somebody's child

_NUMBER = re.compile(r"\d{1,9}")
_OPEN_ABOVE = re.compile(r"\+|\b(?:over|above|more|and up|or older|older than|at least)\b")
_OPEN_BELOW = re.compile(r"<|\b(?:under|below|less|up to|younger|at most|fewer)\b")


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A fact, and what was written instead of it; `why` in the words of who found it."""

    fact: str
    value: Scalar
    said: str
    why: str = ""

    def __str__(self) -> str:
        value, said, why = _quote_cut(str(self.value)), _quote_cut(self.said), _quote_cut(self.why, _LONGEST_WHY)
        found = f'the fact is {self.fact}: {value}; the text says "{said}"'
        return f"{found} ({why})" if why else found


def free_contradictions(
    written: Mapping[str, Any], name: str | None, facts: Mapping[str, Scalar]
) -> tuple[Contradiction, ...]:
    """Another name, age or number in the written parts of a persona, each once; no model is asked."""
    texts, called = [plain(text) for text in texts_in(written)], plain(name or "")
    found = [Contradiction("name", name, said) for text in texts[:1] for said in _other_name(called, text)]
    ranges = {fact: limits for fact, value in facts.items() if (limits := _range_of(value)) is not None}
    for text in texts:
        for said, fact, number in _stated_numbers(text, called, ranges):
            low, high = ranges[fact]
            if not low <= number <= high:
                found.append(Contradiction(fact, facts[fact], said))
    return tuple(dict.fromkeys(found))


def plain(text: str) -> str:
    """The text with one form of each letter, digit and quote, and single blanks; cut where no persona goes on."""
    return " ".join(unicodedata.normalize("NFKC", text[:_LONGEST_TEXT]).translate(_PLAIN).split())


def _stated_numbers(text: str, name: str, facts: Iterable[str]) -> Iterator[tuple[str, str, int]]:
    """Numbers of which a sentence says that they are the person's: its words, the fact that they state, the number."""
    names = (name, name.replace(" ", ""), name.partition(" ")[0]) if name else ()
    for match in _STATED.finditer(text):
        called = next((one for one in names if text.endswith(one, 0, match.start())), None)
        if called is None:
            continue
        begin = match.start() - len(called)
        if begin and text[max(0, begin - 2) : begin].rstrip()[-1:] not in _SENTENCE_ENDS:
            continue
        for fact in facts:
            end = _age_end(match) if fact.casefold() in _AGES else _count_end(match, fact.replace("_", " "))
            if end is not None:
                yield text[begin:end], fact, int(match["number"])


def _age_end(match: re.Match[str]) -> int | None:
    """Where the words end that make the number an age; None where it is none."""
    if int(match["number"]) < _YOUNGEST:
        return None
    ends = _YEARS if match["has"] else _CLOSED if match["beside"] else _ALONE
    found = _OLD.match(match.string, match.end()) or ends.match(match.string, match.end())
    return found and found.end()


def _count_end(match: re.Match[str], fact: str) -> int | None:
    """Where "has 3 children" ends, of a fact named children; None where something else is counted."""
    end = match.end() + 1 + len(fact)
    is_counted = match["has"] and match.string[match.end() : end].casefold() == f" {fact.casefold()}"
    return end if is_counted and _ENDED.match(match.string, end) else None


def _range_of(value: Scalar) -> tuple[float, float] | None:
    """The lowest and highest number that a fact allows: of a number itself, of a band its ends; None if neither."""
    if isinstance(value, str):
        return _band_of(value.casefold().strip())
    if value is None or isinstance(value, bool) or not math.isfinite(value):
        return None
    # Whole years: who is 54.8 is 54.
    return math.floor(value), value


def _band_of(text: str) -> tuple[float, float] | None:
    ends = [int(number) for number in _NUMBER.findall(text)]
    if len(ends) == 1 and _OPEN_ABOVE.search(text):
        return ends[0], math.inf
    if len(ends) == 1 and _OPEN_BELOW.search(text):
        return 0, ends[0]
    is_band = len(ends) == 2 or (len(ends) == 1 and text.isdecimal())
    return (ends[0], ends[-1]) if is_band and ends[0] <= ends[-1] else None


def _other_name(name: str, text: str) -> Iterator[str]:
    """The name at the beginning of the text, where its first part is the person's and its last is not."""
    mine = _folded_text(name).split()
    found = _BEGINNING.match(text[:_LONGEST_BEGINNING])
    if found is None or len(mine) < 2 or any(part.endswith(".") for part in mine):
        return
    last_names = found[2].split()
    first, *others = _folded_text(f"{found[1]} {found[2]}").split()
    pairs = zip(others, last_names, strict=True)
    is_full_name = last_names[-1][:1].isupper() and all(one in _PARTICLES or word[:1].isupper() for one, word in pairs)
    if first == mine[0] and is_full_name and not set(others) & set(mine):
        yield f"{found[1]} {found[2]}"


def _folded_text(text: str) -> str:
    """In lower case and without accents."""
    parts = unicodedata.normalize("NFD", plain(text)).casefold()
    return "".join(part for part in parts if not unicodedata.combining(part))


def _quote_cut(text: str, most: int = _LONGEST_QUOTE) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
