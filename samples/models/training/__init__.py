"""The training of the sample checkpoints: one command per model, on synthetic data, on a CPU."""
