"""RA-A3, RA-A4: other objectives, other methods."""
