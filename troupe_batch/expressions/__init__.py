"""Language of conditions and derived facts: small, checked when read, never evaluated as code."""
