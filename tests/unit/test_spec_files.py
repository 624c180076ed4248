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
        ("a: &x [*x]", "f.yaml:1: the alias `*x` contains itself"),
        ("a: *x", "f.yaml:1: there is no anchor `&x` above"),
        ("<<: 1", "f.yaml:1: `<<` merges groups of keys"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2: a second document begins here"),
        ("a: " + "[" * 2_000_000, "f.yaml:1: nested too deeply"),
        ("{a: " * 500_000, "f.yaml:1: nested too deeply"),
        ("- " * 500_000, "f.yaml:1: nested too deeply"),
        ("a: " + "[" * 500 + "]" * 500, "nested too deeply"),
        ("a: " + "9" * 5000, "f.yaml:1: a number of more than 400 digits"),
        ('a: "\\ud83d"', "f.yaml:1: "),
        ("a: !!int x", "f.yaml:1: 'x' does not fit its YAML tag `!!int`; remove the tag"),
        ("a: !!int []", "f.yaml"),
        ("a: !!python/object/apply:os.getcwd []", "f.yaml:1: not valid YAML: the tag `!!python"),
        ("a: !!timestamp 2024-01-01", "f.yaml:1: not valid YAML: the tag `!!timestamp` has no meaning here; remove it"),
        ("a: \x07", "f.yaml"),
        ("named: {x: {color: red}}", "f.yaml:1: named.x.color: unknown field 'color'; did you mean `colour`?"),
        ("named:\n  x:\n    size: 3\n", "f.yaml:2: named.x.colour: this field is required; add `colour:`"),
        ("items:\n  - 1\n  - colour: red\n    size: big\n", "f.yaml:4: items[1].size"),
        ("1: 2", "f.yaml"),
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
        ("[" * 150 + "]" * 150, "nested too deeply"),
        ('{"a":' * 150 + "1" + "}" * 150, "nested too deeply"),
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


@pytest.mark.parametrize(
    ("first", "form"), [("[x, x, x, x, x, x, x, x, x, x]", "[{}]"), ("{x: 1}", "{{<<: [{}]}}"), ("x", "{{k: [{}]}}")]
)
def test_bombs_of_aliases_and_merges_are_refused_before_they_are_built(first: str, form: str) -> None:
    lines = [f"a0: &a0 {first}"]
    lines += [f"a{i}: &a{i} {form.format(', '.join([f'*a{i - 1}'] * 10))}" for i in range(1, 12)]

    with pytest.raises(SpecError, match="aliases that expand to more than 50,000 values"):
        read_spec_text("f.yaml", "\n".join(lines))


def test_aliases_and_merges_are_what_they_name() -> None:
    text = """
    scale: &scale [1, 2]
    inner: &inner {deep: &deep {a: 1, scale: *scale}, b: 2}
    one: *inner
    two: {<<: *deep, a: 3}
    three: {<<: [{x: 1, y: 1}, {x: 2, z: 2}], y: 5}
    scale2: &scale [9]
    four: *inner
    """

    data = read_spec_text("f.yaml", text).data

    inner = {"deep": {"a": 1, "scale": [1, 2]}, "b": 2}
    assert data["one"] == data["inner"] == data["four"] == inner
    assert data["two"] == {"a": 3, "scale": [1, 2]}
    assert data["three"] == {"x": 1, "y": 5, "z": 2}


def test_thousands_of_mistakes_are_told_as_the_first_and_a_count() -> None:
    text = "".join(f"key{number}: 1\n" for number in range(2_000))

    with pytest.raises(SpecError) as caught:
        read_spec_text("f.yaml", text).parse(Outer)

    assert len(caught.value.mistakes) == 50
    assert str(caught.value).splitlines()[0].startswith("f.yaml:1: key0: unknown field")
    assert str(caught.value).splitlines()[-1] == "f.yaml: and 1,950 more mistakes"


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
