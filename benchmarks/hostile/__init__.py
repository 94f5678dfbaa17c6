"""Files that a stranger would craft, and what each of the four stages does with them."""
