"""Studies: one folder a notebook, and what they share in `common`."""
