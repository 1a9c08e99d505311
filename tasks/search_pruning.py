"""Which trials a trial is compared with before it is cut short: those that may win.

A trial beyond a limit (`search.parameters`, `search.milliseconds`) never wins, yet is often the larger network and so
the better one; beside it every trial within the limits would fall behind.
Known failure: of a trial that is still walked or was cut short it is not known whether it keeps within the limits, so
the halving rule counts it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from optuna.pruners import BasePruner

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial


class AmongFeasible(BasePruner):
    """A pruner of Optuna's to which trials beyond the limits do not exist.

    Parameters
    ----------
    rule : BasePruner
        Decides by the trials that are left.
    """

    def __init__(self, rule: BasePruner) -> None:
        self.rule = rule

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Say whether a trial is to be cut short."""
        return self.rule.prune(cast("Study", _Feasible(study)), trial)


class _Feasible:
    """A study without its trials beyond the limits; all else is as it is there."""

    def __init__(self, study: Study) -> None:
        self._study = study

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def get_trials(self, *given: Any, **named: Any) -> list[FrozenTrial]:
        """Give the trials that no limit is known to exclude."""
        return [trial for trial in self._study.get_trials(*given, **named) if is_feasible(trial)]


def is_feasible(trial: FrozenTrial) -> bool:
    """Say whether a trial exceeds no limit, as far as that is known.

    >>> from optuna.trial import create_trial
    >>> is_feasible(create_trial(value=0.3, constraints={"parameters": 179.0})), is_feasible(create_trial(value=0.3))
    (False, True)
    """
    return all(beyond <= 0 for beyond in trial.constraints.values())
