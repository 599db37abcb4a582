"""Judges made up from a known truth, to check agreement against it."""
