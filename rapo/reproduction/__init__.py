"""Notebooks run headless, and the report made of what they leave."""
