"""Records: what their columns hold and are for, and the examples that rows give."""
