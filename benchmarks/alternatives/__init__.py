"""Other ways to do the stages' work, each in a process of its own."""
