"""Habits of prose that the style page (CONTRIBUTING.md) excludes: a table of patterns with better wording.

`python -m helpers.prose` in the folder `tests` lists every place in packages and commands.
"""

import re
from dataclasses import dataclass

ALLOW = "prose: allow"  # on a line, in any kind of comment: the line is as it should be


@dataclass(frozen=True)
class Habit:
    """A pattern, case-insensitive, in which a space is any white space; and what to write instead."""

    pattern: str
    better: str

    @property
    def regex(self) -> re.Pattern[str]:
        """The compiled pattern."""
        return re.compile(self.pattern.replace(" ", r"\s+"), re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Fault:
    """A habit found in a text; lines count from 1."""

    line: int
    found: str
    better: str

    def __str__(self) -> str:
        return f"{self.line}: {self.found!r}; better: {self.better}"


_TOOLS = r"(BPSK|QPSK|QAM|PAM|LDPC|hard decisions?|soft decisions?|Faiss|ONNX Runtime|Sionna|k-means)"
_THINGS = r"(commands?|options?|files?|pages?|manifests?|settings?|docs|README|index|codec|scheme)"
HABITS = (
    Habit(rf"\bby {_TOOLS}\b", "with …"),
    Habit(r"\bby policy\b", "with policy …"),
    Habit(r"\bby trapezoids\b", "with trapezoids"),
    Habit(r"\bby maximum ratio\b", "with maximum ratio combining"),
    Habit(r"\bon the air\b", "over the air"),
    Habit(r"\bshares? of\b", "fraction of"),
    Habit(r"\blikelier\b", "more likely"),
    Habit(r"\blikeliest\b", "most likely"),
    Habit(r"\bsurer\b", "more certain, more confident"),
    Habit(r"\bsurest\b", "most certain"),
    Habit(r"\banew\b", "again"),
    Habit(r"\b(its|their|our|his|[a-z]+'s) own\b", "leave 'own' out, or name the thing"),
    Habit(r"\bown (line|lines|word|words)\b", "name the thing"),
    Habit(r"\bvouch(es|ed|ing)?\b", "the CA that issued …; CA certificates (PEM)"),
    Habit(r"\bof (no|little) use\b", "unusable, useless, ignored"),
    Habit(r"\bturned over\b", "flipped"),
    Habit(r"\b(became|becomes?) of\b", "report on …"),
    Habit(r"\btells\b", "shows, prints, indicates"),
    Habit(r"\b(be|is|are|was|were|been|unless) told\b(?! apart)", "is given, accepts"),
    Habit(r"\bsays? (what|why|how|which|whether|where|so)\b", "states, prints, lists, describes"),
    Habit(rf"\b{_THINGS} (know|say|want)s?\b", "states, selects, needs"),
    Habit(r"\b(it|that|which|mode|query|request|server|channel|generator) wants\b", "needs, expects"),
    Habit(r", that\b(?! (is|way|case|one)\b)", "no comma before 'that'"),
    Habit(r"\bso that\b(?=(?:(?!\n\n).){1,500}?\bso that\b)", "one 'so that' in a paragraph is enough"),
    Habit(r"\btolls?\b", "penalty"),
    Habit(r"\bstrangers\b", "untrusted"),
    Habit(r"\b(is|are) a matter of\b", "depends on"),
    Habit(r"\bforgets?\b", "discards, removes"),
    Habit(r"\bequals stay equals\b", "ties stay ties"),
    Habit(r"\bas long again\b", "rescaled to the length of …"),
    Habit(r"\bone door\b", "one interface"),
    Habit(r"\bread with care\b", "say what is read, and how"),
)
_COMPILED = tuple((habit.regex, habit) for habit in HABITS)


def faults(text: str, first_line: int = 1) -> list[Fault]:
    """Every habit in a text, in the order of its lines; lines with the mark `ALLOW` are passed over."""
    lines = text.split("\n")
    found = []
    for regex, habit in _COMPILED:
        for match in regex.finditer(text):
            line = text.count("\n", 0, match.start())
            if ALLOW not in lines[line]:
                found.append(Fault(first_line + line, " ".join(match[0].split()), habit.better))
    return sorted(found, key=lambda fault: fault.line)


if __name__ == "__main__":
    from helpers.prose_sources import COMMANDS, PACKAGES, faults_of_command, faults_of_package

    found = [line for package in PACKAGES for line in faults_of_package(package)]
    found += [line for name in COMMANDS for line in faults_of_command(name)]
    print("\n".join([*found, f"{len(found)} places"]))
