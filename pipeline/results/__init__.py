"""Results of runs: how they are shown, compared, made current and pruned."""
