"""RA-F2, RA-T4, RA-T7, RA-A2: the central comparison."""
