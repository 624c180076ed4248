"""A damaged population file is a SpecError or a population that can be drawn from; never another exception."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from troupe_batch.errors import SpecError
from troupe_batch.population import resolve_population
from troupe_batch.spec_files import read_spec_text

POPULATIONS = Path(__file__).resolve().parents[3] / "populations"
# Of few people, so that what survives is drawn quickly.
FLAGSHIP = (POPULATIONS / "us_adults.yaml").read_text(encoding="utf-8").replace("size: 100000", "size: 500")

# What a slip of the hand, a bad merge or a language model puts into a YAML file.
SCALARS = [
    "~", "yes", "-1", "1e999", ".nan", "-.inf", "0x1F", "2024-01-01", "12:30:45", "'", '"\\ud800"', "!!int x",
    "!!binary x", "!!set {a}", "&a [*a]", "*b", "{}", "[]", "[[1, 2], [3]]", "{? [1]: 2}", "{1: 2}", "{yes: 1}", "?",
    "9" * 500, "1_0", "\x00", "…", "<<: 1", "<<", "{a: 1, a: 2}", "!!timestamp 2", "!!python/object:os.system x",
    "|\n  x", "age", "sex", "[age, age]", "us_adults_sex_by_age.csv", "..", "/", "\\", "residual:other", "renormalize",
    "percent", "count", "numeric", "categorical", "true", "0", "1", "100", "1e308", "-0.0", "a\tb", "%", "@", "`",
]  # fmt: skip


def survives(text: str, name: str = "us_adults.yaml") -> None:
    try:
        people = resolve_population(read_spec_text(name, text), POPULATIONS).population
    except SpecError as error:
        str(error).encode()
        assert all(mistake.problem for mistake in error.mistakes)
        return
    # Small enough to draw from, whatever the damage made of the size.
    if people.size <= 200_000:
        few = min(people.size, 5)
        assert len(people.names(0, few)) == few
        people.facts(0, few)
        people.margins(few)
    assert people.digest


@settings(max_examples=300)
@given(data=st.data())
def test_lines_deleted_doubled_swapped_or_overwritten(data: st.DataObject) -> None:
    lines = FLAGSHIP.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        kind = data.draw(st.sampled_from(["delete", "double", "swap", "value", "key", "indent"]))
        if kind == "delete":
            del lines[at]
        elif kind == "double":
            lines.insert(at, lines[at])
        elif kind == "swap":
            other = data.draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == "indent":
            lines[at] = " " * data.draw(st.integers(0, 8)) + lines[at].lstrip()
        else:
            key, colon, value = lines[at].partition(":")
            damage = data.draw(st.sampled_from(SCALARS))
            indent = " " * (len(key) - len(key.lstrip()))
            lines[at] = f"{key}: {damage}" if kind == "value" else f"{indent}{damage}{colon}{value}"

    survives("\n".join(lines))


@settings(max_examples=200)
@given(data=st.data())
def test_characters_cut_or_put_in(data: st.DataObject) -> None:
    text = FLAGSHIP
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 30))
        put = data.draw(st.text(st.sampled_from(list(":-{}[]'\"&*!|>%@#,?~ \n\tae0.é\u2028\x85\ufeff")), max_size=3))
        text = text[:at] + put + text[at + cut :]

    survives(text)


TREES = st.recursive(
    st.sampled_from(
        [None, True, 0, -1, 1.5, float("nan"), float("inf"), 10**40, "", "age", "sex", "a.csv", "*", "\x00"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["age", "sex", "", "values", "when", "table", 1, None, True]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@settings(max_examples=300)
@given(data=st.data())
def test_any_part_replaced_by_any_tree(data: st.DataObject) -> None:
    tree = yaml.safe_load(FLAGSHIP)
    for _ in range(data.draw(st.integers(1, 2))):
        _replace_somewhere(tree, data)

    survives(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))


@settings(max_examples=100)
@given(tree=TREES)
@example(tree={"schema": "troupe_batch/population/1", "id": "x", "people": [{"type": "TinyPerson", "persona": {1: 2}}]})
@example(tree={"schema": "troupe_batch/population/1", "id": "x", "people": ["\x00"]})
@example(tree={"schema": "troupe_batch/population/1", "id": "x", "size": 3, "dimensions": [["a", 1]]})
@example(tree={"schema": "troupe_batch/population/1", "id": "x", "size": 3, "dimensions": [["a", 1], ["a", 2]]})
@example(tree={1: 2})
def test_any_tree_is_no_crash(tree: Any) -> None:
    survives(yaml.safe_dump(tree))


@pytest.mark.parametrize("scalar", SCALARS)
@pytest.mark.parametrize("place", ["id", "size", "dimensions", "people", "persona", "names", "seed", "universe"])
def test_each_odd_value_in_each_place(scalar: str, place: str) -> None:
    survives(
        "schema: troupe_batch/population/1\nid: x\nsize: 3\n".replace(f"{place}:", f"x{place}:") + f"{place}: {scalar}"
    )


def _replace_somewhere(tree: Any, data: st.DataObject) -> None:
    here = tree
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        if isinstance(here[key], dict | list) and here[key] and data.draw(st.booleans()):
            here = here[key]
            continue
        here[key] = data.draw(TREES)
        return
