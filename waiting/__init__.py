"""Hosted jobs while nobody holds a process for them: asked for all at once, Prefect runs parked and woken."""
