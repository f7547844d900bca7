"""When a node says that it is ready, and that it is asked no more than once a second."""

from pathlib import Path

from entrepot.errors import Unavailable
from entrepot.ops.readiness import DrainFlag, Readiness


class Ground:
    """What a node stands on, and a clock."""

    def __init__(self) -> None:
        self.asked = 0
        self.is_gone = False
        self.now = 0.0

    async def ask(self) -> None:
        self.asked += 1
        if self.is_gone:
            raise Unavailable("it is gone")

    def clock(self) -> float:
        return self.now


async def test_what_it_stands_on_is_asked_once_a_second(tmp_path: Path) -> None:
    ground = Ground()
    ready = Readiness(ground.ask, DrainFlag(tmp_path, 1), clock=ground.clock)
    assert [await ready() for _ in range(3)] == [True, True, True]
    assert ground.asked == 1
    ground.is_gone = True
    ground.now = 1.0
    assert not await ready()
    ground.is_gone = False
    ground.now = 2.0
    assert await ready()


async def test_a_node_that_is_about_to_end_is_not_ready_at_once(tmp_path: Path) -> None:
    ground = Ground()
    ready = Readiness(ground.ask, DrainFlag(tmp_path, 1), clock=ground.clock)
    assert await ready()
    DrainFlag(tmp_path, 2).announce()
    assert await ready()
    DrainFlag(tmp_path, 1).announce()
    assert not await ready()
    DrainFlag(tmp_path, 1).withdraw()
    assert await ready()


def test_saying_and_withdrawing_may_be_repeated(tmp_path: Path) -> None:
    ending = DrainFlag(tmp_path, 1)
    ending.announce()
    ending.announce()
    assert ending.is_announced()
    ending.withdraw()
    ending.withdraw()
    assert not ending.is_announced()
    DrainFlag(tmp_path / "absent", 1).announce()
