"""Scores and premises: planted faults, counted by hand."""

from typing import Any

import pytest
from scored_pairs import many, pair

from rapo.inspection.audit import audit
from rapo.inspection.finding import Finding


def scored(*scores: tuple[float, float], **further: Any) -> list[dict[str, Any]]:
    """Pairs of different texts with these scores."""
    rows = many(len(scores))
    return [
        row | {"score_chosen": chosen, "score_rejected": rejected} | further
        for row, (chosen, rejected) in zip(rows, scores, strict=True)
    ]


def found(rows: list[dict[str, Any]], name: str, **options: Any) -> Finding:
    return audit(rows, **options).finding(name)


def test_ties_are_counted_and_shown() -> None:
    got = found(scored((9, 2), (5, 5), (7, 7), (8, 1)), "ties")
    assert (got.count, got.n, got.level) == (2, 4, "serious")
    assert [(one.row, one.note) for one in got.examples] == [
        ("2", "chosen 5, rejected 5"),
        ("3", "chosen 7, rejected 7"),
    ]
    assert got.advice == "rapo select IN --metric explicit-margin -k 2 --out told.parquet"
    assert "-k 0" not in found(scored((5, 5), (7, 7)), "ties").advice, "rapo select refuses to keep none"


def test_reversed_pairs_are_a_finding_not_an_error() -> None:
    got = found(scored((9, 2), (2, 9), (8, 1)), "reversed")
    assert (got.count, got.n, got.level) == (1, 3, "serious")
    assert [one.row for one in got.examples] == ["2"]


def test_near_ties_are_within_a_twentieth_of_the_range() -> None:
    # The range is 10 - 0 = 10, so margins up to 0.5 that are no tie: 0.5 and 0.4, not 0.6 and 0.
    got = found(scored((10, 0), (5.5, 5), (5.4, 5), (5.6, 5), (5, 5)), "near-ties")
    assert (got.count, got.n, got.level) == (2, 5, "note")


def test_one_value_that_stands_for_most() -> None:
    got = found(scored((9, 1), (1, 1), (1, 1), (1, 1)), "piled-up")
    assert (got.count, got.n, got.level) == (7, 8, "serious")
    assert "the score 1 alone" in got.told


@pytest.mark.parametrize(
    ("scores", "level", "said"),
    [
        ([(9, 2), (10, 1), (5, 4)], "ok", "from 1 to 10 in 6 distinct values; a scale of 1 to 10"),
        ([(5, 2), (4, 1)], "note", "a scale of 1 to 5"),
        ([(0.9, 0.2), (0.5, 0.1)], "note", "a scale of 0 to 1"),
        ([(3.5, -7.0), (1.0, -2.0)], "note", "no scale that is in use"),
        ([(1, 0), (1, 0)], "warning", "2 distinct values"),
        ([(3, 3), (3, 3)], "serious", "1 distinct values"),
    ],
)
def test_the_range_is_told(scores: list[tuple[float, float]], level: str, said: str) -> None:
    got = found(scored(*scores), "score-range")
    assert said in got.told
    assert got.level == level
    assert ("--scale" in got.advice) == (level != "ok")
    assert "--scale 3 3" not in got.advice


def test_attributes_that_contradict_the_score() -> None:
    rows = scored((9, 2), (8, 3), (7, 4), (5, 5))
    sides = [
        (5.0, 1.0),
        (1.0, 5.0),
        (3.0, 3.0),
        (1.0, 5.0),
    ]  # agrees, contradicts, a tie of its own, a tie of scores
    for row, (chosen, rejected) in zip(rows, sides, strict=True):
        row |= {
            "attributes_chosen": {"a": chosen, "b": chosen},
            "attributes_rejected": {"a": rejected, "b": rejected},
        }
    got = found(rows, "disagrees: the mean of the attributes")
    assert (got.count, got.n, got.level) == (1, 2, "serious")
    assert [one.row for one in got.examples] == ["2"]


def test_further_columns_of_scores_are_held_against_the_scores() -> None:
    rows = scored(*[(9, 2)] * 10)
    for i, row in enumerate(rows):
        row |= {"rating_chosen": 1 if i == 7 else 2, "rating_rejected": 1 + (i == 7), "model_chosen": "m"}
    got = found(rows, "disagrees: rating_chosen")
    assert (got.count, got.n, got.level) == (1, 10, "note")
    assert [one.row for one in got.examples] == ["8"]
    assert not [one for one in audit(rows).findings if "model" in one.name]


def test_good_rejected_bad_chosen_and_rare_best() -> None:
    report = audit(scored((10, 5), (9, 4.9), (5, 1), (5.1, 5), (3, 2)))
    good, bad, best = (report.finding(name) for name in ("good-rejected", "bad-chosen", "best-responses"))
    assert (good.count, good.n, good.level) == (2, 5, "warning")
    assert [one.row for one in good.examples] == ["1", "4"]
    assert (bad.count, bad.n, bad.level) == (2, 5, "warning")
    assert [one.row for one in bad.examples] == ["3", "5"]
    assert (best.count, best.n, best.level) == (1, 10, "ok")


def test_no_best_response_is_a_warning() -> None:
    got = found(scored((9, 1), (8, 2)), "best-responses")
    assert (got.count, got.level) == (0, "warning")
    assert got.advice == "ask the trained model for 9, the best score that the data hold"


def test_a_rare_best_response_is_a_note() -> None:
    got = found(scored((10, 1), *[(8, 2)] * 10), "best-responses")
    assert (got.count, got.n, got.level) == (1, 22, "note")


def test_thresholds_follow_the_scale_and_can_be_given() -> None:
    rows = scored((5, 3), (4, 2), (3, 1))  # of 1 to 5: the middle is 3
    report = audit(rows)
    assert report.finding("good-rejected").count == 1
    assert report.finding("bad-chosen").count == 1
    assert report.finding("best-responses").count == 1
    other = audit(rows, good=2, bad=4, best=4)
    assert [other.finding(name).count for name in ("good-rejected", "bad-chosen", "best-responses")] == [2, 2, 2]


def test_scores_that_are_no_number_are_left_out_of_the_shares() -> None:
    report = audit(scored((9, 2), (float("nan"), 3), (4, 4)))
    assert (report.finding("ties").count, report.finding("ties").n) == (1, 2)
    assert [one.row for one in report.finding("ties").examples] == ["3"]
    assert report.finding("malformed: score_chosen: not a finite number").count == 1


def test_pairs_without_scores_are_audited_for_the_rest() -> None:
    row = {name: held for name, held in pair().items() if "score" not in name}
    report = audit([row])
    assert report.finding("no-scores").level == "note"
    assert report.finding("identical-responses").n == 1
    assert not report.pictures or all(picture.group != "scores" for picture in report.pictures)
    with pytest.raises(KeyError, match="no finding 'ties'; there are no-scores"):
        report.finding("ties")


def test_pictures_count_every_response_and_pair() -> None:
    scores, margins = (p for p in audit(scored((9, 2), (3, 3), (9, 1))).pictures if p.group == "scores")
    assert dict(zip(scores.labels, scores.series["chosen"], strict=True))["9"] == 2
    assert sum(scores.series["rejected"]) == 3
    assert dict(zip(margins.labels, margins.series["pairs"], strict=True)) == {
        **{str(i): 0 for i in range(9)},
        "0": 1,
        "7": 1,
        "8": 1,
    }
