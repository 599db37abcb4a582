"""Plain names and words that are explained where they stand."""

import pytest

from rapo.reproduction.report import glossary


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ("gold, RA (g=10) less UF", "true reward, RA, asked for a 10 less plain DPO"),
        (
            "true (gold) reward, RA less its control (UF, g=10)",
            "true reward, RA less its control (plain DPO, asked for a 10)",
        ),
        ("Gold reward rises", "True reward rises"),
        ("UF lowers it", "Plain DPO lowers it"),
        ("beats UF asked for 10", "beats plain DPO asked for a 10"),
        (
            "SPPO: LC 55.6; +DPO(UF) 52.8; +DPO(RA) 61.0",
            "SPPO: LC 55.6; plain DPO 52.8; DPO on relabelled pairs 61.0",
        ),
        ("UF, equal steps, g=10", "Plain DPO, same number of steps, asked for a 10"),
        ("M_AP selects more than M_+'s", "Alignment potential selects more than the explicit margin's"),
        ("golden, UFO, at g = 10, 100 asked for 100", "golden, UFO, at g = 10, 100 asked for 100"),
    ],
)
def test_signs_become_plain_names(told: str, read: str) -> None:
    assert glossary.plain(told) == read


def test_terms_are_marked_with_the_place_of_their_entry() -> None:
    said = glossary.explained({"gold, true reward": 3, "RA": 5})
    assert said("Gold of RA <b>") == (
        '<span class="term" tabindex="0" data-word="3">True reward</span> of '
        '<span class="term" tabindex="0" data-word="5">RA</span> &lt;b&gt;'
    )
    assert said("plain DPO, IRAN") == "plain DPO, IRAN"  # no entry, no mark


def test_every_term_has_its_entry() -> None:
    assert set(glossary.TERMS.values()) <= set(dict(glossary.words()))
