"""Types, settings and pure rules: imports nothing of this package but itself."""
