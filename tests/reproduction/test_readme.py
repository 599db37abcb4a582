"""README's blocks and picture: by hand, and this checkout's held against what is kept."""

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from rapo import paths
from rapo.reproduction import keep, notebook, readme
from rapo.reproduction.readme import Kept

ROOT = Path(__file__).resolve().parents[2]


def record(name: str, low: float, high: float) -> dict:
    middle = (low + high) / 2
    return {
        "id": name,
        "notebook": "n",
        "estimate": middle,
        "low": low,
        "high": high,
        "unit": "of 10",
        "margin": "gold",
    }


SOME = Kept(
    [record("RA-F2/gold", 0.4, 0.6), record("AP-F1b/M-plus", -0.5, -0.4), record("X-1", -0.1, 0.1)],
    {"first": 30.0, "second": 5400.0},
)


def block(name: str, text: str) -> str:
    found = re.search(rf"<!-- {name} -->(.*?)<!-- /{name} -->", text, flags=re.DOTALL)
    assert found is not None
    return found[1]


def test_blocks_are_made_anew_and_nothing_else_is_touched() -> None:
    text = (
        "before <!-- counts -->old<!-- /counts -->, in <!-- time --><!-- /time --> <!-- other -->o<!-- /other -->"
    )
    assert readme.filled(text, SOME) == (
        "before <!-- counts -->1 hold, 1 do not hold, 1 equal within the margin<!-- /counts -->, "
        "in <!-- time -->1 h 30 min<!-- /time --> <!-- other -->o<!-- /other -->"
    )


def test_the_first_finding_is_the_result_and_the_others_follow() -> None:
    text = readme.filled("<!-- result --><!-- /result -->\n<!-- findings --><!-- /findings -->", SOME)
    assert block("result", text) == (
        "\n**Does relabelling beat plain DPO, as the paper says?** "
        "In true reward it is ahead (+0.50 of 10 [0.40, 0.60]).\n"
    )
    (line,) = block("findings", text).strip().splitlines()
    assert line.startswith(
        "* **Does alignment potential select better pairs?** No. A model trained on its pairs is worse"
    )


def test_what_was_measured_anew_is_counted() -> None:
    text = "its page.<!-- replication --><!-- /replication -->"
    assert readme.filled(text, SOME) == text
    total = {"compared": 3, "beyond": 1, "turned": 0, "moved": 2}
    anew = replace(SOME, replication={"total": total, "claims": []})
    assert ": 1 of 3 claims (33 %;" in block("replication", readme.filled(text, anew))


def test_notebooks_stand_in_their_order_with_their_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    some = (("first", "Who?", 2), ("new", "Why?", 3), ("second", "What?", 1))
    there = [SimpleNamespace(name=name, question=question, place=place) for name, question, place in some]
    monkeypatch.setattr(notebook, "find", lambda: there)
    text = readme.filled("<!-- notebooks --><!-- /notebooks -->", SOME)
    assert block("notebooks", text).strip().splitlines()[2:] == [
        "| [second](notebooks/second.ipynb) | What? | 90 |",
        "| [first](notebooks/first.ipynb) | Who? | < 1 |",
        "| [new](notebooks/new.ipynb) | Why? |  |",
    ]


def test_the_picture_has_a_row_a_claim_in_the_colour_of_who_is_ahead() -> None:
    root = ElementTree.fromstring(readme.picture(SOME.records))
    dots = root.findall("{*}circle")
    lines = [path.get("d") for path in root.findall("{*}path")][1:]
    # The axis reaches 1.05 * 0.6 = 0.63 to both sides of its middle, (350 + 620) / 2 = 485, in 135 pixels.
    assert [float(dot.get("cx", "")) for dot in dots] == [
        pytest.approx(485 + 135 * 0.50 / 0.63, abs=0.05),
        pytest.approx(485 - 135 * 0.45 / 0.63, abs=0.05),
    ]
    assert [dot.get("fill") for dot in dots] == ["#0072B2", "#E69F00"]  # RA's, M+'s
    assert lines == ["M570.7 70H613.6", "M377.9 100H399.3"]
    words = [text.text for text in root.findall("{*}text")]
    assert "+0.50 [0.40, 0.60]" in words
    assert {"−0.3", "0", "0.3", "True reward: 0 of 2 differences are too small to matter"} <= set(words)
    assert "1 of 1 differences" in readme.picture([record("RA-F2/gold", -0.29, 0.29)])


def test_it_is_written_once(rapo_root: Path) -> None:
    paths.write_text(paths.results() / "claims.json", json.dumps([*SOME.records]))
    paths.write_text(paths.results() / "manifest.json", json.dumps(keep.listing()))
    assert readme.put() == []  # no README
    file = rapo_root / "README.md"
    file.write_text(f"![]({readme.PICTURE}) <!-- counts -->none<!-- /counts -->", encoding="utf-8")
    assert readme.put() == [file, rapo_root / readme.PICTURE]
    assert "1 do not hold" in file.read_text(encoding="utf-8")
    assert readme.put() == []
    (rapo_root / readme.PICTURE).unlink()
    assert readme.put() == [rapo_root / readme.PICTURE]


def test_this_readme_says_what_is_kept() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    now = readme.kept()
    assert all(f"<!-- {name} -->" in text for name in readme.BLOCKS)
    assert readme.filled(text, now) == text, "run `rapo figures --keep` or `rapo keep`"
    assert (ROOT / readme.PICTURE).read_text(encoding="utf-8") == readme.picture(now.records)
