"""Toy policies (RA-T1, RA-T2, RA-T3), small enough that every optimum is exact and descent can be held against it."""
