"""Use cases of a push: refs, packs and trees. What the receiver calls; no git, no SSH, no files of its own."""
