"""Report on a population: what is drawn from its file, against what the file says."""
