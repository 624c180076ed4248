"""A label, a category, a key, a fact is the text that stands in the file, wherever a file is read."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from troupe_batch.errors import SpecError
from troupe_batch.persona import parse_agent
from troupe_batch.population.load import resolve_population
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.rehearsal.respondents import Respondents
from troupe_batch.simulation.extraction import ExtractionSpec
from troupe_batch.spec_files import read_spec_text
from troupe_batch.studies.interview.spec import InterviewSpec
from troupe_batch.studies.survey.spec import SurveySpec
from troupe_batch.studies.world.spec import WorldSpec

_POPULATION = "schema: troupe_batch/population/1\nid: p\nsize: 10\ndimensions:\n"


def _survey(line: str) -> Any:
    return read_spec_text("s.yaml", f"questions:\n  - {line}\n").parse(SurveySpec).all_questions[0]


def _population(text: str) -> PopulationSpec:
    return read_spec_text("p.yaml", _POPULATION + text).parse(PopulationSpec)


def _dimension(written: str) -> Any:
    return _population(f"  x: {{{written}}}\n").dimensions["x"]


def _condition(bare: str) -> str:
    line = f"{{say: B, when: {{question: a, mentions: [{bare}]}}}}"
    text = f"script:\n  - ask: {{id: a, type: open, text: A?}}\n  - {line}\n"
    when = read_spec_text("i.yaml", text).parse(InterviewSpec).script[1].when
    return str(when.mentions[0])  # type: ignore[union-attr, index] # one condition, a list


def _seat(bare: str) -> str | None:
    text = f"steps: 1\nseats: [{{name: {bare}}}]\n"
    return read_spec_text("w.yaml", text).parse(WorldSpec).seats[0].name


def _respondents(bare: str) -> str:
    text = (
        "schema: troupe_batch/respondents/1\nquestions: {q: {type: multi, base: {%s: 0.5, zz: 1}, exclusive: [%s]}}\n"
    )
    question: Any = read_spec_text("r.yaml", text % (bare, bare)).parse(Respondents).questions["q"]
    assert question.exclusive == [next(iter(question.base))]
    return str(next(iter(question.base)))


def _extraction(bare: str) -> str:
    text = f"id: e\nobjective: O\nfields: [{{id: f, type: category, text: A?, labels: [{bare}, zz]}}]\n"
    field: Any = read_spec_text("e.yaml", text).parse(ExtractionSpec).fields[0]
    return str(field.labels[0])


PLACES: dict[str, Callable[[str], str | None]] = {
    "an option": lambda bare: _survey(f"{{id: q, type: single, text: A?, options: [{bare}, 77.5]}}").options[0].label,
    "an option among numbers": lambda bare: (
        _survey(f"{{id: q, type: single, text: A?, options: [77771, {bare}, 77772.5]}}").options[1].label
    ),
    "an option with a code": lambda bare: (
        _survey(f"{{id: q, type: multi, text: A?, options: [{{code: 1, label: {bare}}}, {{code: 2, label: zz}}]}}")
        .options[0]
        .label
    ),
    "a step": lambda bare: _survey(f"{{id: q, type: rating, text: A?, labels: [{bare}, 77.5]}}").labels[0].label,
    "an anchor": lambda bare: _survey(
        f"{{id: q, type: single, text: A?, options: [{bare}, 77.5], anchor: [{bare}]}}"
    ).anchor[0],
    "an exclusive option": lambda bare: _survey(
        f"{{id: q, type: multi, text: A?, options: [{bare}, 77.5], exclusive: [{bare}]}}"
    ).exclusive[0],
    "a condition": _condition,
    "a seat": _seat,
    "a category": lambda bare: next(iter(_dimension(f"type: categorical, source: s, values: {{{bare}: 1}}").values)),
    "a listed category": lambda bare: _dimension(f"type: categorical, source: s, categories: [{bare}, zz]").categories[
        0
    ],
    "a parent's category": lambda bare: (
        _dimension(f"type: categorical, source: s, given: [y], table: {{{bare}: {{a: 1}}, zz: {{a: 1}}}}")
        .rows[0]
        .when["y"]
    ),
    "a row's condition": lambda bare: (
        _dimension(f"type: categorical, source: s, given: [y], table: [{{when: {{y: {bare}}}, values: {{a: 1}}}}]")
        .rows[0]
        .when["y"]
    ),
    "a code's label": lambda bare: _dimension(f"type: record, labels: {{1: {bare}}}").labels["1"],
    "a code of records": lambda bare: next(iter(_dimension(f"type: record, labels: {{{bare}: a}}").labels)),
    "a behaviour's label": _respondents,
    "a label to extract": _extraction,
}

_WORDS = ["yes", "No", "on", "OFF", "y", "True", "false", "null", "Null", "~", "none", "2024-01-01", "11:30", "6:00:00"]
_NUMBERS = [
    "020",
    "0x1F",
    "0o17",
    "1_000",
    "1.50",
    "1e3",
    ".5",
    "+5",
    "-0",
    "1.",
    "1.0",
    "007",
    "0b11",
    ".inf",
    "1E400",
]
_GLUED = st.lists(st.sampled_from([*"0123456789", ".", ":", "_", "-", "+", "e", "x", "o", "\u0301", "é"]), max_size=6)
SCALARS = st.sampled_from([*_WORDS, *_NUMBERS, "18-24", "=", "<<", "caf\u00e9", "cafe\u0301", "1E400"]) | _GLUED.map(
    "".join
)


def _is_bare(text: str) -> bool:
    """Whether a flow of YAML reads the text as one scalar without quotes."""
    try:
        events = list(yaml.parse(f"[{text}, z]", Loader=yaml.SafeLoader))
    except yaml.YAMLError:
        return False
    return len(events) == 8 and getattr(events[3], "value", None) == text and text != ""


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=60, deadline=None)
@given(text=SCALARS)
@example(text="020")
@example(text="1.50")
@example(text="11:30")
@example(text="1_000")
@example(text="cafe\u0301")
@example(text="yes")
@example(text="True")
def test_what_is_read_is_what_stands_there_or_a_word_on_quotes(place: str, text: str) -> None:
    assume(_is_bare(text))

    try:
        read = PLACES[place](text)
    except SpecError as error:
        # As a key it merges groups, as in YAML 1.1, and says so.
        assert text == "<<" or (text.lower() in ("true", "false", "null", "~") and f'"{text}"' in str(error))
        return

    if read is None:
        assert (place, text.lower() in ("null", "~")) == ("a seat", True)  # which needs no name
        return
    assert read == unicodedata.normalize("NFC", text)


def _is_beyond_numbers(text: str) -> bool:
    try:
        return math.isinf(float(text)) and any(character.isdigit() for character in text)
    except ValueError:
        return False


@pytest.mark.parametrize("text", ["1e310", "-1e400", "9.9E+999"])
def test_a_fact_of_an_agent_file_that_is_larger_than_any_number_is_told_with_its_line(text: str) -> None:
    with pytest.raises(SpecError, match=r"a\.yaml:2: persona\.fact: -?inf is no JSON number; write a finite number"):
        parse_agent(read_spec_text("a.yaml", f"type: TinyPerson\npersona: {{name: A, fact: {text}}}\n"))


@settings(max_examples=200, deadline=None)
@given(text=SCALARS)
def test_facts_of_agent_files_are_what_stands_there(text: str) -> None:
    assume(_is_bare(text) and text.lower() not in ("true", "false", "null", "~", ".inf", "-.inf", "+.inf"))
    assume(not _is_beyond_numbers(text))  # told as a mistake: JSON has no such number

    persona = parse_agent(read_spec_text("a.yaml", f"type: TinyPerson\npersona: {{name: A, fact: {text}}}\n")).persona

    assert str(persona["fact"]) == text


@pytest.mark.parametrize("number", ["1.50", "1e3", "2", "-0.0", "1.0", "10.25"])
def test_numbers_of_json_are_labels_as_they_are_written(number: str) -> None:
    text = f'{{"questions": [{{"id": "q", "type": "single", "text": "A?", "options": [{number}, "zz"]}}]}}'.replace(
        '"zz"', "99.5"
    )

    question: Any = read_spec_text("s.json", text).parse(SurveySpec).all_questions[0]

    assert [option.label for option in question.options] == [number, "99.5"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("[3, 2, 1]", [(3, "3"), (2, "2"), (1, "1")]),
        ("[-1, 0, +1]", [(-1, "-1"), (0, "0"), (1, "+1")]),
        ("[08, 09, 10]", [(1, "08"), (2, "09"), (3, "10")]),
        ("[020, 030, 0x1F, 1_000]", [(1, "020"), (2, "030"), (3, "0x1F"), (4, "1_000")]),
        ("[1, 1.5, 2]", [(1, "1"), (2, "1.5"), (3, "2")]),
        ("[6:00, 7:00]", [(1, "6:00"), (2, "7:00")]),
        ("[{code: 020, label: 020}, {code: 1, label: 2024-01-01}]", [(20, "020"), (1, "2024-01-01")]),
    ],
)
def test_plain_numbers_are_their_own_codes_and_others_are_labels_alone(
    written: str, expected: list[tuple[int, str]]
) -> None:
    question = _survey(f"{{id: q, type: rating, text: A?, labels: {written}}}")

    assert [(step.code, step.label) for step in question.labels] == expected


@pytest.mark.parametrize(
    ("written", "read"),
    [("10", 10), ("010", 10), ("0x10", 16), ("0o17", 15), ("1e3", 1_000), ("+7", 7)],
)
def test_where_a_number_belongs_it_is_that_of_yaml_1_2(written: str, read: int) -> None:
    text = _POPULATION.replace("10", written) + "  x: {type: categorical, source: s, values: {a: 1}}\n"

    assert read_spec_text("p.yaml", text).parse(PopulationSpec).size == read


@pytest.mark.parametrize("written", ["yes", "On", "true", "TRUE"])
def test_words_for_true_are_true_where_nothing_else_fits(written: str) -> None:
    dimension: Any = _population(
        f"  x: {{type: numeric, source: s, bins: {{1-2: 1}}, integer: {written}}}\n"
    ).dimensions["x"]

    assert dimension.integer is True


def test_two_spellings_of_one_text_are_one_label(tmp_path: Any) -> None:
    text = '{id: q, type: single, text: A?, options: ["caf\\u00e9", "cafe\\u0301", Tea]}'
    values = '  x: {type: categorical, source: s, values: {"caf\\u00e9": 0.5, "cafe\\u0301": 0.5}}\n'

    with pytest.raises(SpecError, match="stands twice"):
        _survey(text)
    with pytest.raises(SpecError, match="stands twice"):
        resolve_population(read_spec_text("p.yaml", _POPULATION + values), tmp_path)


def test_references_find_a_label_in_another_spelling() -> None:
    question = _survey('{id: q, type: multi, text: A?, options: ["cafe\\u0301", Tea], exclusive: ["caf\\u00e9"]}')

    assert question.exclusive == (question.options[0].label,) == ("caf\u00e9",)
