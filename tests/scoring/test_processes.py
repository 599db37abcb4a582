import pytest

from rapo.scoring import processes
from rapo.scoring.processes import Processes


def test_alone_everything_is_mine(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    alone = processes.current()
    assert (alone.index, alone.count) == (0, 1)
    assert alone.is_main
    assert alone.gather("x") == ["x"]
    assert all(alone.mine(number) for number in range(5))


@pytest.mark.parametrize("count", [2, 3])
def test_every_piece_of_work_has_one_owner(count):
    among = [Processes(index, count) for index in range(count)]
    assert [one.is_main for one in among] == [True] + [False] * (count - 1)
    for number in range(10):
        assert sum(one.mine(number) for one in among) == 1


def test_alone_the_state_of_accelerate_is_left_untouched(monkeypatch):
    """Made here, it would bind trainers in this program to our choice of device."""
    state = pytest.importorskip("accelerate.state")
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    before = dict(state.PartialState._shared_state)
    assert processes.current().device in ("cpu", "cuda")
    assert dict(state.PartialState._shared_state) == before
