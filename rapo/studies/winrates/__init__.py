"""Judgements made up from a known truth, to check win rates against it."""
