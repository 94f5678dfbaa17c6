"""A search for counterexamples: the project's code on an AWS and a clock that do their worst.

One seed is one history. ``python -m tests.simulation --seconds 60`` runs histories and checks each.
"""
