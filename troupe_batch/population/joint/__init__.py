"""How dimensions go together: factors, cells, controls, constraints and strata, fitted into one distribution."""
