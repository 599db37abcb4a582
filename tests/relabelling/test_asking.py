"""A goal is asked for as training put it, else as the template wants it, or as one says."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from rapo.relabelling import chat, goals
from rapo.relabelling.asking import asking, remembered

QUESTION = [{"role": "user", "content": "hi"}]
SYSTEM, PREFIX = chat.EXAMPLES["system role"], chat.EXAMPLES["no system role"]


def record(folder: Path, **told: object) -> Path:
    (folder / "rapo.json").write_text(json.dumps(told))
    return folder


def test_the_chat_template_says_where_a_goal_goes() -> None:
    assert asking("hub/name", tokenizer=SYSTEM).placement == "system"
    how = asking("hub/name", tokenizer=PREFIX, template="compact")
    assert how.put(QUESTION, 9) == [{"role": "user", "content": "overall score : 9 .\n\nhi"}]
    assert how.told == "goal in words 'compact', placed as prefix, as the chat template wants it"


def test_training_remembers_and_the_person_has_the_last_word(tmp_path: Path) -> None:
    # As `rapo relabel`'s scheme is kept by `rapo train`: with every field of the template.
    words = asdict(goals.GoalTemplate("own", "aim : {goals}", line="{goal}", low=0, high=5))
    record(tmp_path, goal={"placement": "prefix", "template": words, "goal": "score", "half": False})
    how = asking(tmp_path, tokenizer=SYSTEM)
    assert how.put(QUESTION, 5) == [{"role": "user", "content": "aim : 5\n\nhi"}]
    assert "as rapo.json remembers" in how.told
    how = asking(str(tmp_path), tokenizer=PREFIX, placement="system", template="compact")
    assert how.put(QUESTION, 5)[0] == {"role": "system", "content": "overall score : 5 ."}
    assert "as asked" in how.told


def test_a_record_may_hold_plain_names_or_nothing(tmp_path: Path) -> None:
    assert remembered(record(tmp_path, placement="prefix", template="compact")) == {
        "placement": "prefix",
        "template": "compact",
    }
    assert asking(tmp_path).template == goals.COMPACT
    assert remembered(record(tmp_path, goal=None, status="finished")) == {}
    assert remembered("a/name/at/a/hub") == {}
    (tmp_path / "rapo.json").write_text("{")
    with pytest.raises(ValueError, match=r"rapo\.json is no JSON"):
        remembered(tmp_path)


def test_a_folders_own_template_is_read_and_a_name_alone_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"chat_template": chat.NO_SYSTEM, "bos_token": "<s>"})
    )
    assert asking(tmp_path).placement == "prefix"
    with pytest.raises(ValueError, match="nothing says where gpt wants its goal: say --placement system"):
        asking("gpt")


def test_goals_of_attributes_and_goals_off_the_scale() -> None:
    how = asking("gpt", placement="system", template="compact")
    assert how.put(QUESTION, {"truth": 9, "order": 4})[0]["content"] == "truth : 9 . order : 4 ."
    assert how.put(QUESTION, None) == QUESTION
    with pytest.raises(ValueError, match=r"goal is 11, off the scale of 1 to 10 that .* --scale LOW HIGH"):
        how.put(QUESTION, 11)
    with pytest.raises(ValueError, match="order is 0, off the scale of 1 to 10"):
        how.put(QUESTION, {"truth": 9, "order": 0})
    assert asking("gpt", placement="system", scale=(0, 100)).put(QUESTION, 87)[0]["content"].count("0-100") == 1
