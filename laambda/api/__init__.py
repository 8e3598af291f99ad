"""The HTTP API: JSON over the use cases. A route parses, calls one use case, renders."""
