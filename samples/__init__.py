"""Synthetic videos whose every word and box is known, and small models trained on them."""
