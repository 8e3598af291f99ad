"""Adapters: one of one port a file. Nothing of an SDK leaves this package, and every error is one of ours."""
