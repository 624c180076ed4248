"""Premise: the text that all prompts of an arm have in common, and the templates behind what people read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import orjson

from troupe_batch import simulation
from troupe_batch.simulation.judging.quality import ACT_CLAIMS
from troupe_batch.simulation.judging.standard_propositions import STANDARD_PROPOSITIONS
from troupe_batch.simulation.templates import Templates, digests_in
from troupe_batch.studies.arms import Arm
from troupe_batch.studies.questions.templates import QUESTION

TEMPLATES = Templates(Path(__file__).parent / "prompts", "studies")


def premises(introduction: str | None, arms: Sequence[Arm]) -> Mapping[str | None, str]:
    """Arm -> the occasion and the material of the arm; under None where there are no arms."""
    materials: dict[str | None, str | None] = {arm.id: arm.material for arm in arms}
    return {
        arm: TEMPLATES.render("premise.md", introduction=introduction, material=material)
        for arm, material in (materials or {None: None}).items()
    }


@lru_cache(maxsize=1)
def prompt_digests() -> Mapping[str, str]:
    """SHA-256 (hex) of each template that people who act and their judges can meet, and of their claims, by name."""
    folder = Path(simulation.__file__).parent
    acting = {
        name: digest
        for below in sorted(folder.rglob("prompts"))
        for name, digest in digests_in(below, below.parent.relative_to(folder.parent).as_posix()).items()
    }
    standard = {one.name: one.claim for one in STANDARD_PROPOSITIONS}
    claims = {
        "simulation/act_claims": _digest_of(ACT_CLAIMS),
        "simulation/standard_propositions": _digest_of(standard),
    }
    return {**acting, **TEMPLATES.digests, **QUESTION.digests, **claims}


def _digest_of(claims: Mapping[str, str]) -> str:
    return hashlib.sha256(orjson.dumps(dict(claims))).hexdigest()
