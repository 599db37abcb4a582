"""The report page: what stands on it, that verdicts are computed, and that nothing breaks it."""

import csv
import json
import math
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pandas as pd
import pytest

from rapo import paths
from rapo.claims import claim as claims
from rapo.claims import published
from rapo.plots import tables
from rapo.reproduction import marker, report
from rapo.reproduction.keep import listing
from rapo.reproduction.report import cards, exhibits

VOID = {"meta", "img", "br", "link", "hr", "input"}
SVG_LEAVES = {"rect", "line", "circle"}
UNSEEN = {"script", "style"}


@dataclass
class Node:
    """An element with its attributes and all text below it."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    children: list["Node"] = field(default_factory=list)


class Page(HTMLParser):
    """A strict reader: every tag closed in order; elements are found by tag, id or class."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[Node] = []
        self.nodes: list[Node] = []
        self.feed(html)
        assert self.stack == [], f"not closed: {[node.tag for node in self.stack]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        assert len(node.attributes) == len(attrs), f"attribute twice in {tag}"
        self.nodes.append(node)
        if self.stack:
            self.stack[-1].children.append(node)
        if tag not in VOID:
            self.stack.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SVG_LEAVES, f"<{tag}/> is no void element"
        self.nodes.append(Node(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack, f"</{tag}> closes nothing"
        node = self.stack.pop()
        assert node.tag == tag, f"</{tag}> closes <{node.tag}>"

    def handle_data(self, data: str) -> None:
        for node in self.stack if self.stack and self.stack[-1].tag not in UNSEEN else self.stack[-1:]:
            node.text += data

    def all(self, tag: str, **attributes: str) -> list[Node]:
        return [
            node
            for node in self.nodes
            if node.tag == tag
            and all(value in node.attributes.get(key.rstrip("_"), "").split() for key, value in attributes.items())
        ]

    def one(self, tag: str, **attributes: str) -> Node:
        found = self.all(tag, **attributes)
        assert len(found) == 1, f"{len(found)} <{tag}> with {attributes}"
        return found[0]

    def text(self) -> str:
        return " ".join(self.one("body").text.split())


def claim(name: str = "RA-T1", **changes: Any) -> claims.Claim:
    plain = {"statement": "a statement", "statistic": "a difference", "estimate": 1.0, "low": 0.5, "high": 1.5}
    return claims.Claim(id=name, **{**plain, **changes})


def save(one: claims.Claim, *, scale: str = "small", notebook: str = "toy") -> Path:
    return claims.save(one, scale=scale, notebook=notebook)


def page(scale: str = "small") -> Page:
    return Page(report.write(scale).read_text(encoding="utf-8"))


def draw(
    name: str, *, scale: str = "small", alt: str = "What it shows.", suffixes: tuple[str, ...] = ("svg", "png")
) -> None:
    """Stand-ins for what `style.save_figure` writes; no matplotlib needed."""
    folder = paths.figures(scale)
    folder.mkdir(parents=True, exist_ok=True)
    if "svg" in suffixes:
        (folder / f"{name}.svg").write_text('<svg width="360pt" height="180pt" version="1.1"></svg>')
    if "png" in suffixes:
        (folder / f"{name}.png").write_bytes(b"\x89PNG")
    (folder / f"{name}.json").write_text(json.dumps({"name": name, "alt": alt}))


def badges(node: Node) -> list[str]:
    """Verdicts shown in an element, without the glyph before them."""
    found = [child for child in walk(node) if "badge" in child.attributes.get("class", "").split()]
    return [badge.text.split(" ", 1)[1] for badge in found]


def walk(node: Node) -> list[Node]:
    return [node, *(below for child in node.children for below in walk(child))]


def test_an_empty_run_gives_a_whole_page(rapo_root: Path) -> None:
    found = page()
    assert "No claim has been measured at this scale yet" in found.text()
    assert "No results are kept" in found.text()
    assert found.all("article") == found.all("figure") == []
    rows = found.one("details", id="not-measured")
    assert sum(node.tag == "tr" for node in walk(rows)) == 1 + len(published.CLAIMS)


def test_one_claim_with_all_that_belongs_to_it(rapo_root: Path) -> None:
    draw("RA-T1_toy", alt="Two policies side by side.")
    tables.save_table(pd.DataFrame({"arm": ["UF", "RA"], "share": [0.25, 1.0]}), "RA-T1_table", scale="small")
    save(
        claim(
            figures=("RA-T1_toy",),
            tables=("RA-T1_table",),
            unit="points",
            n="3 seeds",
            paper="(1, 0)",
            note="Tried.",
        )
    )
    found = page()
    card = found.one("details", id="claim-RA-T1")
    for text in (
        "a statement",
        "a difference",
        "1.0 points",
        "[0.5, 1.5]",
        "95% interval",
        "3 seeds",
        "(1, 0)",
        "Tried.",
    ):
        assert text in " ".join(card.text.split())
    assert "the whole interval lies above 0 points" in " ".join(card.text.split())
    assert badges(card) == ["holds"]
    image = found.one("img")
    assert image.attributes["src"] == "data:image/svg+xml,<svg width='360pt' height='180pt' version='1.1'></svg>"
    assert found.one("a", class_="picture").attributes["href"] == "RA-T1_toy.svg"
    assert image.attributes["alt"] == "Two policies side by side."
    assert (image.attributes["width"], image.attributes["height"]) == ("480", "240")  # 360 pt, 180 pt at 4/3 px
    overview = found.one("table", class_="overview")
    assert badges(overview) == ["holds"]
    assert [link.attributes["href"] for link in walk(overview) if link.tag == "a"][1:] == ["#claim-RA-T1"]
    sheet = table_of(found, "RA-T1_table")
    assert [node.text for node in walk(sheet) if node.tag == "td"] == ["UF", "0.25", "RA", "1"]


def table_of(found: Page, name: str) -> Node:
    return next(
        node
        for node in found.all("table")
        if any(c.tag == "caption" and c.text.startswith(name) for c in node.children)
    )


@pytest.mark.parametrize(
    ("low", "high", "threshold", "direction", "expected"),
    [
        (0.5, 1.5, 0.0, "greater", "holds"),
        (-1.0, 1.0, 0.0, "greater", "undecided"),
        (-2.0, -1.0, 0.0, "greater", "does not hold"),
        (-2.0, -1.0, 0.0, "less", "holds"),
        (-0.1, 0.2, 0.5, "equal", "holds"),
        (0.6, 0.9, 0.5, "equal", "does not hold"),
    ],
)
def test_the_verdict_comes_from_the_interval_not_from_the_file(
    rapo_root: Path, low: float, high: float, threshold: float, direction: str, expected: str
) -> None:
    file = save(claim(low=low, high=high, threshold=threshold, direction=direction))
    record = json.loads(file.read_text())
    lie = next(verdict for verdict in claims.VERDICTS if verdict != expected)
    file.write_text(json.dumps({**record, "verdict": lie}))
    found = page()
    assert (
        badges(found.one("details", class_="claim")) == badges(found.one("table", class_="overview")) == [expected]
    )
    assert f"The file says “{lie}”; the interval says “{expected}”." in found.text()


@pytest.mark.parametrize(
    "change", [{"low": math.nan}, {"low": None}, {"low": "0.5"}, {"low": 3.0}, {"direction": "up"}]
)
def test_an_interval_that_gives_no_verdict_is_told(rapo_root: Path, change: dict[str, Any]) -> None:
    file = save(claim())
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    found = page()
    assert badges(found.one("details", class_="claim")) == ["no verdict"]
    assert "RA-T1: No verdict can be computed" in found.text()


def test_whose_claim_it_is_and_its_premises_are_told(rapo_root: Path) -> None:
    premises = ({"premise": "an aligned base", "met": "in part"}, {"premise": "on-policy", "met": "not met"})
    save(claim("RA-T1", kind="stricter control", could_fail=False, premises=premises))
    save(claim("RA-T2", kind="paper's claim"))
    found = page()
    first, second = (found.one("details", id=f"claim-RA-T{place}") for place in (1, 2))
    assert "Whosestricter control, exact" in first.text
    assert "Whosepaper's claim" in second.text
    assert "an aligned base: in part; on-policy: not met" in " ".join(first.text.split())
    assert "Premises" not in second.text
    told = [first.attributes[f"data-{name}"] for name in ("paper", "kind", "footing", "lacks")]
    assert told == ["RA", "stricter control", "not met", " 0 1 "]
    assert second.attributes["data-footing"] == "none stated"
    assert [node.text for node in found.one("optgroup").children] == ["an aligned base", "on-policy"]


def test_what_holms_correction_takes_back_is_told_beside_the_plain_verdict(rapo_root: Path) -> None:
    for place in range(9):  # nine of a family that are just decided, and one of another that is so alone
        save(claim(f"RA-T1/{place}", estimate=1.0, low=0.05, high=1.95 + place / 1000))
    save(claim("RA-T2", estimate=1.0, low=0.05, high=1.95))
    found = page()
    for name, told in {"RA-T1_2f_0": True, "RA-T2": False}.items():
        text = found.one("details", id=f"claim-{name}").text
        assert "✓ holds" in text
        assert ("undecided after Holm's correction" in text) is told
    assert "9 of the decided ones would be undecided" in " ".join(found.one("main").text.split())


def test_plain_names_stand_on_the_page_and_the_measured_ones_in_its_csv(rapo_root: Path) -> None:
    save(claim(statement="RA beats UF, g=10", statistic="gold, RA less UF", paper="RA > UF"))
    found = page()
    text = found.one("details", class_="claim").text
    for words in ("RA beats plain DPO, asked for a 10", "true reward, RA less plain DPO", "RA > plain DPO"):
        assert words in text
    link = next(node for node in found.all("a") if node.attributes.get("download") == "claims.csv")
    (row,) = csv.DictReader(unquote(link.attributes["href"].partition(",")[2]).splitlines())
    assert (row["statement"], row["statistic"], row["low"], row["verdict"]) == (
        "RA beats UF, g=10",
        "gold, RA less UF",
        "0.5",
        "holds",
    )


def test_a_figure_without_a_dark_look_is_turned(rapo_root: Path) -> None:
    draw("RA-T1_a")
    draw("RA-T2_b")
    file = paths.figures("small") / "RA-T2_b.svg"
    file.write_text(
        file.read_text().replace("</svg>", "<style>@media (prefers-color-scheme: dark){}</style></svg>")
    )
    assert ["turned" in image.attributes.get("class", "") for image in page().all("img")] == [True, False]


def test_counts_add_up(rapo_root: Path) -> None:
    save(claim("RA-T1"))
    save(claim("RA-T2", low=-1.0))
    save(claim("RA-T3", estimate=-1.0, low=-2.0, high=-0.5))
    save(claim("RA-F2/naive"))
    save(claim("RA-F2/controlled", low=-1.0))
    found = page()
    legend = found.one("p", class_="legend")
    told = dict(zip(badges(legend), [int(node.text) for node in walk(legend) if node.tag == "b"], strict=True))
    assert told == {
        "holds": 2,
        "does not hold": 1,
        "equal": 0,
        "undecided": 2,
        "not measured": len(published.CLAIMS) - 4,
    }


def test_the_scorecard_has_papers_controls_and_own_questions_apart_and_leads_to_the_claims(
    rapo_root: Path,
) -> None:
    save(claim("RA-F2/a", kind="paper's claim"))
    save(claim("RA-F2/b", kind="paper's claim"))
    save(claim("RA-F2/c", kind="paper's claim", low=-1.0))
    save(claim("RA-F2/d", kind="stricter control", estimate=-1.0, low=-2.0, high=-0.5))
    save(claim("AP-F2", kind="ours"))
    found = page()
    grid = found.one("table", class_="grid")
    headings = [node.text for node in walk(grid) if node.tag == "th" and node.attributes["scope"] == "col"]
    assert headings == ["Claims about", "The papers' claims", "Stricter controls", "Our own questions"]
    rows = {}
    for row in (node for node in walk(grid) if node.tag == "tr"):
        name, *cells = row.children
        rows[" ".join(name.text.split())] = [
            [(" ".join(link.text.split()), link.attributes["href"]) for link in walk(cell) if link.tag == "a"]
            for cell in cells
        ]
    assert rows["The main comparison RA-F2"] == [
        [
            ("✓ 2 holds: paper's claim", "#claim-RA-F2_2f_a"),
            ("? 1 undecided: paper's claim", "#claim-RA-F2_2f_c"),
        ],
        [("✗ 1 does not hold: stricter control", "#claim-RA-F2_2f_d")],
        [],
    ]
    assert rows["Alignment potential"] == [[], [], [("✓ 1 holds: ours", "#claims")]]  # the whole paper: filtered
    (chip,) = (link for link in found.all("a", class_="chip") if link.attributes.get("data-paper") == "AP")
    assert (chip.attributes["data-kind"], chip.attributes["data-verdict"]) == ("ours", "holds")


def test_claims_stand_in_the_papers_order_and_own_ones_last(rapo_root: Path) -> None:
    for name in ("AP-F3", "W-P1", "RA-A2", "RA-F2/naive", "RA-T7", "RA-F2/controlled", "AP-F5"):
        save(claim(name))
    found = page()
    order = [node.attributes["id"].removeprefix("claim-") for node in found.all("details", class_="claim")]
    assert order == ["RA-F2_2f_controlled", "RA-F2_2f_naive", "RA-T7", "RA-A2", "AP-F5", "AP-F3", "W-P1"]
    headings = [node.text for node in found.all("h2")]
    assert headings[:2] == ["What was found", "Scorecard"]
    assert headings[2:5] == [*(paper.title for paper in published.PAPERS.values()), "Beyond the two papers"]


def test_one_id_of_a_shared_row_counts_as_measured(rapo_root: Path) -> None:
    save(claim("AP-F5"))
    rows = found_rows(page(), "not-measured")
    assert not any("AP-F1b" in row for row in rows)
    assert any("AP-F3" in row for row in rows)


def found_rows(found: Page, section: str) -> list[str]:
    return [" ".join(node.text.split()) for node in walk(found.one("details", id=section)) if node.tag == "tr"]


TEMPLATES = Path(report.__file__).with_name("templates")
HOSTILE = "<script>alert('x')</script> & \"quoted\" </table> <!-- {{ 7*7 }} {% raw %} 漢字 \N{GRINNING FACE}"


def test_texts_cannot_become_markup(rapo_root: Path) -> None:
    texts = ("statement", "statistic", "unit", "n", "paper", "note")
    file = save(claim(**dict.fromkeys(texts, HOSTILE), figures=(HOSTILE,)), notebook=HOSTILE[:9])
    file.write_text(json.dumps({**json.loads(file.read_text()), "id": f"RA-T1/{HOSTILE[:20]}"}))
    draw("RA-T1_x", alt=HOSTILE)
    tables.save_table(pd.DataFrame({HOSTILE: [HOSTILE, "a|b"]}), "RA-T1_y", scale="small")
    found = page()
    assert found.one("script").text.strip() == (TEMPLATES / "report.js").read_text(encoding="utf-8").strip()
    assert found.text().count("<script>alert('x')</script>") >= len(texts) + 2
    assert found.one("img").attributes["alt"] == HOSTILE
    assert [node.text for node in walk(table_of(found, "RA-T1_y")) if node.tag == "td"] == [HOSTILE, "a|b"]
    assert "49" not in found.one("details", class_="claim").text


def test_what_is_missing_is_named(rapo_root: Path) -> None:
    draw("RA-T1_png", suffixes=("png",))
    draw("RA-T1_there", suffixes=("svg",))
    save(claim(figures=("RA-T1_there", "RA-T1_png", "RA-T1_gone"), tables=("RA-T1_nowhere",)))
    found = page()
    assert shown(found) == ["RA-T1_there.svg"]
    assert "Not there: figure RA-T1_png, figure RA-T1_gone, table RA-T1_nowhere." in found.text()


def test_a_figure_without_sidecar_still_has_alternative_text(rapo_root: Path) -> None:
    draw("RA-T1_x")
    (paths.figures("small") / "RA-T1_x.json").write_text("{")
    save(claim())
    assert page().one("img").attributes["alt"] == "Figure RA-T1_x"


def shown(found: Page) -> list[str]:
    """The files of the figures on a page, in its order."""
    return [unquote(node.attributes["href"]) for node in found.all("a", class_="picture")]


def test_figures_find_their_claim_by_name_and_stand_once(rapo_root: Path) -> None:
    for name in ("RA-T1_a", "RA-T1.control_b", "RA-T10_c", "tour_d", "RA-F1_e"):
        draw(name)
    save(claim("RA-T1"))
    save(claim("RA-T2", figures=("RA-T1_a",)))
    found = page()
    assert shown(found) == ["RA-T1.control_b.svg", "RA-T1_a.svg", "RA-F1_e.svg", "RA-T10_c.svg", "tour_d.svg"]
    assert "See also RA-T1_a, shown above." in found.text()
    assert "No claim was saved for this id" in found.text()  # RA-F1
    further = found.one("section", **{"aria-labelledby": "further"})
    assert sum(node.tag == "img" for node in walk(further)) == 2


def test_every_link_within_the_page_arrives_and_ids_are_unique(rapo_root: Path) -> None:
    for name in ("RA-T1", "RA-F2/naive", "W/other"):
        save(claim(name))
    draw("RA-T1_a")
    found = page()
    names = [node.attributes["id"] for node in found.nodes if "id" in node.attributes]
    assert len(names) == len(set(names))
    for node in found.nodes:
        if (target := node.attributes.get("href", "")).startswith("#"):
            assert target[1:] in names
        if label := node.attributes.get("aria-labelledby"):
            assert label in names


def test_every_link_to_a_file_arrives_and_no_resource_is_foreign(rapo_root: Path) -> None:
    executed = paths.build("small") / "notebooks"
    executed.mkdir(parents=True)
    paths.notebooks().mkdir()
    for name in ("toy & co", "unclaimed"):
        (executed / f"{name}.html").write_text("<p>")
    source = {"metadata": {"rapo": {"title": "Toy policies"}}}
    (paths.notebooks() / "toy & co.ipynb").write_text(json.dumps(source))
    draw("RA-T1_odd name & (1)")
    save(claim(), notebook="toy & co")
    found = page()
    folder = paths.figures("small")
    links = [node.attributes[key] for node in found.nodes for key in ("href", "src") if key in node.attributes]
    files = [link for link in links if not link.startswith(("#", "data:", "https://arxiv.org/"))]
    assert all((folder / unquote(link)).is_file() for link in files)
    assert "../notebooks/toy%20%26%20co.html" in files
    assert "Toy policies" in found.one("details", class_="claim").text
    assert found.all("link") == []
    assert "src" not in found.one("script").attributes
    assert "url(" not in found.one("style").text
    assert "@import" not in found.one("style").text


def test_a_notebook_that_was_not_executed_has_no_dead_link(rapo_root: Path) -> None:
    save(claim(), notebook="gone")
    found = page()
    assert found_rows(found, "notebooks")[1:] == ["gone not here RA-T1"]
    assert "gone" in found.one("details", class_="claim").text


def test_long_tables_are_cut_and_say_so(rapo_root: Path) -> None:
    tables.save_table(pd.DataFrame({"i": range(1000)}), "RA-T1_long", scale="small")
    save(claim())
    table = table_of(page(), "RA-T1_long")
    assert sum(node.tag == "td" for node in walk(table)) == exhibits.ROWS_SHOWN == 100
    assert "the first 100 of 1000 rows" in " ".join(table.text.split())
    link = next(node for node in walk(table) if node.tag == "a")
    whole = unquote(link.attributes["href"].removeprefix("data:text/csv;charset=utf-8,"))
    assert (link.attributes["download"], whole.split()[-1]) == ("RA-T1_long.csv", "999")


def test_ragged_and_empty_tables_do_not_break_the_page(rapo_root: Path) -> None:
    folder = paths.figures("small")
    folder.mkdir(parents=True)
    (folder / "RA-T1_ragged.md").write_text("| a | b |\n| --- | --- |\n| 1 |\n| 1 | 2 | 3 |\n")
    (folder / "RA-T1_empty.md").write_text("")
    (folder / "RA-T1_heading.md").write_text("| a |\n")
    for name in ("ragged", "empty", "heading"):
        (folder / f"RA-T1_{name}.csv").touch()
    save(claim())
    assert [node.text for node in walk(table_of(page(), "RA-T1_ragged")) if node.tag == "td"] == [
        "1",
        "1",
        "2",
        "3",
    ]


def test_damaged_claims_are_told_and_the_rest_is_shown(rapo_root: Path) -> None:
    save(claim())
    folder = paths.figures("small") / "claims"
    (folder / "RA-T2.json").write_text("{not json")
    (folder / "RA-T3.json").write_text("[1]")
    (folder / "RA-F1.json").write_text('{"statement": "no id"}')
    found = page()
    assert len(found.all("article")) == 1
    for name in ("RA-T2", "RA-T3", "RA-F1"):
        assert f"claims/{name}.json could not be read" in found.text()


def test_the_run_is_named(rapo_root: Path) -> None:
    made_by = marker.made_by()
    facts = [node.text for node in walk(page().one("dl", class_="facts")) if node.tag == "dd"]
    assert facts[:2] == ["small", made_by["commit"]]
    assert f"python {made_by['python']}" in facts[2].split(" · ")


def test_the_same_input_gives_the_same_bytes(rapo_root: Path) -> None:
    draw("RA-T1_a")
    for name in ("RA-T2", "RA-T1", "W-P1"):
        save(claim(name))
    first = report.write("small").read_bytes()
    assert report.write("small").read_bytes() == first


def test_smoke_says_that_it_proves_nothing(rapo_root: Path) -> None:
    assert report.write("smoke") == rapo_root / "build" / "smoke" / "figures" / "report.html"
    assert "These numbers say nothing about the claims" in page("smoke").text()
    assert "These numbers say nothing about the claims" not in page("small").text()


def test_an_unknown_scale_is_refused(rapo_root: Path) -> None:
    with pytest.raises(ValueError, match="use one of smoke, small, full"):
        report.write("medium")


def keep(*kept: claims.Claim) -> None:
    records = [json.loads(save(one, scale="full").read_text()) for one in kept]
    paths.write_text(
        paths.results() / "claims.json", json.dumps([{**record, "scale": "small"} for record in records])
    )
    paths.write_text(paths.results() / "manifest.json", json.dumps(listing()))


def test_what_differs_from_the_kept_results(rapo_root: Path) -> None:
    keep(
        claim("RA-T1"),
        claim("RA-T2", estimate=-1.0, low=-1.5, high=-0.5),
        claim("RA-T3", estimate=0.8, low=-0.1, high=1.7),
        claim("RA-F1"),
    )
    for name in ("RA-T1", "RA-T2", "RA-T3", "RA-A2"):
        save(claim(name))
    found = page()
    (row,) = found_rows(found, "kept")[
        1:
    ]  # of RA-T3 the verdict differs, and the interval of the difference holds 0
    assert row.startswith("a statement RA-T2 −1.0[−1.5, −0.5]✗ does not hold 1.0[0.5, 1.5]✓ holds")
    assert "Kept, but not measured on this page: RA-F1." in found.text()
    assert "Measured here, but not kept: RA-A2." in found.text()
    assert "to be expected" not in found.text()


def test_equal_results_differ_in_nothing(rapo_root: Path) -> None:
    keep(claim("RA-T1"))
    save(claim("RA-T1"))
    assert "No claim that both have differs beyond the intervals." in page().text()


def test_another_scale_is_expected_to_differ(rapo_root: Path) -> None:
    keep(claim("RA-T1"))
    save(claim("RA-T1"), scale="smoke")
    assert (
        "This page is of scale smoke, so differences from the kept results are to be expected."
        in page("smoke").text()
    )


def test_damaged_kept_results_are_told(rapo_root: Path) -> None:
    paths.write_text(paths.results() / "claims.json", "[{]")
    assert "data/results/claims.json could not be read" in page().text()


def test_what_was_kept_under_an_earlier_plan_is_told_and_is_no_finding(rapo_root: Path) -> None:
    keep(claim("RA-F2/gold", notebook="toy"))
    assert "In true reward it is ahead" in report.kept_pages()["report.html"]
    paths.write_text(paths.results() / "outdated.json", '{"toy": "its pairs are others now"}')
    kept = report.kept_pages()["report.html"]
    assert "toy is shown as it was kept earlier: its pairs are others now." in kept
    assert "In true reward it is ahead" not in kept


def test_accessibility_of_the_structure(rapo_root: Path) -> None:
    save(claim("RA-F2/naive"))
    draw("RA-F2_a")
    found = page()
    assert found.one("html").attributes["lang"] == "en"
    assert len(found.all("main")) == len(found.all("h1")) == len(found.all("nav")) == 1
    assert all(node.attributes.get("alt") for node in found.all("img"))
    assert all("scope" in node.attributes for node in found.all("th"))
    levels = [int(node.tag[1]) for node in found.nodes if re.fullmatch("h[1-6]", node.tag)]
    assert all(below <= above + 1 for above, below in pairwise(levels))
    assert all("tabindex" in node.attributes for node in found.all("div", class_="scroll"))
    assert all(node.attributes.get("aria-hidden") == "true" for node in found.all("svg"))


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_contrast_is_aa_in_light_dark_and_print(rapo_root: Path) -> None:
    css = page().one("style").text
    schemes = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
        for block in re.findall(r":root \{(.*?)\}", css, re.S)
    ]
    assert len(schemes) == 3
    pairs = [(text, back) for text in ("text", "quiet", "link") for back in ("page", "panel")]
    pairs += [(f"{name}-text", name) for name in ("holds", "fails", "open", "none")]
    for scheme in schemes:
        for text, back in pairs:
            dark, light = sorted((luminance(scheme[text]), luminance(scheme[back])))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, back)


