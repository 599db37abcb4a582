"""Log-probabilities of responses, with memory bounded whatever the vocabulary."""
