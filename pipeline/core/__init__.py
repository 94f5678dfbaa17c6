"""Types, settings and pure rules. Imports no other package of ``pipeline``."""
