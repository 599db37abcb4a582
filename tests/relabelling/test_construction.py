import pyarrow as pa

from rapo.pairs import schema
from rapo.pairs.check import check
from rapo.relabelling import construction, relabel
from rapo.relabelling.goals import COMPACT, OVERALL, GoalTemplate


def table(*scores: tuple[float, float], texts: list[tuple[str, str]] | None = None) -> pa.Table:
    texts = texts or [(f"a{i}", f"b{i}") for i in range(len(scores))]
    rows = [
        {"prompt": "q", "chosen": a, "rejected": b, "score_chosen": float(c), "score_rejected": float(r)}
        for (c, r), (a, b) in zip(scores, texts, strict=True)
    ]
    return check(pa.Table.from_pylist(rows), reversed_pairs="keep")


def test_construction_holds_for_rows_as_they_are_made():
    data = schema.with_ids(table((9, 6), (5, 2), (10, 10)))
    for placement in ("system", "prefix"):
        got = construction.criteria(data, relabel.relabel(data, placement=placement), template=OVERALL)
        assert got["correct"].to_list() == got["n"].to_list() == [2, 4, 4, 4]


def test_construction_finds_the_official_fault_and_lost_or_edited_rows():
    data = schema.with_ids(table((9, 6), (5, 2)))

    def correct(rows: pa.Table, template: GoalTemplate = OVERALL) -> list[int]:
        return construction.criteria(data, rows, template=template)["correct"].to_list()

    good = relabel.relabel(data)
    faulty = relabel.relabel(data, placement="prefix", official_fault="nosys_unswapped")
    assert correct(faulty) == [2, 2, 2, 4], "rows with the rejected score as goal keep the order"
    assert correct(good.slice(1)) == [1, 3, 3, 3]
    edited = good.to_pylist()
    edited[0]["chosen"][0]["content"] += " "
    edited[1]["prompt"][-1]["content"] += " "
    edited[2]["goal"] = 9.0
    assert correct(pa.Table.from_pylist(edited, good.schema)) == [2, 3, 2, 2]
    assert correct(good, COMPACT) == [2, 4, 4, 0]
