"""Judges of people and worlds: claims, quality, comparisons, stories, told from what is on record."""
