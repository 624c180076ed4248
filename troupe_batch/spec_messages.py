"""Messages about a file from what pydantic found: the place as the user wrote it, the problem, the cure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypeAlias

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from troupe_batch.scalars import WrittenFloat, WrittenInt
from troupe_batch.spec_models import Candidate, fields_of, kinds_of, stand_at

Place: TypeAlias = tuple[str | int, ...]
Explained: TypeAlias = tuple[Place, str, str]

_GROUP = "a group of `key: value` lines"
_FORMS = {
    "dict_type": _GROUP,
    "model_type": _GROUP,
    "model_attributes_type": _GROUP,
    "list_type": "a list",
    "tuple_type": "a list",
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
}
_BOUNDS = ("ge", "gt", "le", "lt")
_PERCENT = 100
# What YAML reads as no value at all.
_NOTHING = ("null", "~", "")
_CHOICES = ("literal_error", "enum")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_A_TIME = "2025-06-06T19:00"


@dataclass(frozen=True)
class _Found:
    """One detail of pydantic's, where it stands in the file, and what could stand there."""

    place: Place
    detail: ErrorDetails
    candidates: Sequence[Candidate]
    field: FieldInfo | None
    unquoted: Sequence[str] = ()

    @property
    def type(self) -> str:
        return self.detail["type"]

    @property
    def form(self) -> str | None:
        """What belongs here instead, where something of the wrong form stands here."""
        if self.type in _CHOICES:
            return " or ".join(f"`{one}`" for one in self.choices)
        return _FORMS.get(self.type)

    @property
    def choices(self) -> list[str]:
        return re.findall(r"'([^']*)'", str(self.detail.get("ctx", {}).get("expected", "")))

    @property
    def suggestion(self) -> str | None:
        """The field that an unknown one may stand for."""
        return near(str(self.place[-1]), self.known) if self.type == "extra_forbidden" else None

    @property
    def known(self) -> list[str]:
        return fields_of(one.model for one in self.candidates if one.kind is None)


def explained(
    model: type[BaseModel],
    data: Any,
    details: Iterable[ErrorDetails],
    unquoted: Mapping[Place, Sequence[str]] | None = None,
) -> list[Explained]:
    """Each mistake once, without those that only follow from another.

    `unquoted` has by place the words that YAML read as a truth value or as nothing, as they were written.
    """
    found = [_located(model, data, detail) for detail in details]
    found = [replace(one, unquoted=(unquoted or {}).get(one.place, ())) for one in found]
    by_place: dict[Place, list[_Found]] = {}
    for one in _without_followers(found):
        by_place.setdefault(one.place, []).append(one)
    return [(place, *words) for place, ones in by_place.items() for words in dict.fromkeys(_problems_and_cures(ones))]


def dotted(place: Place) -> str:
    """("questions", 2, "labels") as `questions[2].labels`."""
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def real_place(model: type[BaseModel], data: Any, detail: ErrorDetails) -> Place:
    """Without the names of union branches, which pydantic puts into a place and no user ever wrote."""
    place: list[str | int] = []
    here = data
    loc = stand_at(model, detail["loc"]).loc
    last = len(loc) - 1
    for position, step in enumerate(loc):
        if isinstance(here, dict) and (step in here or (position == last and detail["type"] == "missing")):
            here = here.get(step)
            place.append(step)
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
            place.append(step)
    return tuple(place)


def did_you_mean(word: str, known: list[str]) -> str:
    """A cure that names the nearest known word, else all of them."""
    if (nearest := near(word, known)) is not None:
        return f"did you mean `{nearest}`?"
    return f"known here: {', '.join(sorted(known))}" if known else ""


def near(word: str, known: Sequence[str]) -> str | None:
    """The known word that is nearest to this one; None where none is near."""
    found = difflib.get_close_matches(word.lower(), [k.lower() for k in known], n=1, cutoff=0.6)
    return next((k for k in known if k.lower() == found[0]), None) if found else None


def _located(model: type[BaseModel], data: Any, detail: ErrorDetails) -> _Found:
    is_about_a_key = detail["type"] in ("extra_forbidden", "missing")
    standing = stand_at(model, detail["loc"][:-1] if is_about_a_key else detail["loc"])
    place = real_place(model, data, detail)
    if detail["type"] == "union_tag_invalid":
        place = (*place, str(detail["ctx"]["discriminator"]).strip("'"))
    return _Found(place, detail, standing.candidates, standing.field)


