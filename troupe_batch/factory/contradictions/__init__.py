"""Finds what contradicts the facts of a person in what a model wrote about them."""

from troupe_batch.factory.contradictions.finding import Contradiction
from troupe_batch.factory.contradictions.lint import Person, contradictions

__all__ = ["Contradiction", "Person", "contradictions"]
