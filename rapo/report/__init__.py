"""The report: one page with every claim, its figures, what the paper says, what was measured, and the verdict."""

from rapo.report.comparison import Change, Comparison, compare
from rapo.report.page import write

__all__ = ["Change", "Comparison", "compare", "write"]
