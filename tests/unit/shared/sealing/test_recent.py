"""The small memory in front of the vault."""

from shared.sealing.recent import Recent


class Hand:
    """A clock moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def test_life_is_not_prolonged():
    """A value used all the time is still forgotten when its life ends."""
    clock = Hand()
    recent: Recent[str, int] = Recent(clock, life=30)
    recent.put("a", 1)

    for clock.now in (10, 20, 29.9):
        assert recent.known(["a"]) == {"a": 1}
    clock.now = 30
    assert recent.known(["a"]) == {}
    assert len(recent) == 0


def test_capacity():
    """The value unused for longest makes room."""
    recent: Recent[str, int] = Recent(Hand(), capacity=2)
    recent.put("a", 1)
    recent.put("b", 2)
    recent.known(["a"])

    recent.put("c", 3)

    assert recent.known("abc") == {"a": 1, "c": 3}


def test_forget():
    """What is forgotten is gone at once; forgetting the unknown is harmless."""
    recent: Recent[str, int] = Recent(Hand())
    recent.put("a", 1)

    recent.forget(["a", "b"])

    assert recent.known("ab") == {}
