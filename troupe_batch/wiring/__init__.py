"""Composition: builds the concrete things, which are the model stack, the workers' runtime, one machine's processes."""
