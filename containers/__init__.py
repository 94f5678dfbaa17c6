"""Images for every kind of host, and checks that need no container engine."""
