"""Digests of all words that reach a model in a run, names of people included: no run mixes two of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from troupe_batch.factory.enrichment import prompt_digests
from troupe_batch.llm.chat import Endpoint, SchemaMode
from troupe_batch.llm.schemas import words_digest
from troupe_batch.planning.waves import WaveInfo, wave_digests
from troupe_batch.population.facts.name_locales import name_digests
from troupe_batch.population.spec import EnrichLevel, PopulationSpec
from troupe_batch.studies.study import Study

# Of the words that stand in Python code, and of templates that are digested nowhere else. Raise the number of a kind
# with every change of its words: until then the prompts on record fail (tests/unit/prompts). Plans hold no first
# version, so that those of before there were any stay what they are.
VERSIONS = {
    "calls": 1,  # personas, and the round that repairs a reply
    "survey": 1,
    "acting": 1,
    "prose": 2,  # how the contradictions in it are told, and the check that finds them
    "waves": 1,
}


def word_digests(
    study: Study, endpoint: Endpoint, *, enrich: EnrichLevel, wave: WaveInfo | None, drawn: PopulationSpec | None
) -> dict[str, str]:
    """Name -> SHA-256 (hex) of a template or list, or the version of a kind of words; `drawn` is who people are of.

    `drawn` is None where nobody is drawn and so named.
    """
    kinds = {
        "calls": True,
        "survey": bool(study.design.questions),
        "acting": study.design.acts_per_unit > 0,
        "prose": enrich is not EnrichLevel.NONE,
    }
    return {
        **study.prompt_digests,
        **prompt_digests(enrich),
        **({} if endpoint.schema_mode is SchemaMode.STRICT else {"schema_in_prompt": words_digest()}),
        **words_of_wave(wave),
        **(name_digests(drawn) if drawn is not None else {}),
        **_versions(kind for kind, is_used in kinds.items() if is_used),
    }


def words_of_wave(wave: WaveInfo | None) -> dict[str, str]:
    """What there is more of it in a later wave, where people remember something."""
    remembered = wave_digests(wave)
    return {**remembered, **_versions(["waves"] if remembered else [])}


def _versions(kinds: Iterable[str]) -> Mapping[str, str]:
    return {f"words/{kind}": f"version {VERSIONS[kind]}" for kind in kinds if VERSIONS[kind] > 1}
