"""A heat map of differences says each number once, in its place."""

import matplotlib.pyplot as plt
import pandas as pd

from rapo.plots import heat, style

CELLS = pd.DataFrame(
    {
        "lean": [-2, -2, 1, 1], "noise": [1.0, 3.0, 1.0, 3.0],
        "estimate": [8.0, 2.0, -4.0, 0.1], "low": [7.0, -1.0, -5.0, -0.2], "high": [9.0, 5.0, -3.0, 0.4],
    }
)  # fmt: skip


def test_numbers_stand_in_their_places_and_sure_ones_are_bold() -> None:
    axes = heat.plot_differences(CELLS, rows="lean", columns="noise", ahead="MAP", behind="M+")
    told = {text.get_position(): (text.get_text(), text.get_fontweight()) for text in axes.texts}
    assert told[0, 0] == ("+8.0\n[7.0, 9.0]", "bold")
    assert told[1, 0] == ("+2.0\n[-1.0, 5.0]", "normal")
    assert told[0, 1] == ("-4.0\n[-5.0, -3.0]", "bold")
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["-2", "1"]
    assert axes.images[0].get_array().tolist() == [[8.0, 2.0], [-4.0, 0.1]]
    assert axes.images[0].get_clim() == (-8, 8)


def test_full_colours_are_those_of_the_methods() -> None:
    axes = heat.plot_differences(
        CELLS, rows="lean", columns="noise", ahead="MAP", behind="M+", reach=5, ax=plt.subplots()[1]
    )
    image = axes.images[0]
    from matplotlib.colors import to_hex

    assert to_hex(image.cmap(image.norm(5))).upper() == style.colour("MAP")
    assert to_hex(image.cmap(image.norm(-5))).upper() == style.colour("M+")
