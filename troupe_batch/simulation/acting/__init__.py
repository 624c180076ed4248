"""Act: what people can do, how they are asked for it, and what it leaves behind."""
