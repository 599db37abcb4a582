"""Reward-augmented data (RA-F1): what relabelling makes of pairs."""
