"""The embedded stack: AWS, workers, API and inbox on one machine."""
