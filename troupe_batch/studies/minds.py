"""Minds of a unit: what its people think with, and the premise that all prompts of an arm have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import orjson

from troupe_batch import simulation
from troupe_batch.llm.chat import ChatModel
from troupe_batch.simulation.judging.quality import ACT_CLAIMS
from troupe_batch.simulation.judging.standard_propositions import STANDARD_PROPOSITIONS
from troupe_batch.simulation.mind import Mind
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.templates import Templates, digests_in
from troupe_batch.studies.cases import Arm
from troupe_batch.studies.questions.form import QUESTION
from troupe_batch.studies.study import Draws, Unit, UnitSettings

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


def mind_of(
    unit: Unit,
    settings: UnitSettings,
    model: ChatModel,
    premises: Mapping[str | None, str],
    person: TinyPerson | None = None,
) -> Mind:
    """A new mind for the unit, or for one person of it; two name their draws alike and keep their calls apart.

    `premises` are those of all arms, by arm.
    """
    return Mind(
        model,
        settings.endpoint,
        parameters=settings.parameters,
        settings=settings.minds,
        reasoning=settings.reasoning,
        embedding=settings.embedding,
        sample=settings.sample_of(unit),
        shares_draws=settings.draws == Draws.SHARED,
        premise=premises[unit.arm],
        person_id=person.person_id if person is not None else None,
        vectors=settings.vectors,
        alike=settings.calls // len(premises),
    )
