"""Split the examples into train, train_dev, dev and test: stratified on label × source, with groups kept whole.

Why: dev and test must mirror where the model is used, and every class and source must be counted in them, or the errors
of the parts cannot be compared. train_dev is taken from the training distribution, so that variance (train_dev − train)
and data mismatch (dev − train_dev) can be told apart.

How: the sizes come from `part_sizes.py`, who judges from `pools.py`, further columns to stratify on from `strata.py`;
`apportion.py` shares the rows out. What an earlier run has assigned stays (`assignments.py`). Along a time column
`time_order.py` draws the lines instead.

Source: Ng, "Machine Learning Yearning" (2018).

Known failure: groups that are large against a part cannot be balanced by anyone; `measure_split` says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from burnish.tasks.apportion import PARTS, TRAIN, TRAIN_DEV, Bools, Floats, Ints, Parts, assign
from burnish.tasks.balance import SplitSummary, codes_of, measure_split
from burnish.tasks.findings import InputError
from burnish.tasks.part_sizes import default_ratios, part_shares
from burnish.tasks.pools import Target, pools_of
from burnish.tasks.strata import FEW_VALUES, bin_values, merge_strata
from burnish.tasks.streams import stream
from burnish.tasks.time_order import order_in_time

NARROW = 1_000  # whole numbers from so many on are numbered as they come

__all__ = [
    "SplitSummary",
    "check_options",
    "default_ratios",
    "join_groups",
    "least_rows",
    "measure_split",
    "no_groups",
    "split",
]


def split(
    labels: ArrayLike | pd.Series,
    sources: ArrayLike | pd.Series | None = None,
    groups: ArrayLike | pd.Series | None = None,
    *,
    ratios: Sequence[float] | Mapping[str, float] | None = None,
    test_halfwidth: float | None = None,
    train_dev: float = 0.05,
    train_sources: Sequence[str] | None = None,
    target: Target | None = None,
    stratify: pd.DataFrame | None = None,
    time: pd.Series | None = None,
    earlier: ArrayLike | pd.Series | None = None,
    seed: int = 0,
) -> pd.Series:
    """Assign each example to train, train_dev, dev or test.

    Parameters
    ----------
    labels : array of n labels
        Missing ones (NaN, None) send their row, and its group, to train and count in no proportion. Floating-point
        numbers of many values are stratified on in five quantile bins.
    sources : array of n, optional
        The distribution each example comes from; missing counts as a source of its own.
    groups : array of n, optional
        Examples of one group fall in one part; a missing group is a group of one.
    ratios : three shares or a mapping with the keys train, dev and test, optional
        Default: `default_ratios` of the labelled examples.
    test_halfwidth : float, optional
        See `default_ratios`; not together with `ratios`.
    train_dev : float
        Share of the whole that is taken out of train's share.
    train_sources : sequence of str, optional
        Only these sources are in train and train_dev; the other sources share dev and test.
    target : mapping, optional
        ``{"source": "phone"}`` or several: dev and test are drawn from these sources alone, half of their examples at
        most; the rest of them is in train and train_dev beside the other sources. Not together with `train_sources`.
    stratify : DataFrame of n rows, optional
        Further columns to hold in proportion, the most important first; see `strata.py`.
    time : Series (n,), optional
        Numbers or dates: the oldest in train and train_dev, the newest in test. It decides alone: not together with
        `train_sources`, `target`, `stratify` or `earlier`.
    earlier : array of n, optional
        The part each row had in an earlier run, missing where it is new: it is kept, and only new rows are placed. A
        new row of a group that has earlier rows follows most of them.
    seed : int

    Returns
    -------
    pd.Series
        Values train, train_dev, dev, test; the index of `labels` where that is a Series.

    Raises
    ------
    InputError
        Shares that cannot be used, options that contradict each other, or a source that the data does not have.

    Examples
    --------
    >>> split(["cat"] * 10 + ["dog"] * 10, train_dev=0).value_counts().sort_index().to_dict()
    {'dev': 4, 'test': 4, 'train': 12}
    >>> grown = split(["cat"] * 12, earlier=["train"] * 6 + ["dev", "dev", "test", "test", None, None], train_dev=0)
    >>> grown.tolist()[:10] == ["train"] * 6 + ["dev", "dev", "test", "test"]
    True
    """
    _check_together(time, {"train_sources": train_sources, "target": target, "stratify": stratify, "earlier": earlier})
    label = _label_codes(labels)
    source = _one_code(label, 0) if sources is None else _source_codes(sources)
    group = _one_code(label, -1) if groups is None else codes_of(groups)
    shares = part_shares(ratios, test_halfwidth, train_dev, int((label >= 0).sum()))
    rng = stream(seed, "split")
    if time is not None:
        part = _by_time(time, label, source, group, shares, rng)
    else:
        part = _settle(earlier, group)
        shared = (label >= 0) & ((part >= 0) | ~_beside_unlabelled(label, group))
        part[(part < 0) & ~shared] = TRAIN
        shares = part_shares(ratios, test_halfwidth, train_dev, int(shared.sum()))
        stratum = None
        if stratify is not None:
            stratum = merge_strata(stratify, np.where(shared, label, -1), source, least_rows(shares)).codes
        for rows, wanted in pools_of(shared, sources, group, shares, train_sources=train_sources, target=target):
            columns = label[rows], source[rows], group[rows]
            within = None if stratum is None else stratum[rows]
            part[rows] = assign(*columns, wanted, rng, stratum=within, settled=part[rows])
    index = labels.index if isinstance(labels, pd.Series) else None
    return pd.Series(pd.array(PARTS, dtype="str").take(part), index=index, name="split")


def check_options(
    labels: ArrayLike | pd.Series,
    sources: ArrayLike | pd.Series | None = None,
    *,
    ratios: Sequence[float] | Mapping[str, float] | None = None,
    test_halfwidth: float | None = None,
    train_dev: float = 0.05,
    train_sources: Sequence[str] | None = None,
    target: Target | None = None,
    stratify: pd.DataFrame | None = None,
    time: pd.Series | None = None,
    earlier: ArrayLike | pd.Series | None = None,
) -> None:
    """Refuse at the door what `split` would refuse later; parameters as there.

    Raises
    ------
    InputError
        As `split`, groups left out of account.

    Examples
    --------
    >>> check_options(["cat", "dog"] * 10, train_dev=0.7)
    Traceback (most recent call last):
        ...
    burnish.tasks.findings.InputError: split.train_dev is 0.7: it must be at least 0 and less than train's 0.6.
    """
    _check_together(time, {"train_sources": train_sources, "target": target, "stratify": stratify, "earlier": earlier})
    known = pd.Series(labels, copy=False).notna().to_numpy()
    alone = np.broadcast_to(np.int64(-1), len(known))
    shares = part_shares(ratios, test_halfwidth, train_dev, int(known.sum()))
    if time is not None:
        order_in_time(time, _label_codes(labels), alone, shares)
    else:
        pools_of(known, sources, alone, shares, train_sources=train_sources, target=target)


def least_rows(shares: Floats) -> int:
    """Give how many rows it takes for one in the smallest part.

    Examples
    --------
    >>> least_rows(np.array([0.55, 0.05, 0.2, 0.2]))
    20
    """
    return int(np.ceil(1 / shares[shares > 0].min() - 1e-9))


def join_groups(*groups: ArrayLike | pd.Series) -> pd.Series:
    """Join several groupings into one: examples linked by any of them, directly or through others, share a group.

    Parameters
    ----------
    *groups : arrays of n
        Missing means "in no group".

    Returns
    -------
    pd.Series
        Int64, missing where the example stands alone.

    Examples
    --------
    >>> join_groups(["a", "a", None, None], [None, 7, 7, None]).tolist()
    [0, 0, 0, <NA>]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    codes = [codes_of(each) for each in groups]
    n = len(codes[0])
    starts = n + np.concatenate([[0], np.cumsum([each.max(initial=-1) + 1 for each in codes])])
    rows = np.concatenate([np.flatnonzero(each >= 0) for each in codes])
    if not len(rows):
        return no_groups(n)
    nodes = np.concatenate([each[each >= 0] + start for each, start in zip(codes, starts[:-1], strict=True)])
    links = coo_array((np.ones(len(rows), dtype=np.int8), (rows, nodes)), shape=(starts[-1], starts[-1]))
    _, component = connected_components(links, directed=False)
    component = component[:n]
    alone = np.bincount(component)[component] == 1
    numbered = pd.factorize(pd.Series(component, dtype="Int64").mask(alone))[0]
    return pd.Series(numbered, dtype="Int64").mask(alone)