@pytest.mark.parametrize(
    ("change", "estimate", "interval"),
    [
        (
            {"estimate": 12.34, "low": 8.94, "high": 15.71},
            "12.3",
            "[8.9, 15.7]",
        ),  # width 6.8: two digits end at 0.1
        ({"estimate": 0.5123, "low": 0.48, "high": 0.5442}, "0.512", "[0.480, 0.544]"),  # width 0.064: at 0.001
        ({"estimate": -120.4, "low": -310.0, "high": 70.0}, "−120", "[−310, 70]"),
        ({"estimate": 1.0, "low": 1.0, "high": 1.0}, "1", "[1, 1]"),  # exact: three significant digits
        ({"estimate": -0.001, "low": -0.9, "high": 0.9}, "0.0", "[−0.9, 0.9]"),  # no minus before a zero
        ({"estimate": 3.0, "low": -math.inf, "high": math.inf}, "3", "[−∞, ∞]"),
    ],
)
def test_numbers_are_rounded_by_the_width_of_the_interval(
    change: dict[str, float], estimate: str, interval: str
) -> None:
    card = cards.card({"id": "RA-T1", **change})
    assert (card.estimate, card.interval) == (estimate, interval)


def test_the_strip_draws_the_interval_against_the_threshold() -> None:
    # Points -2, 0, 2, 8: 10 wide, from 8 to 92 of 100, so 8.4 a unit.
    strip = cards.card({"id": "RA-T1", "estimate": 2.0, "low": -2.0, "high": 8.0}).strip
    assert strip is not None
    assert (strip.low, strip.estimate, strip.high) == (8.0, 41.6, 92.0)
    assert strip.thresholds == ((24.8, "0"),)
    assert (strip.holds_from, strip.holds_to) == (24.8, 100.0)
    less = cards.card({"id": "RA-T1", "estimate": 2.0, "low": -2.0, "high": 8.0, "direction": "less"}).strip
    assert less is not None
    assert (less.holds_from, less.holds_to) == (0.0, 24.8)


