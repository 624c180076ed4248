"""What YAML misreads and numbers out of range are told in the words of whoever wrote the file, with the cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from troupe_batch.errors import SpecError
from troupe_batch.population import Population, PopulationSpec, load_population
from troupe_batch.spec_files import read_spec_text

CHARACTERS = "short name: letters, digits, and after the first one also `.`, `_` or `-`, at most 100"
TOWN = """schema: troupe_batch/population/1
id: town
size: 100
seed: 3
dimensions:
  x: {type: categorical, source: s, values: {a: 0.5, b: 0.5}}
persona:
  fragments:
    - {file: {type: Fragment, persona: {beliefs: [y]}}, share: 0.5}
"""


def told(old: str, new: str) -> str:
    assert old in TOWN
    with pytest.raises(SpecError) as caught:
        read_spec_text("town.yaml", TOWN.replace(old, new)).parse(PopulationSpec)
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("size: 100", "size: 0", "3: size: 0 is too small; write a number from 1 to 10,000,000"),
        ("size: 100", "size: 1e12", "3: size: 1e12 is too large; write a number from 1 to 10,000,000"),
        ("size: 100", "size: 2.5e-1", "3: size: a whole number belongs here (found 2.5e-1)"),
        ("seed: 3", "seed: -3", "4: seed: -3 is too small; write 0 or more"),
        ("seed: 3", f"seed: {2**63}",
         "4: seed: 9,223,372,036,854,775,808 is too large; write a number below 9,223,372,036,854,775,808"),
        ("share: 0.5", "share: 50",
         "9: persona.fragments[0].share: 50 is too large; write a share from 0 to 1; 50 percent is 0.5"),
        ("share: 0.5", "share: 12.5",
         "9: persona.fragments[0].share: 12.5 is too large; write a share from 0 to 1; 12.5 percent is 0.125"),
        ("share: 0.5", "share: 500",
         "9: persona.fragments[0].share: 500 is too large; write a number from 0 to 1"),
        ("id: town", "id: My Town!", f"2: id: 'My Town!' does not fit here; {CHARACTERS}"),
        ("values: {a: 0.5, b: 0.5}", "categories: [True, b]",
         '6: dimensions.x.categories[0]: YAML reads True without quotes as a truth value; write "True"'),
        ("values: {a: 0.5, b: 0.5}", "given: [z], table: [{when: {z: ~}, values: {a: 1}}]",
         '6: dimensions.x.table[0].when.z: YAML reads ~ without quotes as nothing; write "~"'),
        ("{a: 0.5, b: 0.5}", "{a: 50%, b: 0.5}", "6: dimensions.x.values.a: a number belongs here, found '50%'"),
        ("{a: 0.5, b: 0.5}", "{a: 1e999, b: 0.5}", "6: dimensions.x.values.a: inf is no finite number"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_plain_words(old: str, new: str, message: str) -> None:
    assert told(old, new) == f"town.yaml:{message}"


def test_json_has_no_words_that_look_like_labels() -> None:
    text = '{"schema": "troupe_batch/population/1", "id": "t", "size": 9, "names": {"by": false}}'
    with pytest.raises(SpecError) as caught:
        read_spec_text("t.json", text).parse(PopulationSpec)

    assert str(caught.value) == "t.json:1: names.by: False is read as a truth value here; put the label in quotes"


@pytest.mark.parametrize("written", ["1e-3", "1E-3", ".1e-2", "0.001", "+1.e-3"])
def test_numbers_with_an_exponent_are_numbers_and_change_no_digest(written: str) -> None:
    def spec(share: str) -> PopulationSpec:
        text = TOWN.replace("{a: 0.5, b: 0.5}", f"{{a: 0.999, b: {share}}}").replace("size: 100", "size: 1e3")
        return read_spec_text("town.yaml", text).parse(PopulationSpec)

    assert spec(written).digest == spec("0.001").digest
    assert (spec(written).size, Population(spec(written)).size) == (1_000, 1_000)


HEAD = "schema: troupe_batch/population/1\nid: t\nsize: 100\ndimensions:\n"
SEX = "  sex: {type: categorical, source: s, values: {f: 0.5, m: 0.5}}\n"
ROWS = ("f,a,{0}", "f,b,{1}", "m,a,{2}", "m,b,{3}")


@pytest.mark.parametrize(
    ("column", "further", "numbers"),
    [
        ("percent", "", (60, 40, 30, 70)),
        ("count", "", (600, 400, 30, 70)),
        ("share", "", (0.6, 0.4, 0.3, 0.7)),
        ("share", ", unit: count", (6, 4, 30, 70)),
    ],
)
def test_the_column_of_numbers_is_the_unit_where_the_file_names_none(
    tmp_path: Path, column: str, further: str, numbers: tuple[float, ...]
) -> None:
    rows = "\n".join(ROWS).format(*numbers)
    (tmp_path / "x.csv").write_text(f"sex,x,{column}\n{rows}\n", encoding="utf-8")
    line = f"  x: {{type: categorical, source: s, given: sex, table: x.csv{further}}}\n"
    (tmp_path / "t.yaml").write_text(HEAD + SEX + line, encoding="utf-8")

    margins = {m.category: m.target for m in load_population(tmp_path / "t.yaml").population.margins()}

    assert margins["a"] == pytest.approx((0.6 + 0.3) / 2)


def test_a_control_takes_its_unit_from_its_column_and_what_the_file_says_wins(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("sex,percent\nf,50\nm,50\n", encoding="utf-8")
    control = "controls:\n  - {dims: sex, table: c.csv, source: s}\n"
    path = tmp_path / "t.yaml"
    path.write_text(HEAD + SEX + control, encoding="utf-8")

    assert load_population(path).spec.controls[0].unit == "percent"
    path.write_text(HEAD + SEX + control.replace("source", "unit: share, source"), encoding="utf-8")
    with pytest.raises(
        SpecError, match=r"the cells sum to 100, not 1.*these look like percents: write `unit: percent`"
    ):
        load_population(path)
