"""Published facts: complete, consistent, and given out as copies."""

import pytest

from rapo.claims import published


def test_the_number_of_numbers() -> None:
    counts = published.table().groupby("id").size().to_dict()
    assert counts == {
        "RA-F2": 60,  # 5 models x 3 arms x 4 metrics
        "RA-T7": 12,  # SPPO: 3 arms x 4 metrics
        "RA-T6": 16,  # Qwen2-7B: 4 arms x 4 metrics
        "RA-T4": 16,  # 2 models x 2 arms x 4 metrics
        "RA-T8": 2,
        "RA-A4": 27,  # 9 methods x 3 metrics
        "AP-F1b": 18,  # 2 methods x 3 metrics + 3 arms x 4 metrics
    }


@pytest.mark.parametrize(
    ("claim", "model", "arm", "metric", "value", "certainty"),
    [
        ("RA-F2", "SPPO (Gemma-2-9B-It-SPPO-Iter3)", "RA", "win rate", 66.41, "exact"),
        ("RA-F2", "Gemma-2-9B-It", "UF", "win rate", 35.0, "digitised"),
        ("RA-F2", "Gemma-2-9B-It", "UF", "LC win rate", 50.70, "secondary"),
        ("RA-F2", "Mistral-7B-It", "base", "MT-Bench", 7.67, "digitised"),
        ("RA-T6", "Qwen2-7B-It", "IRA", "Arena-Hard", 28.3, "exact"),
        ("RA-T4", "Llama-3.1-8B", "RA", "GPQA", 32.55, "secondary"),
        ("RA-A4", "Llama-3-Instruct-8B v0.2", "SLiC-HF", "LC win rate", 33.9, "exact"),
        ("AP-F1b", "Gemma-2-9b-it", "SimPO", "length", 1833.0, "exact"),
    ],
)
def test_some_numbers(claim: str, model: str, arm: str, metric: str, value: float, certainty: str) -> None:
    frame = published.table(claim)
    row = frame[(frame["model"] == model) & (frame["arm"] == arm) & (frame["metric"] == metric)]
    assert row[["value", "certainty"]].to_numpy().tolist() == [[value, certainty]]


def test_every_number_is_complete_and_given_once() -> None:
    frame = published.table()
    assert not frame.isna().any().any()
    assert set(frame["certainty"]) <= {"exact", "secondary", "digitised"}
    assert not frame.duplicated(["id", "model", "arm", "metric"]).any()
    assert all(published.entry(name) is not None for name in frame["id"])
    percent = frame[frame["unit"] == "%"]["value"]
    assert percent.between(0, 100).all()


def test_what_the_paper_claims_is_in_its_numbers() -> None:
    frame = published.table("RA-F2")
    for metric in ("LC win rate", "win rate"):
        arms = frame[frame["metric"] == metric].pivot(index="model", columns="arm", values="value")
        assert (arms["RA"] > arms["UF"]).all()


def test_a_suffix_is_ignored() -> None:
    assert published.table("RA-T7/controlled").equals(published.table("RA-T7"))


def test_a_claim_without_numbers_gives_no_rows() -> None:
    assert len(published.table("AP-F3")) == 0
    assert len(published.wide("AP-F3")) == 0


def test_an_unknown_claim_is_refused() -> None:
    with pytest.raises(ValueError, match="no paper has a claim 'RA-X9'; the ids are RA-T1, "):
        published.table("RA-X9")
    assert published.entry("RA-F") is None


def test_changing_a_table_changes_no_fact() -> None:
    for frame in (published.table(), published.table("RA-F2")):
        frame["value"] = 0.0
    assert published.table("RA-F2")["value"].min() > 0


def test_wide_tells_certainty_per_metric_and_ends_with_the_source() -> None:
    frame = published.wide("RA-F2")
    gemma = frame[frame["model"] == "Gemma-2-9B-It"]
    assert gemma["certainty"].tolist() == ["secondary; win rate digitised"] * 3
    assert list(published.wide("AP-F1b").columns[-2:]) == ["certainty", "source"]
    assert frame.shape == (15, 8)  # model, arm, 4 metrics, certainty, source


def test_the_reproduction_table_names_each_id_once() -> None:
    ids = [name for row in published.CLAIMS for name in row.ids]
    assert len(ids) == len(set(ids)) == 30  # 18 of RA and 12 of AP, one each asked by us: RA-map, AP-map
    assert [sum(name.startswith(paper) for name in ids) for paper in published.PAPERS] == [18, 12]
    assert {row.paper for row in published.CLAIMS} == set(published.PAPERS)
