"""The small language of population files: conditions and derived facts, checked when read, never evaluated as code."""

from troupe_batch.expressions.expression import Bound, Expression
from troupe_batch.expressions.kinds import BadExpression, Domain, Kind, Possible

__all__ = ["BadExpression", "Bound", "Domain", "Expression", "Kind", "Possible"]
