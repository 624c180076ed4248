"""Populations: from a file to the facts of N people, with exact quotas, sourced shares, any person computable alone."""

from troupe_batch.population.draw import Population, drawing_of
from troupe_batch.population.facts.making import FactTable
from troupe_batch.population.facts.name_locales import name_digests
from troupe_batch.population.load import PopulationFile, load_population, resolve_population
from troupe_batch.population.margins import Margin
from troupe_batch.population.records import worth_of_records
from troupe_batch.population.spec import EnrichLevel, NameProvider, PopulationSpec

__all__ = [
    "EnrichLevel",
    "FactTable",
    "Margin",
    "NameProvider",
    "Population",
    "PopulationFile",
    "PopulationSpec",
    "drawing_of",
    "load_population",
    "name_digests",
    "resolve_population",
    "worth_of_records",
]
