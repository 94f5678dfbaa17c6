"""videodrop: an event-driven media ML pipeline. See docs/explanation/architecture.md."""

__version__ = "0.1.0"
