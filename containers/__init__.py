"""Images for every kind of host, and what checks them where no engine can build them."""
