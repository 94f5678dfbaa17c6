"""Two small checkpoints made by this project, and the code that trained them."""
