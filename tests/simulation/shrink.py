"""The reduction of a history that fails to one with few faults."""

from collections.abc import Callable, Sequence


def shrunk(  # noqa: C901 - two passes
    made: Sequence[int], fails: Callable[[Sequence[int]], bool], *, most: int = 600
) -> list[int]:
    """Return choices with which a history still fails, as few of them other than 0 as are found.

    Args:
        made: the choices of a history that failed.
        fails: returns True if a history with these choices fails; it makes 0 of all others.
        most: number of histories to try.
    """
    left = most

    def holds(some: Sequence[int]) -> bool:
        nonlocal left
        left -= 1
        return left >= 0 and fails(some)

    best = list(made)
    low, high = 0, len(best)
    while low < high:  # the shortest beginning that fails
        middle = (low + high) // 2
        if holds(best[:middle]):
            high = middle
        else:
            low = middle + 1
    if holds(best[:high]):
        best = best[:high]
    size = max(1, len(best) // 2)
    while left > 0:
        for start in range(0, len(best), size):
            end = start + size
            if any(best[start:end]):
                simpler = [*best[:start], *[0] * len(best[start:end]), *best[end:]]
                if holds(simpler):
                    best = simpler
        if size == 1:
            break
        size //= 2
    while best and best[-1] == 0:
        best.pop()
    return best
