"""Execution of one shard, start to end: its people cast, its units taken through the study, a commit of it all."""
