"""Config vars of an app: one sealed bag in force, append-only bags behind it."""
