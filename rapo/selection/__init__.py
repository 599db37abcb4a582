"""Reward margins, alignment potential, and the pairs that a metric keeps."""
