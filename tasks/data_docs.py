"""Great Expectations' own pages about a validation (Data Docs), for those who ask for them.

Why: teams that already work with Great Expectations read its pages. Burnish's own report says the same.

Known failures: Great Expectations 1.24 writes the values of cells into these pages as they are, so a cell can carry a
script, and the pages load styles and scripts from the internet: hence never by default, and with a warning. Here Great
Expectations evaluates the whole suite by itself, on a typed copy of the frame.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd

from burnish.tasks.batch_types import kinds_of, read_column
from burnish.tasks.expectations import build_suite, columns_of, quiet_context
from burnish.tasks.findings import Finding
from burnish.tasks.suite_files import Suite

SHOWN_VALUES = 20


def write_data_docs(frame: pd.DataFrame, suite: Suite, folder: Path) -> Finding:
    """Write Data Docs of a batch held against a suite; `index.html` in the folder is where to begin.

    Parameters
    ----------
    frame : DataFrame
        The batch.
    suite : dict
        Expectations on columns that the batch does not have are left out.
    folder : Path
        Made where it is not there.

    Returns
    -------
    Finding
        Where they are, and what to beware of.
    """
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1).reset_index(drop=True)
    kinds = kinds_of(suite)
    typed = {name: read_column(frame[name], kinds.get(name, "")).as_given(frame[name]) for name in frame.columns}
    items = [item for item in enumerate(suite["expectations"]) if set(columns_of(item[1])) <= set(typed)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _build_pages(pd.DataFrame(typed, index=frame.index), items, folder)
    return Finding(
        code="validation.data_docs",
        title=f"Data Docs were written: {folder / 'index.html'}",
        severity="info",
        explanation="Great Expectations puts the values of cells into these pages unescaped, and the pages load from "
        "the internet.",
        method="Great Expectations, all expectations at once",
        advice="Open them only where you trust whoever filled in the data; this report says the same, safely.",
    )


def _build_pages(frame: pd.DataFrame, items: list[tuple[int, Suite]], folder: Path) -> None:
    import great_expectations as gx

    context = quiet_context()
    for site in [each["site_name"] for each in context.get_docs_sites_urls()]:
        context.delete_data_docs_site(site)
    context.add_data_docs_site(
        "burnish",
        {
            "class_name": "SiteBuilder",
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder.resolve())},
        },
    )
    asset = context.data_sources.add_pandas("memory").add_dataframe_asset("batch")
    definition = gx.ValidationDefinition(
        name="burnish",
        data=asset.add_batch_definition_whole_dataframe("whole"),
        suite=context.suites.add(build_suite(items)),
    )
    shown = {
        "result_format": "SUMMARY",
        "partial_unexpected_count": SHOWN_VALUES,
        "return_unexpected_index_query": False,
    }
    context.validation_definitions.add(definition).run(batch_parameters={"dataframe": frame}, result_format=shown)
    context.build_data_docs(site_names=["burnish"])
