"""The report: one page with every claim, its figures, what the paper says, what was measured, and the verdict."""

from rapo.reproduction.report.page import kept_cards, kept_pages, write

__all__ = ["kept_cards", "kept_pages", "write"]
