"""Joint distribution: factors, cells, controls, constraints and strata, fitted into one."""
