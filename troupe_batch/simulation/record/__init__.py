"""Record of a simulation: what is perceived and done, what stays of it in memory, and all of it as text."""
