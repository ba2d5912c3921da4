"""What would have changed an entry decision: one binding filter silenced at a time."""

from sample_scenes import DEFAULTS, Scene, decide_entry, release

from market.macro import MacroKind
from market.schedule import MomentName
from strategies.condor import CondorStrategy
from strategies.counterfactual import Change, changes


def ask(scene: Scene) -> dict[str, Change]:
    """Return the changes of a scene's entry by filter name."""
    request = CondorStrategy(DEFAULTS).needs(scene.context(MomentName.ENTRY))
    assert request is not None
    view = scene.view(MomentName.ENTRY, request)
    return {change.name: change for change in changes(view, decide_entry(scene), DEFAULTS)}


def test_a_hold_alone_in_the_way_is_named_with_what_would_have_been_sold() -> None:
    found = ask(Scene(vix=21.0, curve=(21.0, 22.0)))

    assert set(found) == {"vix_gate"}
    assert found["vix_gate"].rule == "R-05"
    assert found["vix_gate"].sentence.startswith("Sell ")
    assert not found["vix_gate"].is_same


def test_two_blocks_leave_each_other_standing() -> None:
    found = ask(Scene(vix=21.0, curve=(24.0, 20.0)))

    assert "R-04" in found["vix_gate"].sentence
    assert found["term_structure"].is_same


def test_a_limit_shows_the_larger_trade_it_prevented() -> None:
    found = ask(Scene(releases=(release(MacroKind.CPI, "2018-01-24T13:30"),)))

    assert found["event"].rule == "R-06"
    assert "half size" not in found["event"].sentence


def test_an_entry_nothing_bound_has_no_changes() -> None:
    assert ask(Scene()) == {}


def test_what_is_needed_to_sell_at_all_is_never_silenced() -> None:
    assert ask(Scene(vix_close_count=3)) == {}