@pytest.mark.parametrize(
    "change", [{"low": math.nan}, {"high": math.inf}, {"estimate": 0.0, "low": 0.0, "high": 0.0}]
)
def test_there_is_no_strip_where_nothing_can_be_drawn(change: dict[str, float]) -> None:
    assert cards.card({"id": "RA-T1", "estimate": 1.0, "low": 0.5, "high": 1.5, **change}).strip is None


def test_published_numbers_stand_beside_ours_unrounded(rapo_root: Path) -> None:
    save(claim("RA-T6"))
    cells = [node.text for node in walk(table_of(page(), "Published numbers")) if node.tag == "td"]
    assert cells[:8] == ["Qwen2-7B-It", "base", "20.93", "18.22", "7.9", "24.3", "exact", "RA poster"]


def test_the_index_shows_each_figure_small_beside_the_verdicts_of_its_id(rapo_root: Path) -> None:
    draw("RA-T1_toy & co", alt='Two "policies".')
    tables.save_table(pd.DataFrame({"arm": ["UF"]}), "RA-T1_table", scale="small")
    save(claim("RA-T1", statement="<b>|a|</b>"))
    save(claim("W-P1", low=-1.0))
    report.write("small")
    lines = (paths.figures("small") / "README.md").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# Figures"
    assert "Claims: 1 holds, 1 undecided." in lines
    told = "Two &quot;policies&quot;."
    image = f'<img src="RA-T1_toy%20%26%20co.png" width="280" alt="{told}">'
    assert f'<a href="RA-T1_toy%20%26%20co.svg">{image}</a>' in lines
    assert any(line.startswith("### RA-T1 Toy policy: DPO unlearns") for line in lines)
    assert "Tables: RA-T1_table ([CSV](RA-T1_table.csv), [Markdown](RA-T1_table.md))" in lines
    row = next(line for line in lines if line.startswith("| RA-T1 |"))
    assert "&lt;b&gt;\\|a\\|&lt;/b&gt;" in row
    assert row.endswith("| **holds** |")
    assert "### W-P1" in lines


