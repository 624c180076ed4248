"""What docs/joint_distributions.md shows loads, and is what it says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.doubles.population_files import model_of

PROJECT = Path(__file__).resolve().parents[3]
GUIDE = (PROJECT / "docs" / "joint_distributions.md").read_text(encoding="utf-8")
FENCES = re.findall(r"```yaml\n(.*?)```", GUIDE, flags=re.DOTALL)


def test_the_population_of_the_guide_is_fitted_as_the_guide_says() -> None:
    (text,) = FENCES

    model = model_of(text, head="")

    (component,) = model.components
    column = {name: component.cells.codes[:, i] for i, name in enumerate(component.cells.names)}
    labels = {factor.name: factor.labels for factor in model.factors}
    physician = column["work"] == labels["work"].index("physician")
    assert set(column["education"][physician].tolist()) == {labels["education"].index("college")}
    assert labels["age"].index("18-24") not in column["age"][physician]
    assert model.open_constraints == ("not (work == 'physician' and age < 27)",)
    for control in component.controls:
        fitted = np.bincount(control.groups, component.population_probs)
        assert fitted == pytest.approx(control.target, rel=1e-8)
    assert model.population_marginals["sex"] == pytest.approx([0.52, 0.48])
    assert model.marginals["age_band"] == pytest.approx([0.5, 0.5])


def test_what_the_guide_tells_of_tables_that_are_bent_is_found() -> None:
    places = {finding.place for finding in model_of(FENCES[0], head="").findings}

    assert places == {"dimensions.education.table"}
