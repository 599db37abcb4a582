"""The report as a reader has it: shown by a real browser, wide and on a phone, light and dark."""

import io
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from rapo.reproduction import report
from rapo.reproduction.report.cards import card as card_of
from rapo.runs import store
from tests import browser

ROOT = Path(__file__).resolve().parents[2]
WIDE, PHONE = (1280, 900), (390, 844)

OPENED = "for (const one of document.querySelectorAll('details')) one.open = true;"
UNFOLDED = "for (const one of document.querySelectorAll('.unfold')) one.click();"
SIDEWAYS = """[...document.querySelectorAll("main *")].filter((one) => one.checkVisibility()
  && one.getBoundingClientRect().right > innerWidth + 1
  && !one.closest(".scroll, .picture, .hidden")).map((one) => one.outerHTML.slice(0, 120))"""
# Contrast of WCAG 2 of every text that is seen, against the first background behind it that is not transparent.
FAINT = """(() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = parts(colour).slice(0, 3).map((one) => one / 255)
      .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const known = new Map([[null, "rgb(255, 255, 255)"]]);
  const behind = (one) => {
    if (!known.has(one)) {
      const colour = getComputedStyle(one).backgroundColor;
      known.set(one, (parts(colour)[3] ?? 1) > 0 ? colour : behind(one.parentElement));
    }
    return known.get(one);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = new Set();
  while (texts.nextNode()) {
    const one = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !one.checkVisibility() || one.closest("script, .hidden, .skip")) continue;
    const paint = one.tagName === "text" ? getComputedStyle(one).fill : getComputedStyle(one).color;
    const [dark, bright] = [light(paint), light(behind(one))].sort((a, b) => a - b);
    if ((bright + 0.05) / (dark + 0.05) < 4.5) found.add(one.outerHTML.slice(0, 120));
  }
  return [...found];
})()"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of what is kept, alone in a folder: nothing lies beside it."""
    file = tmp_path_factory.mktemp("alone") / "report.html"
    file.write_text(report.kept_pages()["report.html"], encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Tab]:
    program = browser.found()
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(browser.NAMES)} is on the path")
    with browser.tab(program, tmp_path_factory.mktemp("browser")) as one:
        yield one


def show(tab: browser.Tab, page: Path, size: tuple[int, int], *, dark: bool = False) -> None:
    tab.go(page, width=size[0], height=size[1], dark=dark)


PAINTED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def test_it_stands_alone_and_complains_of_nothing(kept: Path, tab: browser.Tab) -> None:
    show(tab, kept, WIDE)
    tab.run(f"{OPENED} Promise.all([...document.images].map((image) => image.decode()))")
    assert tab.run("[...document.images].every((image) => image.naturalWidth > 0)")
    fetched = tab.run("performance.getEntriesByType('resource').map((one) => one.name)")
    assert [name for name in fetched if not name.startswith("data:")] == []
    assert tab.problems == []


def test_it_is_short_before_anything_is_opened_and_begins_with_what_was_found(
    kept: Path, tab: browser.Tab
) -> None:
    show(tab, kept, WIDE)
    assert tab.run("document.documentElement.scrollHeight") < 15 * WIDE[1]
    top = "document.querySelector('{}')?.getBoundingClientRect().top"
    places = [tab.run(top.format(part)) for part in (".findings", "details.notice", ".grid", ".group")]
    assert places[0] < WIDE[1] / 3
    there = [place for place in places if place is not None]
    assert there == sorted(there)
    assert tab.run("document.querySelectorAll('main details[open]').length") == 0


def test_contents_stay_in_sight_and_lead_to_their_groups(kept: Path, tab: browser.Tab) -> None:
    link = "document.querySelector('#contents a[href=\"#section-RA-T7\"]')"
    for size in (WIDE, PHONE):
        show(tab, kept, size)
        tab.run("scrollTo(0, 5000)")
        assert 0 <= tab.run("document.querySelector('.rail').getBoundingClientRect().top") < 5
        tab.run(f"byId('contents').open = true; {link}.click(); {PAINTED}")
        assert 0 <= tab.run("byId('section-RA-T7').getBoundingClientRect().top") < size[1] / 4
        assert tab.run("byId('contents').open") is (size == WIDE)  # on a phone the menu shuts
        tab.run(f"document.querySelector('.up').click(); {PAINTED}")
        assert tab.run("scrollY") == 0


