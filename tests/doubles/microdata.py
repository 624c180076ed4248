"""Invented microdata with the columns of a census sample: numbers, codes, blanks where nobody was asked, weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

HEAD = "schema: troupe_batch/population/1\nid: town\nsize: 1000\nseed: 3\n"
POPULATION = (
    HEAD
    + """\
seed_data: {path: people.csv, weight: PWGTP, source: invented}
dimensions:
  age: {type: record, column: AGEP, numeric: true, integer: true, bins: [0-17, 18-39, 40-64, 65-99]}
  sex: {type: record, column: SEX, labels: {1: male, 2: female}}
  schooling: {type: record, column: SCHL, labels: {1: none, 16: school, 21: degree, 24: degree}}
  work: {type: record, column: ESR, labels: {1: works, 3: looks for work, 6: does not}, missing: is a child}
  income: {type: record, column: PINCP, numeric: true}
"""
)


def microdata(count: int = 500, seed: int = 1) -> pd.DataFrame:
    """Records in which no child works or has a degree, nobody over 64 looks for work, and weights differ tenfold."""
    rng = np.random.default_rng(seed)
    age = rng.integers(0, 95, count)
    is_child = age < 18
    degree = rng.choice([16, 21, 24], count, p=[0.6, 0.3, 0.1])
    works = np.where(age > 64, rng.choice([1, 6], count, p=[0.1, 0.9]), rng.choice([1, 3, 6], count, p=[0.7, 0.1, 0.2]))
    return pd.DataFrame(
        {
            "SERIALNO": [f"2022GQ{number:07}" for number in range(count)],
            "AGEP": age,
            "SEX": rng.integers(1, 3, count),
            "SCHL": np.where(age < 6, 1, np.where(is_child, 16, degree)),
            "ESR": pd.Series(works, dtype="Int64").mask(is_child),
            "PINCP": np.where(is_child, 0.0, np.round(rng.lognormal(10, 1, count), 1)),
            "PWGTP": rng.integers(10, 101, count),
        }
    )


def write_csv(frame: pd.DataFrame, folder: Path) -> Path:
    """The records as `people.csv` of the folder."""
    frame.to_csv(folder / "people.csv", index=False)
    return folder / "people.csv"


def write_population(folder: Path, text: str = POPULATION) -> Path:
    """The population file beside its records."""
    (folder / "town.yaml").write_text(text, encoding="utf-8")
    return folder / "town.yaml"
