"""Column names of preference data sets in use, and what they are in the schema of scored pairs."""

from collections.abc import Sequence

# The first source whose column is there is taken; a column with the schema's own name always wins.
KNOWN: dict[str, tuple[str, ...]] = {
    "prompt": ("instruction", "question", "query", "input"),
    "chosen": ("chosen_response", "response_chosen"),
    "rejected": ("rejected_response", "response_rejected"),
    # princeton-nlp's data hold every candidate's score; chosen is the best of them and rejected the worst.
    "score_chosen": ("chosen_score", "chosen_rating", "chosen-rating", "chosen_avg_rating", "max(all_rm_scores)"),
    "score_rejected": (
        "rejected_score",
        "rejected_rating",
        "rejected-rating",
        "rejected_avg_rating",
        "min(all_rm_scores)",
    ),
}
CANDIDATES = "completions"


def known(columns: Sequence[str]) -> dict[str, str]:
    """What to map, for `schema.rename`: names of the schema that are missing, and the columns that hold them.

    >>> known(["prompt", "chosen", "rejected", "all_rm_scores"])
    {'score_chosen': 'max(all_rm_scores)', 'score_rejected': 'min(all_rm_scores)'}
    """
    found = {}
    for target, sources in KNOWN.items():
        there = [source for source in sources if _column(source) in columns]
        if target not in columns and there and not (target == "prompt" and "messages" in columns):
            found[target] = there[0]
    return found


def holds_candidates(columns: Sequence[str]) -> bool:
    """True for UltraFeedback's shape: an instruction and a list of scored completions a row.

    >>> holds_candidates(["instruction", "completions"])
    True
    """
    return CANDIDATES in columns and not {"chosen", "rejected"} & set(columns)


def _column(source: str) -> str:
    return source.partition("(")[2].removesuffix(")") or source
