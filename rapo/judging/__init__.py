"""Judgements of answers: tables, agreement, language models as judges."""
