from rapo.world import data
from rapo.world.premises import premises


def test_the_default_world_keeps_the_papers_premises() -> None:
    table = premises(data.World(), 1500, seed=11)
    assert table["holds"].all(), table.to_string()
