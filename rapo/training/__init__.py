"""Training by TRL's own trainers."""
