"""The benchmark of catalogues sees what is planted, and sees nothing in what the interpreter raises."""

from audit.known import slots_of
from benchmarks import _mistakes, known
from benchmarks._customers import SHORT
from benchmarks._judging import judge
from benchmarks._tallying import Tally, caught
from event.known import Said, shipped


def test_planted_leaks_and_false_words_are_caught_and_the_mistakes_of_the_interpreter_have_none() -> None:
    said = Said(shipped(), slots_of(known.types(), (), ()))
    find, texts = known.finder(said), known.published(said)
    assert known.planted(find, texts) == []
    tally = Tally()
    for mistake in _mistakes.PARTS["the interpreter"]():
        for value in SHORT[::5]:
            fault = caught(mistake, value)
            if fault is not None:  # some values are no mistake
                tally.add(type(fault), judge(fault, find(fault), [value], known.carried(fault), texts))
    assert tally.faults == []
    assert tally.raises > 100
    assert tally.percent > 75
