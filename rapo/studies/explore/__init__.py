"""What the notebook `explore` draws: kept results, turned by one setting at a time."""