def _without_followers(found: Sequence[_Found]) -> Iterator[_Found]:
    meant = {(*one.place[:-1], one.suggestion) for one in found}
    above = {one.place[:length] for one in found for length in range(len(one.place))}
    of_value = {one.place for one in found if one.form is None}
    for one in found:
        is_of_form = one.form is not None
        # What is below was read, so the form is right, and the list was long enough when it was written.
        if one.place in above and (is_of_form or one.type == "too_short"):
            continue
        if is_of_form and one.place in of_value:
            continue
        if one.type == "missing" and one.place in meant:
            continue
        yield one


def _problems_and_cures(ones: Sequence[_Found]) -> Iterator[tuple[str, str]]:
    """Problem and cure of all that is wrong at one place; several forms that it might have had are one mistake."""
    if ones[0].detail["input"] is None and any(ones[0].unquoted) and "string_type" in {one.type for one in ones}:
        yield _tell_unquoted(ones[0])
        return
    if all(one.form is not None for one in ones):
        forms = " or ".join(dict.fromkeys(str(one.form) for one in ones))
        yield f"{forms} belongs here (found {short(ones[0].detail['input'])})", _cure_of_form(ones)
        return
    for one in ones:
        tell = _TELLERS.get(one.type, _tell_time if one.type.startswith(("datetime_", "timezone_")) else _tell_plainly)
        yield tell(one)


def _cure_of_form(ones: Sequence[_Found]) -> str:
    given = ones[0].detail["input"]
    types = {one.type for one in ones}
    if "string_type" in types and given is not None and not isinstance(given, list | dict):
        reads = "YAML reads it as a truth value; " if isinstance(given, bool) else ""
        return f"{reads}put it in quotes"
    if choices := [word for one in ones for word in one.choices]:
        nearest = near(str(given), choices)
        return f"did you mean `{nearest}`?" if nearest is not None else _description(ones[0])
    if (models := [one for one in ones[0].candidates if one.kind is None]) and ones[0].form == _GROUP:
        return _how_to_write(models[0].model)
    if types & {"list_type", "tuple_type"}:
        return "begin each item with `- `"
    return _example_text(ones[0])


def _how_to_write(model: type[BaseModel]) -> str:
    extra = model.model_config.get("json_schema_extra")
    examples = extra.get("examples") if isinstance(extra, Mapping) else None
    if not isinstance(examples, list):
        return f"its fields are {', '.join(fields_of([model]))}"
    return "write " + " or ".join(f"`{_flow(example)}`" for example in examples)


def _flow(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=1_000)
    return text.removesuffix("...\n").strip()


def _example_text(found: _Found) -> str:
    examples = found.field.examples if found.field is not None else None
    return f"for example `{_flow(examples[0])}`" if examples else ""


def _tell_extra(found: _Found) -> tuple[str, str]:
    name = str(found.place[-1])
    kinds = list(dict.fromkeys(one.kind for one in found.candidates if one.kind and name in fields_of([one.model])))
    if kinds and found.suggestion is None:
        return f"`{name}` does not belong here", f"it is for {' and '.join(kinds)}"
    return f"unknown field {name!r}", _elsewhere(found, name) or did_you_mean(name, found.known)


def _tell_missing(found: _Found) -> tuple[str, str]:
    return "this field is required", f"add `{found.detail['loc'][-1]}:`"


def _tell_tag(found: _Found) -> tuple[str, str]:
    """The field that says which kind of thing this is, is missing or unknown."""
    context = found.detail.get("ctx", {})
    field = str(context["discriminator"]).strip("'")
    kinds = kinds_of(found.candidates, field)
    if found.type == "union_tag_not_found":
        return f"`{field}` is required here", f"add `{field}:`, one of {', '.join(kinds)}"
    return f"unknown {field} {context['tag']!r}", did_you_mean(str(context["tag"]), kinds)


def _elsewhere(found: _Found, word: str) -> str | None:
    """What to write for a word of other tools, where a model that could stand here knows it: `names_elsewhere`."""
    name = word.strip().lower().replace("-", "_").replace(" ", "_")
    known = (getattr(one.model, "names_elsewhere", {}) for one in found.candidates)
    return next((cures[name] for cures in known if name in cures), None)


def _tell_pattern(found: _Found) -> tuple[str, str]:
    given = str(found.detail["input"])
    if _CONTROL.search(given):
        return f"a line break or a control character cannot stand here (found {short(given)})", "write it on one line"
    cures = (_description(found), _example_text(found))
    return f"{short(given)} does not fit here", ", ".join(cure for cure in cures if cure)


