"""The small language of population files: conditions and derived facts, checked when read, never evaluated as code."""
