"""One module a resource. A route parses, calls one use case, renders."""
