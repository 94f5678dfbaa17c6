"""Measurements of speed, memory and accuracy, as ratios to named alternatives."""
