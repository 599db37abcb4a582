"""The report: one page with every claim, its figures, what the paper says, what was measured, and the verdict."""

from rapo.reproduction.report.comparison import Change, Comparison, compare
from rapo.reproduction.report.page import write

__all__ = ["Change", "Comparison", "compare", "write"]
