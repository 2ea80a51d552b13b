from bench.measure import Figures
from bench.report import Comparison, markdown, where_time_goes


def _comparison():
    ours = Figures("ours", 4000.0, 3500.0, 4200.0, {"client": 100.0, "broker": 20.0, "database": 60.0})
    theirs = Figures("theirs", 500.0, 400.0, 600.0, {"client": 900.0})
    return Comparison("A title", "event", [ours, theirs], ["A note."])


def test_the_table_says_how_many_times_ours_is_faster():
    """Every other side's line names the ratio of the rates, our own none."""
    lines = markdown(_comparison()).splitlines()
    assert "| ours | 4,000 | 3,500 to 4,200 |  | 100 | 20 | 60 |" in lines
    assert "| theirs | 500 | 400 to 600 | 8.0 | 900 | n/a | n/a |" in lines
    assert lines[-1] == "- A note."


def test_json_holds_the_ratios():
    """A program reads the same ratios as a person."""
    assert _comparison().as_json()["ratios"] == {"theirs": 8.0}


def test_where_the_time_goes_is_ordered_by_cost():
    """The greatest cost comes first, and all costs make the whole."""
    lines = where_time_goes(_comparison().ours, "event").splitlines()
    assert lines[2:] == [
        "| client | 100 | 56% |",
        "| database | 60 | 33% |",
        "| broker | 20 | 11% |",
        "| all | 180 | |",
    ]
