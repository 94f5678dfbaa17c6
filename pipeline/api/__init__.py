"""The query API: what the catalog and the artifacts bucket hold, over HTTP. Read-only."""
