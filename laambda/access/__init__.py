"""Who may talk to the farm: SSH keys for git, bearer tokens for the API."""
