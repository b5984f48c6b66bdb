"""Models made on a schedule: their job specs, and what a night made of them. Reads no file, runs no step."""
