"""The papers' two theorems, measured: rates of convergence (RA-Th) and sampling of pairs (AP-Th)."""