def test_the_kept_page_is_the_same_on_every_machine(rapo_root: Path) -> None:
    keep(claim("RA-T1"))
    about = {**listing()["claims.json"], "commit": "abc1234", "versions": {"python": "3.11.7"}}
    paths.write_text(paths.results() / "manifest.json", json.dumps({"claims.json": about}))
    before = report.kept_pages()
    draw("RA-T1_a")  # in the build folder, as what is below
    paths.write_text(paths.build("small") / "notebooks" / "toy.html", "<p>")
    assert report.kept_pages() == before
    found = Page(before["report.html"])
    facts = [node.text for node in walk(found.one("dl", class_="facts")) if node.tag == "dd"]
    assert facts == ["small", "abc1234", "python 3.11.7"]
    assert "Differs from the kept results" not in found.text()
    assert found.one("details", class_="claim").attributes["id"] == "claim-RA-T1"


def test_a_claim_that_the_untrained_base_meets_is_marked_everywhere(rapo_root: Path) -> None:
    save(claim("RA-T1", base_meets_it=True))
    save(claim("RA-T2", base_meets_it=False))
    save(claim("RA-T3"))
    shown = page()
    rows = [node.text.split() for node in shown.all("td", class_="verdict")]
    assert [" ".join(row) for row in rows] == ["✓ holds the base too", "✓ holds", "✓ holds"]
    told = [node.text for node in shown.all("dd") if "meet" in node.text]
    assert told == ["meets it too", "does not meet it"]
    index = (paths.figures("small") / "README.md").read_text(encoding="utf-8")
    assert "**holds**; the untrained base meets it too" in index


def test_a_table_shows_its_cells_as_they_were(rapo_root: Path) -> None:
    cells = ["a|b", "[x](y) **z**", "<b>&lt;", "_u_ ~~v~~ `w`", "c\\d"]
    saved = tables.save_table(pd.DataFrame({"x[1]": cells}), "t", scale="small")
    found = exhibits.sheet(saved.parent, "t")
    assert found is not None
    assert found.columns == [("x[1]", False)]
    assert found.rows == [[cell] for cell in cells]
