"""Hosts of handlers and servers: the worker, the local stack, container entry points."""
