"""The page: it holds every finding, needs no other file, and takes texts as texts."""

import re
from html.parser import HTMLParser

import pytest
from scored_pairs import many, of_texts

from rapo.inspection import finding, page
from rapo.inspection.audit import audit
from rapo.inspection.finding import Finding, Picture
from rapo.stats.intervals import Interval


class Tags(HTMLParser):
    """Which tags stand open at the end, and where links go."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids |= {found["id"] or ""} if "id" in found else set()
        self.links |= {found["href"] or ""} if "href" in found else set()
        if tag not in ("meta", "br", "line", "rect", "circle"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("line", "rect", "circle"):
            assert self.open.pop() == tag


def text() -> str:
    rows = [
        *many(20),
        of_texts("<script>alert(1)</script> & more", "same", "same", score_chosen=5, score_rejected=5),
    ]
    return audit(rows).html()


def test_every_finding_stands_there_and_every_link_leads_somewhere() -> None:
    report = audit([*many(20), of_texts("p", "same", "same")])
    tags = Tags()
    tags.feed(made := report.html())
    assert tags.open == []
    assert all(link.startswith("#") and link[1:] in tags.ids for link in tags.links)
    assert made.count("<article") == len(report.findings)
    for found in report.findings:
        assert f"<h3>{found.name}</h3>" in made


def test_it_needs_no_other_file_and_no_script() -> None:
    made = text()
    assert "<script" not in made
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", made)
    assert "@import" not in made
    assert "url(" not in made
    assert 'name="viewport"' in made
    assert "prefers-color-scheme: dark" in made


def test_texts_of_the_data_are_no_markup() -> None:
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in text()


def test_the_same_report_gives_the_same_page() -> None:
    assert text() == text()


def test_bars_are_in_proportion_and_inside() -> None:
    picture = Picture("scores", "t", "x", ("1", "2"), {"chosen": (5, 10), "rejected": (0, 2)})
    one, two, none, few = page.bars(picture)
    assert two.height == page.FLOOR - page.TOP
    assert one.height * 2 == two.height
    assert none.height == 0
    assert few.height * 5 == two.height
    assert all(bar.y + bar.height == page.FLOOR for bar in (one, two, none, few))
    assert one.x < none.x < two.x < few.x < page.WIDE - few.width
    assert two.told == "2: 10 chosen"
    assert page.most(picture) == 10


def test_few_labels_are_written_where_there_is_little_room() -> None:
    many_labels = Picture("scores", "t", "x", tuple(str(i) for i in range(100)), {"n": (1,) * 100})
    assert 3 < len(page.ticks(many_labels)) < 30
    assert len(page.ticks(Picture("scores", "t", "x", ("a", "b"), {"n": (1, 1)}))) == 2


@pytest.mark.parametrize("count", [0, 1, 9, 10, 5_000, 10_000])
def test_a_share_reads_the_same_in_words_and_beside_its_interval(count: int) -> None:
    found = finding.share("a", "scores", "", count=count, n=10_000, bounds=(0.1, 0.2, 0.3))
    assert page.measured(found).startswith(f"{finding.percent(count, 10_000)} [")


def test_a_strip_lies_on_the_range_of_what_it_shows() -> None:
    half = Finding("a", "scores", "ok", "", 1, 2, interval=Interval(0.5, 0.0, 1.0, 2))
    assert page.strip(half) == {"low": 4.0, "width": 192.0, "at": 100.0, "zero": None}
    rho = Finding("a", "lengths", "ok", "", 1, 2, measure="rho", interval=Interval(0.0, -0.5, 0.5, 2))
    assert page.strip(rho) == {"low": 52.0, "width": 96.0, "at": 100.0, "zero": 100.0}
    assert page.strip(Finding("a", "scores", "ok", "", 1, 2)) is None
