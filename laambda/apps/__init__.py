"""Apps: made, looked at, run and destroyed."""
