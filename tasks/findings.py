"""A finding: one fact about the data or the model, in one shape for the terminal, the report and `summary.json`.

"Cannot tell" and "not applicable" are outcomes of their own, so that nothing vanishes in silence.
Input that cannot be used is no finding but an `InputError`: one sentence that says what, where and what to do.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["critical", "warning", "info", "ok", "cannot_tell", "not_applicable"]

SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info", "cannot_tell", "ok", "not_applicable")  # worst first
SHOWN_IDS = 20


class InputError(ValueError):
    """The input or the configuration is wrong; the message is one sentence: what, where, what to do."""


@dataclass(frozen=True)
class Finding:
    """One thing found.

    Attributes
    ----------
    code : str
        Short and stable, e.g. ``"labels.missing"``; `burnish run --fail-on` takes it, or the part before its dot.
    title : str
        What was found, with its figure, in one line.
    severity : str
        ``critical``, ``warning``, ``info``, ``ok``, ``cannot_tell`` or ``not_applicable``.
    explanation : str
        Why it matters.
    method : str
        How it was found.
    advice : str
        What to do next; empty where nothing needs doing.
    count : int
        How many examples it touches.
    ids : tuple of str
        Some of these examples, at most 20.
    """

    code: str
    title: str
    severity: Severity
    explanation: str = ""
    method: str = ""
    advice: str = ""
    count: int = 0
    ids: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Give the finding as plain values, ids cut to the first 20."""
        return asdict(self) | {"ids": list(self.ids[:SHOWN_IDS])}
