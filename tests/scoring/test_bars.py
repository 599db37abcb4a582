import pytest

from rapo.scoring.bars import Bar


def test_it_counts_whether_shown_or_not(capsys):
    for shown in (False, True):
        with Bar(3, shown=shown) as bar:
            bar.title("model")
            bar.advance(0.5)
            bar.advance(2.5)
        assert bar.done == 3.0


def test_silent_where_nobody_watches(capsys):
    with Bar(3) as bar:
        bar.advance(3)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_shown_it_tells_units_done(capsys, monkeypatch):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")  # rich draws as on a terminal
    with Bar(3, unit="rows", shown=True) as bar:
        bar.title("reference")
        bar.advance(2)
        bar._bar.refresh()
    err = capsys.readouterr().err
    assert "reference" in err
    assert "2/3" in err
    assert "rows" in err


def test_an_error_ends_the_bar():
    with pytest.raises(ValueError, match="stop"), Bar(3, shown=True) as bar:
        raise ValueError("stop")
    assert bar._bar.live.is_started is False
