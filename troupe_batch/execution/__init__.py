"""Run one shard start to end: cast its people, take its units through the study, commit what happened."""
