"""Runs: computed once each under a key that sees their code, queued, resumed, kept."""
