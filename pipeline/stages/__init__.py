"""The stages: each a pure function from a local video to files and a summary."""
