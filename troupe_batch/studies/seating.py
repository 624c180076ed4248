"""Who takes part in which case."""

from __future__ import annotations

from dataclasses import dataclass

from troupe_batch.errors import Mistake, SpecError


@dataclass(frozen=True, slots=True)
class OnePersonEach:
    """Each person is a case of their own, as in surveys and interviews."""

    cases: int

    def members(self, case: int) -> tuple[int, ...]:
        """The person whose number is that of the case."""
        return (case,)


@dataclass(frozen=True, slots=True)
class SeveralPeopleEach:
    """The same number of people in each case, in their order."""

    cases: int
    size: int

    @classmethod
    def of(cls, people: int, size: int) -> SeveralPeopleEach:
        """As many cases as the people allow; SpecError where they do not allow one."""
        if people < size:
            cure = "let more people take part, or lower it"
            raise SpecError("job", [Mistake(f"a unit needs {size} people, and there are {people}", cure, "study")])
        return cls(people // size, size)

    def members(self, case: int) -> tuple[int, ...]:
        """The people whose turn it is."""
        return tuple(range(case * self.size, (case + 1) * self.size))
