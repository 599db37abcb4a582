"""RA-T8, RA-T9, RA-A1: goals of several attributes, other scales, own answers."""
