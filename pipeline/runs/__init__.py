"""One stage run from its event to its result, and what ends runs that were lost."""
