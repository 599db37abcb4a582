"""Shapes of published preference data, recognised by their columns and turned into pairs."""
