"""The only place that builds concrete things: the model stack, the workers' runtime, one machine's processes."""
