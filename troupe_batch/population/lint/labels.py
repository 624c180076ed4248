"""Labels of a dimension, looked at for categories that overlap, contain others, or stand twice."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# Longer labels are sentences, not ranges.
_LONGEST = 80
_NUMBER = r"\d+(?:\.\d+)?\s?(?:k\b|m\b)?"
_MORE = r"over|more|older|above|higher|up|greater|upwards?|beyond"
_LESS = r"under|less|fewer|younger|below|lower"
_BETWEEN = re.compile(
    rf"(?P<before>\D*?)(?P<low>{_NUMBER})\s*(?:-|\u2013|\u2014|to|until|\.\.)\s*(?P<under>under|less than)?\s*"
    rf"(?P<high>{_NUMBER})(?P<after>\D*)"
)
_ABOVE = re.compile(
    rf"(?P<before>\D*?)(?P<over>over|above|more than|older than|>(?!=))\s*(?P<low>{_NUMBER})(?P<after>\D*)"
)
_FROM = re.compile(rf"(?P<before>\D*?)(?:at least|from|>=|≥)\s*(?P<low>{_NUMBER})(?P<after>\D*)")
_FROM_ON = re.compile(
    rf"(?P<before>\D*?)(?P<low>{_NUMBER})(?P<after>[^\d+]*?)(?:\s*\+|\bplus|\b(?:and|or)\s+(?:{_MORE}))(?P<rest>\D*)"
)
_BELOW = re.compile(rf"(?P<before>\D*?)(?:{_LESS}|<(?!=))\s*(?:than)?\s*(?P<high>{_NUMBER})(?P<after>\D*)")
_UP_TO = re.compile(rf"(?P<before>\D*?)(?:up to|at most|<=|≤)\s*(?P<high>{_NUMBER})(?P<after>\D*)")
_DOWN_FROM = re.compile(rf"(?P<before>\D*?)(?P<high>{_NUMBER})(?P<after>\D*?)\b(?:and|or)\s+(?:{_LESS})(?P<rest>\D*)")
_ONE = re.compile(rf"(?P<before>\D*?)(?P<low>{_NUMBER})(?P<after>\D*)")
# "or higher" ends a label or says of what; "manager or higher intellectual profession" is something else.
_END = r"(?=\s*(?:$|[,;(]|education|degrees?|diplomas?|grades?|levels?|qualifications?))"
_UPWARD = re.compile(rf"\b(?:or|and)\s+(?:{_MORE}|better)\b{_END}|\bat least\b|(?<=\w\w\w)\s*\+$|≥")
_DOWNWARD = re.compile(rf"\b(?:or|and)\s+(?:{_LESS})\b{_END}|\bup to\b|\bat most\b|≤")
# A number of things, such as "two or more races", and no rung of a ladder.
_COUNTED = re.compile(r"\b(?:one|two|three|four|five|many|any)\s+or\s+more\b")
_LOWEST = re.compile(rf"^(?:no|none|never|not|{_LESS}|basic)\b")
_UNITS = frozenset(
    {"age", "aged", "ages", "and", "children", "child", "hour", "hours", "old", "or", "people", "person", "persons"}
    | {"year", "years", "yr", "yrs"}
)
_REST = frozenset(["other", "others", "unknown", "refused", "missing", "not stated", "not known", "don't know", "n/a"])
_TOTALS = frozenset({"total", "subtotal", "grand total", "sum", "all", "overall", "both sexes", "all ages", "everyone"})


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that labels give away; `is_sure` unless only the source can tell."""

    labels: tuple[str, ...]
    problem: str
    cure: str
    is_sure: bool = True


@dataclass(frozen=True, slots=True)
class LabelSpan:
    """The numbers that a label such as "25-34", "under $15,000" or "85 and over" stands for, ends included or not."""

    label: str
    low: float
    high: float
    includes_low: bool = True
    includes_high: bool = True
    about: str = ""


def remarks_on(labels: Sequence[str]) -> list[Remark]:
    """Everything doubtful about these labels, which stand in the order of the file."""
    return [*_twice(labels), *_totals(labels), *_overlaps(labels), *_cumulative(labels)]


def open_ended(labels: Sequence[str]) -> list[LabelSpan]:
    """The labels of ranges without an end, such as "85+", where the others are ranges too."""
    spans = [span for label in labels if (span := span_of(label)) is not None]
    return [span for span in spans if math.inf in (span.high, -span.low)] if len(spans) > 1 else []


def span_of(label: str) -> LabelSpan | None:
    """The numbers that a label stands for; None where it is no number and no range of numbers."""
    text = _label_text(label)
    if len(text) > _LONGEST:
        return None
    if match := _BETWEEN.fullmatch(text):
        return _label_span(label, match, includes_high=match["under"] is None)
    if match := _ABOVE.fullmatch(text):
        return _label_span(label, match, includes_low=False)
    if match := _BELOW.fullmatch(text):
        return _label_span(label, match, includes_high=False)
    for pattern in (_FROM, _UP_TO, _FROM_ON, _DOWN_FROM):
        if match := pattern.fullmatch(text):
            return _label_span(label, match)
    match = _ONE.fullmatch(text)
    return _label_span(label, match, is_one=True) if match else None