def test_links_open_what_they_lead_to(kept: Path, tab: browser.Tab) -> None:
    show(tab, kept, WIDE)
    target = "byId(document.querySelector('.findings a').hash.slice(1))"
    tab.run(f"document.querySelector('.findings a').click(); {PAINTED}")
    assert tab.run(f"{target}.open && {target}.checkVisibility()")
    assert 0 <= tab.run(f"{target}.getBoundingClientRect().top") < WIDE[1]


LEFT = "claims.filter((one) => !one.hidden)"


def ask(tab: browser.Tab, **fields: str) -> list[list[str]]:
    """Fill in the filter; paper, verdict, whose and footing of each claim that it leaves."""
    settings = "".join(f"form.elements[{name!r}].value = {value!r};" for name, value in fields.items())
    tab.run(f'form.reset(); {settings} form.dispatchEvent(new Event("input"))')
    left: list[list[str]] = tab.run(f"{LEFT}.map(({{ dataset: d }}) => [d.paper, d.verdict, d.kind, d.footing])")
    assert tab.run("form.elements.count.value").startswith(f"{len(left)} ")
    return left


def test_filters_leave_the_claims_that_fit(kept: Path, tab: browser.Tab) -> None:
    show(tab, kept, WIDE)
    every = ask(tab)
    assert len(every) == len(store.kept_claims()) > 100
    assert ask(tab, paper="AP") == [one for one in every if one[0] == "AP"]
    asked = {"paper": "RA", "verdict": "holds", "kind": "paper's claim", "premise": "not met"}
    assert [] != ask(tab, **asked) == [one for one in every if one == list(asked.values())]
    lacking = len(ask(tab, premise="0"))
    premise = tab.run("form.querySelector('optgroup option').textContent")
    told = [card.premises for card in map(card_of, store.kept_claims())]
    assert lacking == sum((premise, met) in one for one in told for met in ("in part", "not met")) > 0
    assert 0 < len(ask(tab, search="SimPO asked")) < len(every)
    assert tab.run(f"{LEFT}.every((one) => /simpo/i.test(one.textContent))")
    assert tab.run("groups.every((one) => one.hidden || one.querySelector('.more').open)")
    assert ask(tab, search="no such words") == []
    assert tab.run("byId('none').checkVisibility() && groups.every((one) => one.hidden)")
    tab.run(f"document.querySelector('#none button').click(); {PAINTED}")
    assert tab.run(f"{LEFT}.length") == len(every)
    assert tab.run("groups.every((one) => !one.hidden && !one.querySelector('.more')?.open)")


def test_a_total_of_the_scorecard_sets_the_filter_and_a_link_to_what_is_hidden_clears_it(
    kept: Path, tab: browser.Tab
) -> None:
    show(tab, kept, WIDE)
    chip = "document.querySelector('.whole .chip')"
    told = int(tab.run(f"{chip}.textContent.match(/[0-9]+/)[0]"))
    tab.run(f"{chip}.click()")
    assert tab.run(f"{LEFT}.length") == told
    assert tab.run("form.elements.verdict.value") == tab.run(f"{chip}.dataset.verdict")
    tab.run(f"reveal('#' + claims.find((one) => one.hidden).id); {PAINTED}")
    assert tab.run(f"{LEFT}.length") == tab.run("claims.length")


def test_tables_are_sorted_by_a_click(kept: Path, tab: browser.Tab) -> None:
    show(tab, kept, WIDE)
    heading = "document.querySelector('.overview thead').rows[0].cells[4]"
    cells = "[...document.querySelector('.overview').tBodies[0].rows].map((row) => row.cells[4].textContent)"
    for order, turn in (("ascending", 1), ("descending", -1)):
        tab.run(f"{heading}.querySelector('button').click()")
        assert tab.run(f"{heading}.getAttribute('aria-sort')") == order
        numbers = [turn * float(cell.replace("\N{MINUS SIGN}", "-").split()[0]) for cell in tab.run(cells)]
        assert numbers == sorted(numbers)


