"""Preference pairs: the schema, its check, and what reads and writes them."""
