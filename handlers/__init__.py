"""Lambda handlers: wiring only."""