def test_words_are_explained_where_they_stand(kept: Path, tab: browser.Tab) -> None:
    for size in (WIDE, PHONE):
        show(tab, kept, size)
        tab.run(f"document.querySelector('.findings .term').focus({{ preventScroll: true }}); {PAINTED}")
        assert len(tab.run("tip.textContent")) > 20
        left, right, top = (tab.run(f"tip.getBoundingClientRect().{side}") for side in ("left", "right", "top"))
        assert 0 <= left < right <= size[0]
        assert top >= 0
        tab.run("document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }))")
        assert tab.run("tip.hidden")


def test_a_figure_is_enlarged(kept: Path, tab: browser.Tab) -> None:
    show(tab, kept, PHONE)
    tab.run("document.querySelector('a.picture').click()")
    assert tab.run("larger.open && larger.querySelector('img').width >= 0.9 * innerWidth")
    tab.run("larger.querySelector('button').click()")
    assert not tab.run("larger.open")


def test_on_a_phone_the_scorecard_shows_totals_until_its_groups_are_asked_for(
    kept: Path, tab: browser.Tab
) -> None:
    seen = "[...byId('grid').querySelectorAll('tbody tr')].filter((row) => row.checkVisibility()).length"
    show(tab, kept, WIDE)
    every = tab.run(seen)
    show(tab, kept, PHONE)
    assert tab.run(seen) == tab.run("document.querySelectorAll('.whole').length") < every
    tab.run(UNFOLDED)
    assert tab.run(seen) == every


def test_a_figure_too_wide_for_a_phone_is_swiped_in_its_own_box_and_says_so(kept: Path, tab: browser.Tab) -> None:
    told = "getComputedStyle(document.querySelector('.picture + figcaption'), '::before').content"
    show(tab, kept, WIDE)
    assert tab.run(f"{PAINTED}.then(() => {told})") == "none"
    show(tab, kept, PHONE)
    assert "Swipe" in tab.run(f"{PAINTED}.then(() => {told})")
    assert tab.run("document.querySelector('.picture').scrollWidth") > PHONE[0]


def test_two_narrow_groups_share_a_row_until_one_is_opened(kept: Path, tab: browser.Tab) -> None:
    show(tab, kept, WIDE)
    first, second = (f"document.querySelectorAll('.half')[{place}]" for place in (0, 1))
    top = "{}.getBoundingClientRect().top"
    assert tab.run(top.format(first)) == tab.run(top.format(second))
    tab.run(f"{first}.querySelector('.more').open = true")
    assert tab.run(top.format(first)) < tab.run(top.format(second))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_phone_needs_no_sideways_scroll_and_can_be_tapped(kept: Path, tab: browser.Tab, dark: bool) -> None:
    show(tab, kept, PHONE, dark=dark)
    for opened in ("", f"{OPENED} {UNFOLDED}"):
        tab.run(opened)
        assert tab.run("document.documentElement.scrollWidth") == PHONE[0]
        assert tab.run(SIDEWAYS) == []
    small = tab.run(
        "[...document.querySelectorAll('main summary, .chip, .unfold, .rail summary, .up, .grid th a')]"
        ".filter((one) => one.getBoundingClientRect().height < 32).map((one) => one.outerHTML.slice(0, 120))"
    )
    assert small == []
    assert tab.problems == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_all_text_has_contrast(kept: Path, tab: browser.Tab, size: tuple[int, int], dark: bool) -> None:
    show(tab, kept, size, dark=dark)
    tab.run(OPENED)
    assert tab.run(FAINT) == []


def test_figures_have_no_white_panels_on_dark(kept: Path, tab: browser.Tab) -> None:
    from PIL import Image

    show(tab, kept, WIDE, dark=True)
    for place in range(2, 12, 3):
        tab.run(f"scrollTo(0, {place * WIDE[1]}); {PAINTED}")
        with Image.open(io.BytesIO(tab.shot())) as shot:
            tones = shot.convert("L").histogram()
        assert sum(tones[200:]) < 0.1 * sum(tones)  # letters and lines; a white panel would be more


def test_every_link_of_the_kept_page_arrives_in_a_fresh_clone(kept: Path) -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("no git checkout: what a clone has cannot be told")
    tracked = {(ROOT / name).resolve() for name in listed.stdout.splitlines()}
    links = set(re.findall(r'href="([^"#]+)"', kept.read_text(encoding="utf-8")))
    files = {link for link in links if not link.startswith(("https://arxiv.org/", "data:"))}
    assert len(files) > 50
    assert [link for link in files if (ROOT / "figures" / unquote(link)).resolve() not in tracked] == []
