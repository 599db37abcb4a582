"""What the papers claim and publish, and verdicts computed from intervals."""
