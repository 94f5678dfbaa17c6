"""The query API: the catalog and the artifacts bucket over HTTP."""
