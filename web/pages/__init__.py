"""Pages for people: a file of routes each, and beside them what they show, for templates/ to print."""
