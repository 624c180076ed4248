"""Reading YAML and JSON: every damaged file is a SpecError with its line, and nothing is dropped without a word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from troupe_batch.errors import SpecError
from troupe_batch.spec_files import SpecFile, read_spec_file, read_spec_text


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    colour: str
    size: int = 1


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    items: list[Inner | int] = []
    named: dict[str, Inner] = {}


def error_of(text: str, name: str = "f.yaml") -> str:
    with pytest.raises(SpecError) as caught:
        read_spec_text(name, text).parse(Outer)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f.yaml: the file is empty"),
        ("a: [1", "f.yaml:2: not valid YAML"),
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3: `a` stands twice; remove one"),
        ("{? [1, 2] : 3}", "f.yaml:1: a list or a group of keys stands where a key belongs"),
        ("a: &x [*x]", "nested too deeply"),
        ("a: " + "[" * 500 + "]" * 500, "nested too deeply"),
        ("a: " + "9" * 5000, "f.yaml:1: a number of more than 400 digits"),
        ('a: "\\ud83d"', "f.yaml:1: "),
        ("a: !!int x", "not valid YAML"),
        ("a: !!int []", "f.yaml"),
        ("a: !!python/object/apply:os.getcwd []", "f.yaml:1: not valid YAML: could not determine a constructor"),
        ("a: 2024-13-45", "f.yaml: not valid YAML"),
        ("a: \x07", "f.yaml"),
        ("named: {x: {color: red}}", "f.yaml:1: named.x.color: unknown field 'color'; did you mean `colour`?"),
        ("named:\n  x:\n    size: 3\n", "f.yaml:2: named.x.colour: this field is required; add `colour:`"),
        ("items:\n  - 1\n  - colour: red\n    size: big\n", "f.yaml:4: items[1].size"),
        ("1: 2", "f.yaml"),
        ("named: {1: {colour: red}}", "f.yaml"),
        ("- 1\n- 2\n", "f.yaml"),
        ("just text", "f.yaml"),
    ],
)
def test_a_damaged_yaml_file_is_a_spec_error(text: str, message: str) -> None:
    assert message in error_of(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f.json:1: not valid JSON"),
        ('{"a": 1, "a": 2}', "the key 'a' stands twice in one object"),
        ('{"a": NaN}', "NaN is no JSON number"),
        ('{"a": %s}' % ("9" * 5000), "a number of more than 400 digits"),
        ("[" * 100_000, "nested too deeply"),
        ('{"named": {"x":\n {"color": "red"}}}', "f.json:2: named.x.color: unknown field 'color'"),
        ('{"items": ["\\udc00"]}', "items[0]: half of a UTF-16 pair"),
        ('{"\\ud800": 1}', "half of a UTF-16 pair"),
    ],
)
def test_a_damaged_json_file_is_a_spec_error(text: str, message: str) -> None:
    found = error_of(text, "f.json")

    assert message in found
    found.encode()


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert read_spec_text("f.json", '{"a": "\\ud83d\\ude00"}').data == {"a": "😀"}


def test_a_part_of_a_file_keeps_the_name_and_the_lines() -> None:
    file = read_spec_text("f.yaml", "a:\n  named:\n    x:\n      size: 3\n")

    with pytest.raises(SpecError, match=r"f\.yaml:3: named\.x\.colour: this field is required"):
        file.part("a").parse(Outer)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "population.yaml").write_bytes(b"a: \xff")

    for name, message in [
        ("populatoin.yaml", "no such file; did you mean"),
        ("nowhere/at/all.yaml", "there is no folder"),
        (".", "this is a folder"),
        ("population.yaml", "not UTF-8 text (byte 3)"),
        ("a\x00b", "cannot be read"),
    ]:
        with pytest.raises(SpecError) as caught:
            read_spec_file(tmp_path / name)
        assert message in str(caught.value)


def test_an_alias_bomb_is_refused_in_bounded_time() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]

    with pytest.raises(SpecError, match="aliases that expand"):
        read_spec_text("f.yaml", "\n".join(lines))


PIECES = st.sampled_from(
    [*"ab:-{}[]'\"&*!|>?,# \n\t0.", "<<", "!!", "...", "---", "*a", "&a", "\\ud800", "\ufeff", "\x85"]
)


@settings(max_examples=1500)
@given(pieces=st.lists(PIECES, max_size=14), name=st.sampled_from(["f.yaml", "f.json"]))
@example(pieces=["<<", ":", " ", "a"], name="f.yaml")
def test_any_text_is_data_or_a_spec_error(pieces: list[str], name: str) -> None:
    try:
        file = read_spec_text(name, "".join(pieces))
        file.parse(Outer)
    except SpecError as error:
        str(error).encode()
        return
    assert isinstance(file, SpecFile)


DATA: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([None, True, 1, 1.5, "", "x", 10**50]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["items", "named", "colour", "size", "Inner", "x", 1, None]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@settings(max_examples=1000)
@given(data=DATA)
@example(data={"items": {"Inner": 1}})
@example(data={1: 2})
def test_any_data_is_a_model_or_a_spec_error(data: Any) -> None:
    try:
        SpecFile("f", data, {}).parse(Outer)
    except SpecError as error:
        assert all(mistake.problem for mistake in error.mistakes)
