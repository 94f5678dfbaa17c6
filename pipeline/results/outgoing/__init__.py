"""Events out: the log that readers follow, and webhooks."""