def no_groups(n: int) -> pd.Series:
    """Give n rows that each stand alone as `join_groups` does, in the memory of one row; read-only.

    >>> no_groups(2).tolist()
    [<NA>, <NA>]
    """
    alone = pd.arrays.IntegerArray(np.broadcast_to(np.int64(0), n), np.broadcast_to(np.True_, n))
    return pd.Series(alone, copy=False)


def _check_together(time: pd.Series | None, others: Mapping[str, object]) -> None:
    """Refuse options that contradict each other."""
    if others["train_sources"] is not None and others["target"] is not None:
        raise InputError(
            "split.train_sources and split.target both say who judges: train_sources keeps the sources that judge out "
            "of train, target shares them with train; keep one."
        )
    for name, value in others.items():
        if time is not None and value is not None:
            raise InputError(
                f"split.time and split.{name} cannot both be: time alone says which part an example is in; keep one."
            )


def _label_codes(labels: ArrayLike | pd.Series) -> Ints:
    """Number the labels, −1 where missing; floating-point numbers of many values by quantile bins."""
    given = labels if isinstance(labels, pd.Series) else pd.Series(labels)
    if not pd.api.types.is_float_dtype(given.dtype) or given.nunique() <= FEW_VALUES:
        return _any_codes(given)
    return np.where(given.isna().to_numpy(), -1, bin_values(given))


