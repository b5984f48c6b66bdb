"""Texts: their blocks and headings, and the passages and questions that examples are made of."""
