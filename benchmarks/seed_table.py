"""The seed table: four models with human error 0.7%, and the verdict on each.

python benchmarks/seed_table.py

The errors are stated without counts, as in the course that the table comes from; the rule is that of `diagnose`.
The exit status is 1 where a verdict is not the one a practitioner gives.
"""

from __future__ import annotations

import sys

from burnish.tasks.diagnose import diagnose

HUMAN = 0.007
MODELS = (
    (0.035, 0.078, "bias first"),
    (0.035, 0.043, "bias"),
    (0.010, 0.050, "variance"),
    (0.008, 0.010, "well trained"),
)


def main() -> int:
    print("human  train  dev    bias   variance  verdict       expected      turn next")
    wrong = 0
    for train, dev, expected in MODELS:
        found = diagnose(human=HUMAN, train=train, dev=dev)
        wrong += found.verdict != expected
        step = found.next_steps[0].title.split(":")[0] if found.next_steps else "–"
        errors = "".join(f"{100 * error:.1f}%   " for error in (HUMAN, train, dev))
        gaps = f"{100 * found.avoidable_bias.value:.1f}    {100 * found.variance.value:.1f}       "
        print(f"{errors}{gaps}{found.verdict:<14}{expected:<14}{step}")
    print(f"{len(MODELS) - wrong} of {len(MODELS)} verdicts as expected")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