def _description(found: _Found) -> str:
    words = (found.field.description or "" if found.field is not None else "").rstrip(".")
    return words[:1].lower() + words[1:]


def _tell_length(found: _Found) -> tuple[str, str]:
    context: Mapping[str, Any] = found.detail.get("ctx", {})
    is_text = found.type.startswith("string")
    if found.type.endswith("long"):
        what = "characters fit here" if is_text else "items fit here"
        return f"at most {context['max_length']:,} {what}", "shorten it" if is_text else "remove some"
    if not found.detail["input"] or (is_text and not str(found.detail["input"]).strip()):
        return "this is empty", "write text" if is_text else f"at least {context['min_length']} belongs here"
    return f"at least {context['min_length']} items belong here", f"there is only {_some(context['actual_length'])}"


def _some(number: int) -> str:
    return "one" if number == 1 else str(number)


def _tell_time(found: _Found) -> tuple[str, str]:
    problem = f"a date and time without a time zone belongs here (found {short(found.detail['input'])})"
    return problem, _example_text(found) or f"for example `{_A_TIME}`"


def _tell_unquoted(found: _Found) -> tuple[str, str]:
    """A label that YAML took for a truth value or for nothing."""
    if not found.unquoted:
        return str(found.detail["msg"]), "put the label in quotes"
    words = " and ".join(word or "an empty label" for word in found.unquoted)
    values = dict.fromkeys("nothing" if one.lower() in _NOTHING else "a truth value" for one in found.unquoted)
    quoted = " and ".join(f'"{word}"' for word in found.unquoted if word)
    return f"YAML reads {words} without quotes as {' and '.join(values)}", f"write {quoted or 'a label'}"


def _tell_range(found: _Found) -> tuple[str, str]:
    """A number that is too small or too large, and which numbers fit."""
    kind, bound = next(one for one in found.detail["ctx"].items() if one[0] in _BOUNDS)
    stated = {name: getattr(m, name) for m in _metadata(found) for name in _BOUNDS if hasattr(m, name)}
    fits = stated if stated.get(kind) == bound else {kind: bound}
    value = found.detail["input"]
    problem = f"{_value_text(value)} is too {'small' if kind[0] == 'g' else 'large'}"
    if (fits.get("ge"), kind, bound) == (0, "le", 1) and isinstance(value, int | float) and 2 <= value <= _PERCENT:
        return problem, f"write a share from 0 to 1; {_value_text(value)} percent is {value / _PERCENT:g}"
    return problem, f"write {_range(fits, kind)}"


def _metadata(found: _Found) -> Sequence[Any]:
    return found.field.metadata if found.field is not None else ()


def _range(fits: Mapping[str, Any], kind: str) -> str:
    """The numbers that fit, in words; the bound that was passed where they have not two that fit too."""
    bounds = {name: _value_text(bound) for name, bound in fits.items()}
    if "ge" in bounds and "le" in bounds:
        return f"a number from {bounds['ge']} to {bounds['le']}"
    words = {"ge": "{} or more", "gt": "a number above {}", "le": "{} or less", "lt": "a number below {}"}
    return words[kind].format(bounds[kind])


def _value_text(value: Any) -> str:
    if isinstance(value, WrittenInt | WrittenFloat):
        return value.text
    if isinstance(value, float):
        return f"{value:,.12g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _tell_plainly(found: _Found) -> tuple[str, str]:
    problem = found.detail["msg"].removeprefix("Value error, ")
    if found.type not in ("value_error", "assertion_error") and found.place:
        problem += f" (found {short(found.detail['input'])})"
    return problem, ""


def short(value: Any) -> str:
    """The value as Python writes it, cut to what fits into a message."""
    text = str(value) if isinstance(value, date) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


_TELLERS: Mapping[str, Callable[[_Found], tuple[str, str]]] = {
    "extra_forbidden": _tell_extra,
    "missing": _tell_missing,
    "union_tag_invalid": _tell_tag,
    "union_tag_not_found": _tell_tag,
    "string_pattern_mismatch": _tell_pattern,
    "unquoted_label": _tell_unquoted,
    "greater_than_equal": _tell_range,
    "greater_than": _tell_range,
    "less_than_equal": _tell_range,
    "less_than": _tell_range,
    "too_short": _tell_length,
    "too_long": _tell_length,
    "string_too_short": _tell_length,
    "string_too_long": _tell_length,
}
