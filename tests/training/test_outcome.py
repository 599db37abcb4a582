"""The folder of a training run: its own, another's, or nobody's; checkpoints that are whole."""

from pathlib import Path

import pytest

from rapo.training import outcome

RUN = {"asked": {"beta": 0.1, "learning_rate": 1e-6}, "processes": 1}


def checkpoint(folder: Path, step: int, state: str | None) -> Path:
    made = folder / f"checkpoint-{step}"
    made.mkdir(parents=True)
    if state is not None:
        (made / "trainer_state.json").write_text(state)
    return made


def test_an_empty_folder_and_none_are_new(tmp_path: Path) -> None:
    assert outcome.look(tmp_path / "none", RUN) is None
    assert outcome.look(tmp_path, RUN) is None
    with outcome.alone(tmp_path):  # as a process leaves it that is killed before it writes
        assert outcome.look(tmp_path, RUN) is None


def test_the_same_run_is_known_by_its_record(tmp_path: Path) -> None:
    outcome.write(tmp_path, {"status": outcome.STARTED, "identity": RUN})
    found = outcome.look(tmp_path, RUN)
    assert found is not None
    assert (found["status"], found["command"]) == ("started", "train")


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({**RUN, "asked": {"beta": 0.2, "learning_rate": 1e-6}}, r"asked\.beta was 0\.1, is 0\.2"),
        ({**RUN, "processes": 2}, "processes was 1, is 2"),
        ({**RUN, "asked": {**RUN["asked"], "seed": 3}}, r"asked\.seed was None, is 3"),  # type: ignore[dict-item]
    ],
)
def test_another_run_is_told_by_what_differs(tmp_path: Path, other: dict[str, object], told: str) -> None:
    outcome.write(tmp_path, {"status": outcome.STARTED, "identity": RUN})
    assert outcome.look(tmp_path, other) is None  # nothing was trained yet
    checkpoint(tmp_path, 1, '{"global_step": 1}')
    with pytest.raises(FileExistsError, match="holds another run"):
        outcome.look(tmp_path, other)
    outcome.write(tmp_path / "done", {"status": outcome.FINISHED, "identity": RUN})
    tmp_path /= "done"
    with pytest.raises(FileExistsError, match=f"holds another run: {told}; choose another --out"):
        outcome.look(tmp_path, other)


@pytest.mark.parametrize("name", ["model.safetensors", outcome.RECORD])
def test_what_is_no_run_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(FileExistsError, match="holds no run of `rapo train`; choose another --out"):
        outcome.look(tmp_path, RUN)
    with pytest.raises(NotADirectoryError, match="is a file"):
        outcome.look(tmp_path / name, RUN)


def test_the_last_whole_checkpoint_counts(tmp_path: Path) -> None:
    assert outcome.checkpoint(tmp_path) is None
    checkpoint(tmp_path, 9, '{"global_step": 9}')
    last = checkpoint(tmp_path, 10, '{"global_step": 10}')  # behind 9 by number, not by name
    checkpoint(tmp_path, 11, '{"global_st')
    checkpoint(tmp_path, 12, None)
    assert outcome.checkpoint(tmp_path) == last


def test_two_processes_do_not_share_a_folder(tmp_path: Path) -> None:
    out = tmp_path / "below" / "out"
    with outcome.alone(out):
        with pytest.raises(RuntimeError, match="another process is training into"), outcome.alone(out):
            pytest.fail("both hold it")
        assert outcome.look(out, RUN) is None
    with outcome.alone(out):
        pass
    assert not out.exists()
    with outcome.alone(out):
        (out / "model.safetensors").touch()
    assert [entry.name for entry in out.iterdir()] == ["model.safetensors"]
