"""`troupe population compile`, as a user types it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from troupe_batch.cli.main import run_command
from troupe_batch.errors import SpecError
from troupe_batch.population import load_population

DEMOGRAPHY: dict[str, Any] = {
    "title": "Testland",
    "source": "Office of Testland",
    "content": {
        "Age": {"0-17": "20%", "18-64": "60%", "65+": "20%"},
        "Sex": {"Female": "50%", "Male": "50%"},
        "Party": {"Reds": "60%", "Blues": "60%"},
        "Mood": {"Good": "60%", "Bad": "40%"},
    },
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("OPENAI_API_KEY", "AZURE_OPENAI_KEY", "AZURE_OPENAI_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "land.json").write_text(json.dumps(DEMOGRAPHY), encoding="utf-8")
    return tmp_path


def compiles(*arguments: str) -> int:
    return run_command(["population", "compile", *arguments])


def test_the_file_lands_beside_the_demography_and_the_report_on_stdout(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compiles("land.json", "--size", "300", "--seed", "5") == 0

    spec = load_population(here / "land.yaml").spec
    assert (spec.id, spec.size, spec.seed) == ("land", 300, 5)
    assert list(spec.dimensions) == ["age", "sex", "mood"]
    shown = capsys.readouterr()
    assert "sum to 120" in shown.out
    assert "troupe population land.yaml" in shown.err
    assert "sum to 120" not in (here / "land.yaml").read_text()


def test_nothing_is_overwritten_without_force(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "land.yaml").write_text("precious")

    assert compiles("land.json") == 2
    assert (here / "land.yaml").read_text() == "precious"
    assert "--force" in capsys.readouterr().err
    assert compiles("land.json", "--force") == 0
    assert load_population(here / "land.yaml").spec.id == "land"


def test_the_report_can_go_to_a_file_or_be_json(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compiles("land.json", "--to", "a.yaml", "--report", "report.txt") == 0
    assert capsys.readouterr().out == ""
    assert "LEFT OUT" in (here / "report.txt").read_text()

    assert compiles("land.json", "--to", "b.yaml", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["dimensions"] == ["age", "sex", "mood"]
    assert [e["places"] for e in told["entries"] if e["outcome"] == "left out"] == [["Party > Reds", "Party > Blues"]]


def test_what_is_kept_is_ones_own_choice(here: Path) -> None:
    options = ("--ages", "0-80", "--overlaps", "normalize", "--without", "Mood", "--locale", "de_DE")

    assert compiles("land.json", *options) == 0

    spec = load_population(here / "land.yaml").spec
    assert list(spec.dimensions) == ["age", "sex", "party"]
    assert list(yaml.safe_load((here / "land.yaml").read_text())["dimensions"]["age"]["bins"]) == [
        "0-17",
        "18-64",
        "65-80",
    ]
    assert spec.locale == "de_DE"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name a demography file"),
        (("land.json", "--from-text", "notes.txt"), "not both"),
        (("land.json", "--ages", "old"), "18-99"),
        (("land.json", "--ages", "60-20"), "cannot be kept"),
        (("nowhere.json",), "no such file"),
        (("land.json", "--to", "a.json"), "ends in .yaml"),
        (("land.json", "--to", "nowhere/a.yaml"), "no folder nowhere"),
        (("land.json", "--locale", "xx"), "locale"),
        (("empty.json",), "empty.json: this is no demography"),
        (("--from-text", "blank.txt"), "no text"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(
    here: Path, arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "empty.json").write_text("{}")
    (here / "blank.txt").write_text(" \n")

    assert compiles(*arguments) == 2

    assert message in capsys.readouterr().err
    assert not list(here.glob("*.yaml"))


def test_prose_is_proposed_over_http_and_never_drawn_from(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "notes.txt").write_text("Half of the village are women. 20 percent fish.")

    assert compiles("--from-text", "notes.txt", "--to", "village.yaml", "--size", "50", "--rehearse") == 0

    shown = capsys.readouterr()
    assert "remove `proposed: true`" in shown.err
    written = yaml.safe_load((here / "village.yaml").read_text())
    assert (written["proposed"], written["size"], written["id"]) == (True, 50, "village")
    sources = [line for one in written["dimensions"].values() for line in one["source"]]
    assert sources
    assert all(line.startswith("assumption: not in the text") for line in sources)
    with pytest.raises(SpecError, match="proposed"):
        load_population(here / "village.yaml")
    accepted = "\n".join(line for line in (here / "village.yaml").read_text().splitlines() if line != "proposed: true")
    (here / "village.yaml").write_text(accepted)
    assert load_population(here / "village.yaml").population.size == 50


def test_prose_may_come_from_stdin(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("20 percent of them fish."))

    assert compiles("--from-text", "-", "--rehearse") == 0
    assert (here / "proposed.yaml").exists()


def test_without_a_key_nothing_is_proposed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "notes.txt").write_text("20 percent of them fish.")

    assert compiles("--from-text", "notes.txt") == 2
    assert "OPENAI_API_KEY" in capsys.readouterr().err
    assert not (here / "notes.yaml").exists()


def test_tinytroupes_own_demography_compiles(
    here: Path, tinytroupe_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compiles(str(tinytroupe_files / "usa.json"), "--to", "usa.yaml", "--json") == 0

    told = json.loads(capsys.readouterr().out)
    spec = load_population(here / "usa.yaml").spec
    expected = ["age", "gender", "race_and_ethnicity", "education", "household_income", "geographic_area", "region"]
    expected += ["marital_status", "employment_status", "religion", "occupation", "hobby_reading", "abortion_legality"]
    assert set(expected) <= set(spec.dimensions)
    assert len(spec.dimensions) == 48
    assert spec.dimensions["country"].model_dump()["values"] == [["United States", 100.0]]
    assert spec.locale == "en_US"
    left_out = {place.split(" > ")[-2] for e in told["entries"] if e["outcome"] == "left out" for place in e["places"]}
    assert {"Political Affiliation", "Viewed as Top Policy Priority", "Extraversion"} <= left_out
    data = json.loads((tinytroupe_files / "usa.json").read_text(encoding="utf-8"))
    assert sum(told["values"].values()) == _values_in(data["content"]) == 184
    assert any("not an official statistic" in finding["problem"] for finding in told["findings"])


def _values_in(content: Any) -> int:
    return sum(map(_values_in, content.values())) if isinstance(content, dict) else 1


@pytest.mark.parametrize("option", ["--to", "--report"])
@pytest.mark.parametrize("name", ["taken.yaml", f"{'a' * 300}.yaml"])
def test_a_place_that_cannot_be_written_is_told_before_a_model_is_asked(
    here: Path, option: str, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_: object, **__: object) -> None:
        raise AssertionError("a model was asked")

    monkeypatch.setattr("troupe_batch.cli.population.compile.propose_population", asked)
    (here / "taken.yaml").mkdir()
    (here / "notes.txt").write_text("20 percent of them fish.")

    assert compiles("--from-text", "notes.txt", option, name, "--force", "--rehearse") == 2

    assert f"{name}: cannot be written: " in capsys.readouterr().err
    assert sorted(one.name for one in here.iterdir()) == ["land.json", "notes.txt", "taken.yaml"]


def test_a_place_that_is_lost_while_a_model_writes_is_told(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)

    assert compiles("land.json") == 2
    assert "land.yaml: cannot be written: No space left on device" in capsys.readouterr().err
    assert not (here / "land.yaml").exists()
