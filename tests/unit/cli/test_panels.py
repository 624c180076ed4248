"""`troupe population freeze` and `profile` as a user types them, without a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.doubles.panels import POPULATION
from troupe_batch.cli.main import run_command
from troupe_batch.results.panel import Panel

Said = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    write("forty.yaml")
    return tmp_path


def write(name: str, **changes: Any) -> None:
    Path(name).write_text(yaml.safe_dump({**POPULATION, **changes}, sort_keys=False), encoding="utf-8")


def freeze(*further: str, file: str = "forty.yaml", to: str = "panel.parquet") -> int:
    return run_command(["population", "freeze", file, "--to", to, *further])


def test_people_are_frozen_and_said_to_be(capsys: Said) -> None:
    assert freeze("--people", "30") == 0

    said = capsys.readouterr()
    info = Panel.at(Path("panel.parquet")).info
    assert said.out == "panel.parquet\n"
    assert f"panel of 30 people (facts only), digest {info.digest[:16]}" in said.err
    assert freeze("--json") == 0
    assert json.loads(capsys.readouterr().out)["panel"]["people"] == 40


@pytest.mark.parametrize(
    ("further", "to", "problem"),
    [
        (("--people", "41"), "panel.parquet", "--people 41: the population forty has 40"),
        ((), "panel.csv", "panel.csv: a panel is a file such as panel.parquet in a folder that is there"),
        ((), "no/such/panel.parquet", "a panel is a file such as panel.parquet in a folder that is there"),
        (("--enrich", "bio"), "panel.parquet", "no model can be called: set OPENAI_API_KEY"),
    ],
)
def test_what_cannot_be_frozen_is_told_and_leaves_nothing(
    capsys: Said, further: tuple[str, ...], to: str, problem: str, here: Path
) -> None:
    assert freeze(*further, to=to) == 2

    assert problem in capsys.readouterr().err
    assert not list(here.rglob("*panel*"))


def test_the_prose_that_the_population_asks_for_can_be_left_out(capsys: Said) -> None:
    write("prose.yaml", persona={"enrich": "bio"})

    assert freeze(file="prose.yaml") == 2
    assert "OPENAI_API_KEY" in capsys.readouterr().err
    assert freeze("--enrich", "none", file="prose.yaml") == 0


def test_a_plan_says_which_panel_it_takes(capsys: Said) -> None:
    freeze("--people", "30")
    questions = [{"id": "why", "type": "open", "text": "Why?"}]
    job = {"id": "asked", "population": "panel.parquet", "people": 20, "study": {"questions": questions}}
    Path("job.yaml").write_text(yaml.safe_dump(job), encoding="utf-8")
    capsys.readouterr()

    assert run_command(["plan", "job.yaml"]) == 0
    shown = capsys.readouterr().out
    digest = Panel.at(Path("panel.parquet")).info.digest
    assert "20 of 30 of forty" in shown
    assert f"{digest[:16]}: 30 people, facts only" in shown
    assert run_command(["plan", "job.yaml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["panel"]["digest"] == digest


def profile(capsys: Said, *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert run_command(["population", "profile", *arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_people_are_compared_with_their_targets(capsys: Said) -> None:
    freeze()

    for reference in ("panel.parquet", "forty.yaml"):
        found = profile(capsys, reference)
        assert (found["people"], found["against"], found["beyond_noise"]) == (40, "targets", [])
        region = found["attributes"]["region"]
        assert region["counts"] == {"North": 20, "South": 20}
        assert region["compared"] == {"North": {"here": 0.5, "there": 0.5}, "South": {"here": 0.5, "there": 0.5}}
        assert found["attributes"]["age"]["compared"]["18-39"]["there"] == pytest.approx(0.4)
        # A distribution has no categories to be compared in.
        assert "compared" not in found["attributes"]["height"]
        assert 140 <= found["attributes"]["height"]["figures"]["mean"] <= 210


def test_people_are_compared_with_others_and_what_differs_is_flagged(capsys: Said) -> None:
    freeze()
    northern = {"type": "categorical", "values": {"North": 0.95, "South": 0.05}, "source": "invented"}
    write("north.yaml", size=400, dimensions={**POPULATION["dimensions"], "region": northern})

    found = profile(capsys, "panel.parquet", "--against", "north.yaml")

    assert (found["against"], found["beyond_noise"]) == ("north.yaml", ["region"])
    assert found["attributes"]["region"]["distance"] == pytest.approx(0.45)
    assert profile(capsys, "panel.parquet", "--against", "panel.parquet")["beyond_noise"] == []
    assert run_command(["population", "profile", "panel.parquet", "--against", "north.yaml"]) == 0
    said = capsys.readouterr()
    assert "further from north.yaml than chance: region" in said.err
    assert "mean" in said.out


def test_against_a_file_only_the_people_on_this_side_have_noise(capsys: Said) -> None:
    freeze()
    ages = {"type": "numeric", "integer": True, "bins": {"18-29": 0.5, "30-90": 0.5}, "source": "invented"}
    write("young.yaml", size=60, dimensions={**POPULATION["dimensions"], "age": ages})

    region, age, height = (
        profile(capsys, "panel.parquet", "--against", "young.yaml")["attributes"][n]
        for n in ("region", "age", "height")
    )
    against_people = profile(capsys, "panel.parquet", "--against", "panel.parquet")["attributes"]

    assert region["noise"] == pytest.approx(profile(capsys, "forty.yaml")["attributes"]["region"]["noise"])
    assert region["noise"] < against_people["region"]["noise"]
    # The shares of the file, to the last digit, in its own bins; a distribution has none, so people are compared.
    assert {value: one["there"] for value, one in age["compared"].items()} == pytest.approx(
        {"18-29": 0.5, "30-90": 0.5}
    )
    assert len(height["compared"]) > 2


def test_numbers_are_counted_in_the_bins_of_the_file(capsys: Said) -> None:
    freeze()
    write("more.yaml", size=80, seed=9)
    freeze(file="more.yaml", to="more.parquet")

    for further in ((), ("--against", "more.parquet"), ("--against", "more.yaml")):
        age = profile(capsys, "panel.parquet", *further)["attributes"]["age"]
        assert age["counts"] == {"18-39": 16, "40-90": 24}
        assert age["compared"]["18-39"] == pytest.approx({"here": 0.4, "there": 0.4})


def test_people_outside_of_the_bins_are_counted_too(capsys: Said) -> None:
    freeze()
    ages = {"type": "numeric", "integer": True, "bins": {"10-17": 0.5, "91-95": 0.5}, "source": "invented"}
    write("others.yaml", dimensions={**POPULATION["dimensions"], "age": ages})
    freeze(file="others.yaml", to="others.parquet")

    age = profile(capsys, "panel.parquet", "--against", "others.parquet")["attributes"]["age"]

    assert age["compared"] == {
        "18-39": {"here": 0.4, "there": 0.0},
        "40-90": {"here": 0.6, "there": 0.0},
        "below 18": {"here": 0.0, "there": 0.5},
        "above 91": {"here": 0.0, "there": 0.5},
    }


JOB = {"schema": "troupe_batch/job/1", "id": "j", "population": "forty.yaml", "study": {}}


@pytest.mark.parametrize("doing", ["profile", "freeze"])
@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("job.yaml", JOB, "this is a job file; {doing} forty.yaml, or plan the job with `troupe plan job.yaml`"),
        ("ana.json", {"type": "TinyPerson"}, "this is one TinyPerson; name it in the `people:` of a population file"),
        (
            "usa.json",
            {"title": "USA", "content": {}},
            "if it is a TinyTroupe demography, make a population of it with `troupe population compile usa.json`",
        ),
    ],
)
def test_other_files_are_told_by_what_they_are(
    capsys: Said, doing: str, name: str, content: dict[str, Any], problem: str
) -> None:
    Path(name).write_text(json.dumps(content), encoding="utf-8")
    to = ["--to", "panel.parquet"] if doing == "freeze" else []

    assert run_command(["population", doing, name, *to]) == 2

    said = " ".join(capsys.readouterr().err.split())
    assert problem.format(doing=doing) in said
    assert "unknown field" not in said


def test_only_the_first_people_are_profiled_on_request(capsys: Said) -> None:
    assert profile(capsys, "forty.yaml", "--people", "7")["people"] == 7
    assert run_command(["population", "profile", "forty.yaml", "--people", "41"]) == 2
    assert "--people 41: forty.yaml has 40" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("reference", "problem"),
    [("no-such-run", "no such file, and no run of that name"), ("none.parquet", "no such file"), ("no.yaml", "no")],
)
def test_what_cannot_be_profiled_is_told(capsys: Said, reference: str, problem: str) -> None:
    assert run_command(["population", "profile", reference]) == 2
    assert problem in capsys.readouterr().err


def test_a_panel_is_not_frozen_again(capsys: Said) -> None:
    freeze()

    assert freeze(file="panel.parquet", to="again.parquet") == 2
    assert "panel.parquet: this is a panel already; name it as the `population` of a job" in capsys.readouterr().err


def test_what_prose_takes_is_said_before_anything_is_asked(capsys: Said) -> None:
    assert freeze("--enrich", "bio") == 2

    said = capsys.readouterr().err
    assert "estimate: 80 calls to " in said
    assert said.index("estimate:") < said.index("OPENAI_API_KEY")


def test_facts_of_a_run_keep_their_own_names(capsys: Said) -> None:
    shares = {"type": "categorical", "values": {"yes": 0.5, "no": 0.5}, "source": "invented"}
    write("named.yaml", size=4, dimensions={"fact_checked": shares})
    questions = [{"id": "why", "type": "open", "text": "Why?"}]
    job = {"id": "asked", "population": "named.yaml", "study": {"questions": questions}}
    Path("job.yaml").write_text(yaml.safe_dump(job), encoding="utf-8")
    assert run_command(["run", "job.yaml", "--rehearse", "--inline", "--json"]) == 0

    found = profile(capsys, "asked-rehearsal")

    assert set(found["attributes"]) == {"fact_checked"}
    assert all(one["compared"] for one in found["attributes"].values())
