"""Several faults at once, drawn from a seed, on a quick clock: in the end both books agree."""

from played import played


def test_faults_together_lose_nothing_and_do_nothing_twice() -> None:
    # What happens at an instant may differ when a seed is played again.
    code, told, words = played("storm.py", "204", "--faults", "3")

    found = {name: told[name] for name in ("lost", "doubled", "trouble")}
    assert found == {"lost": 0, "doubled": 0, "trouble": []}, words
    assert sum(told["faults"].values()) >= 3
    assert told["sessions"] == 2 * told["rounds"]
    assert told["orders"] > 0
    assert code == 0
