"""What judging costs, by hand."""

import pytest

from rapo.judging import costs
from rapo.judging.server import Replies


def answer(read, written):
    return {"usage": {"prompt_tokens": read, "completion_tokens": written}}


def test_the_cost_counts_all_and_what_is_paid_now():
    replies = Replies([answer(100, 1), answer(200, 3), None], [True, False, True], ["no"])
    found = costs.cost(replies, costs.Prices(1.0, 10.0), n_items=2, unreadable=["?"], n_failed=1)
    # 300 read at 1 and 4 written at 10 a million; of the one that was sent and answered 100 and 1.
    assert (found.tokens_in, found.tokens_out, found.n_asked) == (300, 4, 2)
    assert (found.price, found.paid) == (pytest.approx(340e-6), pytest.approx(110e-6))
    assert found.price_per_1000 == pytest.approx(0.17)
    assert (found.n_failed, found.n_unreadable, found.why) == (1, 1, "no")


def test_tokens_that_one_answer_does_not_tell_are_not_known():
    replies = Replies([answer(100, 1), {"usage": None}], [True, True], [])
    found = costs.cost(replies, costs.Prices(1.0, 10.0), n_items=1, unreadable=["'?'"], n_failed=0)
    assert (found.tokens_in, found.price, found.paid, found.price_per_1000) == (None, None, None, None)
    assert found.why == "'?'"


def test_an_estimate_is_a_token_for_four_characters():
    new = [
        {"messages": [{"content": "x" * 9}], "max_tokens": 8},
        {"messages": [{"content": "x" * 4}], "max_tokens": 2},
    ]
    found = costs.estimate(new, costs.Prices(1e6, 2e6), n_requests=5)
    # 9 characters are 3 tokens, 4 are 1.
    assert found == costs.Estimate(n_requests=5, n_kept=3, tokens_in=4, tokens_out=10, price=24.0)
    endless = [{**new[0], "max_tokens": None}]
    assert costs.estimate(endless, costs.Prices(1, 1), n_requests=1).tokens_out is None


def test_the_total_of_runs():
    one = costs.Cost(3, 6, 0, 1, 600, 6, 0.5, 0.25, "odd")
    other = costs.Cost(3, 2, 1, 0, 100, None, None, 0.5)
    assert costs.total([one, other]) == costs.Cost(3, 8, 1, 1, 700, None, None, 0.75, "odd")
