"""Which panels a world has."""

from rapo.studies.common.panels import form_panels


def test_sentences_are_shown_where_their_number_is_a_side() -> None:
    panels = form_panels({"gold": {"peak": 2}})
    assert list(panels) == ["gold", "sentences", "unparseable"]
    assert panels["sentences"].reference == 2
    assert list(form_panels({"regime": "many-sided"})) == ["gold", "unparseable"]
