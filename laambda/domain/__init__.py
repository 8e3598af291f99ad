"""The nouns of laambda: frozen values and the rules that hold between them. Standard library only."""