def _label_span(
    label: str, match: re.Match[str], *, includes_low: bool = True, includes_high: bool = True, is_one: bool = False
) -> LabelSpan:
    groups = match.groupdict()
    low = _scaled_number(groups["low"]) if groups.get("low") else -math.inf
    high = low if is_one else _scaled_number(groups["high"]) if groups.get("high") else math.inf
    words = " ".join(groups.get(part) or "" for part in ("before", "after", "rest")).split()
    # What the numbers are of: "men 18-25" and "women 18-34" do not overlap.
    about = " ".join(word for word in (w.strip(".,;:()") for w in words) if word and word not in _UNITS)
    return LabelSpan(label, low, high, includes_low, includes_high, about)


def _scaled_number(text: str) -> float:
    factor = {"k": 1e3, "m": 1e6}.get(text[-1], 1.0)
    return float(text.rstrip("km ")) * factor


def _label_text(label: str) -> str:
    text = unicodedata.normalize("NFKC", label).casefold().strip()
    text = re.sub(r"[$€£¥₹%]", "", text)
    return re.sub(r"(?<=\d)[,'\u00a0 ](?=\d{3}(?!\d))", "", text)


def _twice(labels: Sequence[str]) -> Iterator[Remark]:
    seen: dict[str, str] = {}
    for label in labels:
        folded = re.sub(r"[\W_]+", " ", _label_text(label)).strip() or label
        # Signs are all that tells "<18" from ">18".
        folded += "".join(re.findall(r"[<>≤≥+]", label))
        if folded in seen:
            yield Remark(
                (seen[folded], label), f"{seen[folded]!r} and {label!r} look like the same category", "keep one"
            )
        seen.setdefault(folded, label)


def _totals(labels: Sequence[str]) -> Iterator[Remark]:
    for label in labels if len(labels) > 1 else ():
        text = _label_text(label)
        if text in _TOTALS or text.startswith("total ") or text.endswith(" total"):
            yield Remark(
                (label,), f"{label!r} looks like the total of the others", "remove it; shares are of categories"
            )


def _overlaps(labels: Sequence[str]) -> Iterator[Remark]:
    spans = [span for label in labels if (span := span_of(label)) is not None]
    ranges = {span.about for span in spans if span.low != span.high}
    for about in sorted(ranges):
        ordered = sorted((span for span in spans if span.about == about), key=lambda span: (span.low, span.high))
        for place, first in enumerate(ordered):
            for second in ordered[place + 1 :]:
                if second.low > first.high:
                    break
                if _meet(first, second):
                    yield _overlap(first, second)


def _meet(first: LabelSpan, second: LabelSpan) -> bool:
    if second.low == first.high:
        return first.includes_high and second.includes_low
    if first.low == second.low and not (first.includes_low or second.includes_low):
        return True
    return second.low < first.high


def _overlap(first: LabelSpan, second: LabelSpan) -> Remark:
    labels = (first.label, second.label)
    if first.high == math.inf or (first.low == -math.inf and second.high <= first.high):
        return Remark(labels, f"{first.label!r} is cumulative: {second.label!r} is part of it", _SPLIT)
    if first.high == second.low:
        return Remark(
            labels, f"{first.label!r} and {second.label!r} both hold {first.high:g}", "let one begin after it"
        )
    return Remark(labels, f"{first.label!r} and {second.label!r} overlap", "let each begin where the one below ends")


_SPLIT = "take what it shares with the others out of it, and out of its label"


def _cumulative(labels: Sequence[str]) -> Iterator[Remark]:
    """Labels in words, such as "bachelor's degree or higher" beside what is higher."""
    ordered = [label for label in labels if _label_text(label) not in _REST]
    plain = {_label_text(label): label for label in ordered}
    for place, label in enumerate(ordered):
        text = _label_text(label)
        is_up, is_down = _UPWARD.search(text) is not None, _DOWNWARD.search(text) is not None
        if span_of(label) is not None or _COUNTED.search(text) or not (is_up or is_down):
            continue
        base = " ".join(_DOWNWARD.sub("", _UPWARD.sub("", text)).split())
        if base in plain:
            yield Remark((label, plain[base]), f"{label!r} is cumulative: {plain[base]!r} is part of it", _SPLIT)
        elif 0 < place < len(ordered) - 1:
            beyond = ordered[place + 1] if is_up else ordered[place - 1]
            problem = f"{label!r} stands between others, so it may contain {beyond!r}"
            yield Remark((label, beyond), problem, _SPLIT)
        elif is_up and place == 0 and len(ordered) > 2 and not _LOWEST.search(_label_text(ordered[-1])):
            problem = f"{label!r} stands first, so it may contain those below it"
            yield Remark(
                (label,), problem, "check the source; lowest first, so that the open category comes last", is_sure=False
            )
