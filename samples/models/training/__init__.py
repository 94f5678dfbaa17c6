"""How the sample checkpoints were trained: one command a model, on made-up data, on a CPU."""
