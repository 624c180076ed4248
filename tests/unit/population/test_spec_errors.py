"""Every mistake in a population file names its file, line, place and cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from troupe_batch.errors import SpecError
from troupe_batch.population import Population, PopulationSpec, load_population

HEAD = "schema: troupe_batch/population/1\nid: test\nsize: 100\n"
SEX = "  sex: {type: categorical, source: s, values: {f: 0.5, m: 0.5}}\n"


def message_of(folder: Path, text: str) -> str:
    path = folder / "pop.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load_population(path)
    return str(caught.value).replace(str(folder) + "/", "")


def dimension(lines: str) -> str:
    return f"{HEAD}dimensions:\n{SEX}{lines}"


CASES = {
    "a sum that looks like percents": (
        "  x: {type: categorical, source: s, values: {a: 50, b: 50}}\n",
        "pop.yaml:6: dimensions.x.values: the numbers sum to 100, not 1; these look like percents",
    ),
    "a sum off by rounding": (
        "  x: {type: categorical, source: s, unit: percent, values: {a: 9, b: 90}}\n",
        "sum to 99, not 100; if that is the source's rounding, write `on_sum: renormalize`",
    ),
    "cumulative categories": (
        "  x: {type: categorical, source: s, unit: percent, values: {a: 90, b: 35, c: 14}}\n",
        "sum to 139, not 100; correct them",
    ),
    "a negative share": (
        "  x:\n    type: categorical\n    source: s\n    values:\n      a: 1.5\n      b: -0.5\n",
        "pop.yaml:11: dimensions.x.values.b: -0.5 is negative",
    ),
    "not a number": (
        "  x:\n    type: categorical\n    source: s\n    values:\n      a: .nan\n      b: 1\n",
        "pop.yaml:10: dimensions.x.values.a: nan is no finite number",
    ),
    "text for a number": (
        "  x: {type: categorical, source: s, values: {a: 18.6%, b: 1}}\n",
        "a number belongs here, found '18.6%'",
    ),
    "true for a number": ("  x: {type: categorical, source: s, values: {a: yes}}\n", "a number belongs here"),
    "a category twice": (
        "  x:\n    type: categorical\n    source: s\n    values:\n      a: 0.5\n      a: 0.5\n",
        "pop.yaml:11: dimensions.x.values: `a` stands twice; remove one",
    ),
    "an unquoted null": (
        "  x: {type: categorical, source: s, categories: [null, true]}\n",
        'YAML reads null without quotes as nothing; write "null"',
    ),
    "all shares zero": ("  x: {type: categorical, source: s, values: {a: 0, b: 0}}\n", "the numbers sum to 0"),
    "no category": ("  x: {type: categorical, source: s, values: {}}\n", "there is no category here"),
    "no source": ("  x: {type: categorical, values: {a: 1}}\n", "dimensions.x.source: this field is required"),
    "an unknown type": ("  x: {type: categoric, source: s}\n", "categorical"),
    "an unknown field": (
        "  x: {type: categorical, source: s, value: {a: 1}}\n",
        "pop.yaml:6: dimensions.x.value: unknown field 'value'; did you mean `values`?",
    ),
    "a residual that is there": (
        "  x: {type: categorical, source: s, on_sum: residual:a, values: {a: 0.5, b: 0.5}}\n",
        "'a' has a share, yet `on_sum` makes it the residual",
    ),
    "no room for a residual": (
        "  x: {type: categorical, source: s, on_sum: residual:c, values: {a: 0.7, b: 0.5}}\n",
        "the others sum to 1.2, which leaves nothing for 'c'",
    ),
    "an unknown parent": (
        "  x: {type: categorical, source: s, given: sexx, table: {f: {a: 1}}}\n",
        "pop.yaml:6: dimensions.x.given: there is no dimension 'sexx'; did you mean `sex`?",
    ),
    "its own parent": (
        "  x: {type: categorical, source: s, given: x, table: {f: {a: 1}}}\n",
        "x cannot be its own parent",
    ),
    "a circle": (
        (
            "  x: {type: categorical, source: s, given: z, table: {a: {a: 1}}}\n"
            "  y: {type: categorical, source: s, given: x, table: {a: {a: 1}}}\n"
            "  z: {type: categorical, source: s, given: y, table: {a: {a: 1}}}\n"
        ),
        "pop.yaml:6: dimensions.x.given: the parents form a circle: x → z → y → x; take one",
    ),
    "a missing combination": (
        "  x: {type: categorical, source: s, given: sex, table: {f: {a: 1}}}\n",
        "dimensions.x.table: no row for sex=m; add a row for each, or one with `*`",
    ),
    "an unknown category of a parent": (
        (
            "  x:\n    type: categorical\n    source: s\n    given: sex\n    table:\n"
            "      - {when: {sex: f}, values: {a: 1}}\n      - {when: {sex: men}, values: {a: 1}}\n"
        ),
        "pop.yaml:12: dimensions.x.table[1]: sex has no category 'men'; known here: f, m",
    ),
    "a row with an unknown parent": (
        "  x: {type: categorical, source: s, given: sex, table: [{when: {age: f}, values: {a: 1}}]}\n",
        "'age' is not in `given` of x",
    ),
    "two rows for one combination": (
        (
            "  x: {type: categorical, source: s, given: sex,"
            " table: [{when: {sex: '*'}, values: {a: 1}}, {when: {}, values: {a: 1}}]}\n"
        ),
        "two rows speak for any",
    ),
    "a distribution whose table is empty": (
        "  x: {type: numeric, dist: normal, source: s, given: sex, table: {}}\n",
        "dimensions.x.table: no row for sex=f; sex=m; add a row for each, or one with `*` for all others",
    ),
    "a distribution whose table has no rows": (
        "  x: {type: numeric, dist: normal, source: s, given: sex, table: []}\n",
        "dimensions.x.table: no row for sex=f; sex=m; add a row for each",
    ),
    "a table with no rows": (
        "  x: {type: categorical, categories: [a, b], source: s, given: sex, table: {}}\n",
        "dimensions.x.table: no row for sex=f; sex=m; add a row for each",
    ),
    "a row with a wrong sum": (
        "  x: {type: categorical, source: s, given: sex, table: {f: {a: 0.5, b: 0.6}, m: {a: 1}}}\n",
        "row sex=f: the numbers sum to 1.1, not 1",
    ),
    "a table without parents": (
        "  x: {type: categorical, source: s, table: [{when: {}, values: {a: 1}}]}\n",
        "a table needs parents",
    ),
    "values with parents": (
        "  x: {type: categorical, source: s, given: sex, values: {a: 1}}\n",
        "values cannot depend on anything; write a `table`",
    ),
    "both values and table": (
        "  x: {type: categorical, source: s, given: sex, values: {a: 1}, table: {f: {a: 1}, m: {a: 1}}}\n",
        "exactly one of values, table belongs here, found values and table",
    ),
    "a category that is not listed": (
        "  x: {type: categorical, source: s, given: sex, categories: [a], table: {f: {a: 1}, m: {b: 1}}}\n",
        "'b' is not in `categories`",
    ),
    "a residual that is not listed": (
        "  x: {type: categorical, source: s, on_sum: residual:c, categories: [a], values: {a: 0.5}}\n",
        "dimensions.x.categories: 'c' is not in `categories`",
    ),
    "a value that is not listed": (
        "  x: {type: categorical, source: s, categories: [a], values: {a: 0.5, b: 0.5}}\n",
        "dimensions.x.categories: 'b' is not in `categories`",
    ),
    "overlapping bins": (
        "  x: {type: numeric, source: s, integer: true, bins: {18-30: 0.5, 30-40: 0.5}}\n",
        "dimensions.x.bins.30-40: the bins 18-30 and 30-40 overlap; whole numbers include both ends",
    ),
    "an empty bin": ("  x: {type: numeric, source: s, bins: {30-18: 1}}\n", "the bin '30-18' is empty"),
    "no bin": ("  x: {type: numeric, source: s, bins: {65+: 1}}\n", "'65+' is no bin; write its two ends"),
    "no bins at all": ("  x: {type: numeric, source: s, bins: {}}\n", "there is no category here"),
    "an unknown distribution": ("  x: {type: numeric, source: s, dist: gauss}\n", "dimensions.x.dist"),
    "a bad parameter": (
        "  x: {type: numeric, source: s, dist: normal, params: {mean: 1, std: 2}}\n",
        "normal has mean, std; its `params` are mean, sd",
    ),
    "parameters of bins": (
        "  x: {type: numeric, source: s, bins: {1-2: 1}, params: {mean: 1}}\n",
        "`params` belongs to a distribution",
    ),
    "a distribution as a parent": (
        (
            "  x: {type: numeric, source: s, dist: uniform, params: {low: 0, high: 1}}\n"
            "  y: {type: categorical, source: s, given: x, table: {a: {a: 1}}}\n"
        ),
        "x is a distribution without categories, so nothing can depend on it; give x `bins`",
    ),
    "a reserved name": ("  person_id: {type: categorical, source: s, values: {a: 1}}\n", "a column of its own"),
    "a name with a space": ("  house hold: {type: categorical, source: s, values: {a: 1}}\n", "cannot be the name"),
}


@pytest.mark.parametrize(("lines", "message"), CASES.values(), ids=CASES.keys())
def test_a_mistake_in_a_dimension_is_named(tmp_path: Path, lines: str, message: str) -> None:
    assert message in message_of(tmp_path, dimension(lines))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("schema: troupe_batch/population/2\nid: x\n", "schema"),
        (HEAD, "nobody is in this population"),
        ("schema: troupe_batch/population/1\nid: x\ndimensions:\n" + SEX, "`size` is required"),
        (HEAD.replace("100", "0") + "dimensions:\n" + SEX, "pop.yaml:3: size"),
        (
            HEAD.replace("100", "99999999") + "dimensions:\n" + SEX,
            "pop.yaml:3: size: 99,999,999 is too large; write a number from 1 to 10,000,000",
        ),
        (HEAD + "locale: xx_XX\ndimensions:\n" + SEX, "there are no names for the locale 'xx_XX'"),
        (HEAD + "sizes: 3\ndimensions:\n" + SEX, "pop.yaml:4: sizes: unknown field 'sizes'; did you mean `size`?"),
        (HEAD + "dimensions:\n" + SEX + "people: [a.agent.json]\n", "a.agent.json: no such file"),
        (HEAD + "people: [3]\n", "people[0]: the name of a file belongs here, found 3"),
        (HEAD + 'people: [{type: TinyPerson, persona: {name: "A"}}]\n', "size is 100 but `people` names 1"),
        (HEAD + "people: [{type: TinyPerson, persona: {}}]\n", "pop.yaml:4: persona.name: the persona has no name"),
        (
            HEAD
            + "dimensions:\n"
            + SEX
            + "persona:\n  fragments:\n    - file: {type: Fragment, persona: {sex: {a: 1}}}\n",
            "pop.yaml:8: persona.fragments[0]: cannot be merged: sex: the persona has text here",
        ),
    ],
)
def test_a_mistake_in_the_rest_of_the_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    assert message in message_of(tmp_path, text)


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    text = dimension(
        "  x: {type: categorical, source: s, values: {a: 0.4}}\n  y: {type: numeric, source: s, bins: {9-1: 1}}\n"
    )

    assert len(message_of(tmp_path, text).splitlines()) == 2


CSV_CASES = {
    "a wrong sum": ("sex,a,b\nf,0.5,0.5\nm,0.5,0.4\n", "x.csv, line 3: row sex=m: the numbers sum to 0.9"),
    "an empty cell": ("sex,a,b\nf,0.5,\nm,0.5,0.5\n", "x.csv:2: b: the cell is empty; write 0"),
    "a word for a number": ("sex,a,b\nf,0.5,half\nm,1,0\n", "x.csv:2: b: 'half' is no number"),
    "not a number": ("sex,a,b\nf,0.5,nan\nm,1,0\n", "x.csv:2: b: 'nan' is no number"),
    "no column for the parent": ("gender,a\nf,1\n", "x.csv:1: there is no column for the parent 'sex'"),
    "a column twice": ("sex,a,a\nf,1,0\n", "the column 'a' stands twice"),
    "uneven rows": ("sex,a,b\nf,1\n", "x.csv:2: 2 cells, the header has 3"),
    "no rows": ("sex,a\n# nothing\n", "the table has no rows"),
    "an unknown category": ("sex,a\nf,1\nwomen,1\n", "x.csv, line 3: sex has no category 'women'"),
    "a missing combination": ("sex,a\nf,1\n", "no row for sex=m"),
    "the same twice, long": ("sex,x,share\nf,a,1\nf,a,1\n", "x.csv:3: x: 'a' stands twice for the same parents"),
    "long without numbers": ("sex,x\nf,a\n", "one column must hold the numbers; name it share or percent or count"),
}


@pytest.mark.parametrize(("table", "message"), CSV_CASES.values(), ids=CSV_CASES.keys())
def test_a_mistake_in_a_csv_table_is_named(tmp_path: Path, table: str, message: str) -> None:
    (tmp_path / "x.csv").write_text(table, encoding="utf-8")

    found = message_of(tmp_path, dimension("  x: {type: categorical, source: s, given: sex, table: x.csv}\n"))

    assert message in found


def test_a_missing_csv_file_is_named_with_one_that_is_near(tmp_path: Path) -> None:
    (tmp_path / "educ.csv").write_text("", encoding="utf-8")

    found = message_of(tmp_path, dimension("  x: {type: categorical, source: s, given: sex, table: edu.csv}\n"))

    assert "edu.csv: no such file; did you mean educ.csv?" in found


@pytest.mark.parametrize(
    "table",
    [
        "sex,a,b\nf,0.5,0.5\nm,0.2,0.8\n",
        "# wide\nsex , a , b\nf,0.5,0.5\nm,0.2,0.8\n",
        "x,sex,share\na,f,0.5\nb,f,0.5\na,m,0.2\nb,m,0.8\n",
        "sex,a,b\n*,0.5,0.5\nm,0.2,0.8\n",
    ],
)
def test_wide_and_long_tables_say_the_same(tmp_path: Path, table: str) -> None:
    (tmp_path / "x.csv").write_text(table, encoding="utf-8")
    (tmp_path / "pop.yaml").write_text(
        dimension("  x: {type: categorical, source: s, given: sex, table: x.csv}\n"), encoding="utf-8"
    )

    people = load_population(tmp_path / "pop.yaml").population

    counts = {(m.dimension, m.category): m.realised_count for m in people.margins()}
    assert counts["x", "a"] == 35
    assert ".csv" not in people.spec.to_json()


def test_a_spec_built_in_python_is_checked_too() -> None:
    spec = PopulationSpec.model_validate(
        {
            "schema": "troupe_batch/population/1",
            "id": "from-python",
            "size": 10,
            "dimensions": {"a": {"type": "categorical", "source": "s", "values": {"x": 0.5, "y": 0.4}}},
        }
    )

    with pytest.raises(SpecError, match=r"from-python: dimensions\.a\.values: the numbers sum to 0\.9"):
        Population(spec)


def test_a_json_file_says_the_same_and_has_lines_too(tmp_path: Path) -> None:
    text = (
        '{"schema": "troupe_batch/population/1", "id": "x", "size": 10,\n "dimensions": {"a": {"type":\n'
        ' "categorical", "source": "s", "values":\n {"x": 0.5,\n "y": 0.4}}}}'
    )
    (tmp_path / "p.json").write_text(text, encoding="utf-8")

    with pytest.raises(SpecError, match=r"p\.json:3: dimensions\.a\.values: the numbers sum to 0\.9"):
        load_population(tmp_path / "p.json")


def test_too_many_combinations_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    many = ", ".join(f"c{i}: 1" for i in range(300))
    lines = "".join(
        f"  {name}: {{type: categorical, source: s, unit: count, values: {{{many}}}}}\n" for name in ("p", "q", "r")
    )
    child = "  x: {type: categorical, source: s, given: [p, q, r], table: [{when: {}, values: {a: 1}}]}\n"

    assert "27,000,000 combinations of parents" in message_of(tmp_path, dimension(lines + child))
