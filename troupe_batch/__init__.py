"""Large populations of simulated people, run through surveys, interviews and focus groups, delivered as Parquet."""

__version__ = "0.1.0"
