"""What runs handlers and servers: the worker, the local stack, container entry points."""
