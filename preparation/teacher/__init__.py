"""Any language model that writes questions and answers out of passages. What it can't prove is dropped."""
