"""Experiments: what one run does, and the arms and seeds of each study."""