def _any_codes(values: pd.Series) -> Ints:
    """Number the values, −1 where missing: as they come, or by size where they are whole numbers of a narrow range.

    The latter takes half the time.
    """
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iu" and len(values):
        numbers = values.to_numpy()
        least = numbers.min()
        if int(numbers.max()) - int(least) < NARROW:
            above = np.subtract(numbers, least, dtype=np.int64, casting="unsafe")  # wraps back into the range
            occurs = np.bincount(above) > 0
            return above if occurs.all() else (np.cumsum(occurs) - 1)[above]
    return codes_of(values)


def _source_codes(sources: ArrayLike | pd.Series) -> Ints:
    """Number the sources from 0; missing ones are a source of their own."""
    codes = _any_codes(sources if isinstance(sources, pd.Series) else pd.Series(sources))
    return codes + 1 if codes.min(initial=0) < 0 else codes


def _one_code(like: Ints, code: int) -> Ints:
    """Give the same code for each row, read-only and in the memory of one."""
    return np.broadcast_to(np.int64(code), like.shape)


def _beside_unlabelled(label: Ints, group: Ints) -> Bools:
    """Tell the rows whose group has an unlabelled one."""
    if (label >= 0).all() or (group < 0).all():
        return np.zeros(len(label), dtype=bool)
    return np.isin(group, np.unique(group[(label < 0) & (group >= 0)]))


def _settle(earlier: ArrayLike | pd.Series | None, group: Ints) -> Parts:
    """Give the part of the rows that have one: earlier ones, and new ones of a group that has earlier ones; else −1."""
    if earlier is None:
        return np.full(len(group), -1, dtype=np.int8)
    codes, names = pd.factorize(earlier if isinstance(earlier, pd.Series) else pd.Series(earlier, dtype=object))
    part = np.append(pd.Index(PARTS).get_indexer(pd.Index(names, dtype=object)), -1).astype(np.int8)[codes]
    known = (part >= 0) & (group >= 0)
    if known.any():
        counts = np.zeros((int(group.max()) + 1, len(PARTS)), dtype=np.int64)
        np.add.at(counts, (group[known], part[known]), 1)
        follows = (part < 0) & (group >= 0) & (counts.sum(axis=1) > 0)[group]
        part[follows] = counts.argmax(axis=1)[group[follows]]
    return part


def _by_time(
    time: pd.Series, label: Ints, source: Ints, group: Ints, shares: Floats, rng: np.random.Generator
) -> Parts:
    """Draw the lines in time, and train_dev at random from the time of train."""
    part = order_in_time(time, label, group, shares)
    rows = np.flatnonzero((part == TRAIN) & (label >= 0) & ~_beside_unlabelled(label, group))
    if shares[TRAIN_DEV] > 0 and len(rows):
        held = shares[TRAIN_DEV] / (shares[TRAIN] + shares[TRAIN_DEV])
        part[rows] = assign(label[rows], source[rows], group[rows], np.array([1 - held, held, 0.0, 0.0]), rng)
    return part
