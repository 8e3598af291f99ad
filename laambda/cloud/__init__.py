"""Adapters to what laambda stands on: one file a port. Only ``laambda.bootstrap`` makes them."""
