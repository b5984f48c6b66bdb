"""Private data: how it is found, and what is done where some is."""
