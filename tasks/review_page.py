"""The page of `burnish review`: one self-contained HTML document; the examples themselves come later, as JSON.

Templates: `review.html.j2` is the frame, `review.js.j2` its script, and `review.css.j2` adds to the look of the report.
Values from the data never pass through here but for the run's name, which Jinja escapes; the script puts everything
else into the page as text. Script and style carry a nonce that the Content-Security-Policy header names.
"""

from __future__ import annotations

from pathlib import Path

import jinja2

from burnish.tasks import notation

TEMPLATES = Path(__file__).parent


def render_page(name: str, *, nonce: str, token: str, command: str) -> str:
    """Render the page.

    Parameters
    ----------
    name : str
        The run's name.
    nonce : str
        New for every rendering; `content_policy` names the same.
    token : str
        What requests that change something carry in the header ``X-Burnish-Token``.
    command : str
        What to type when all is judged.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cut"] = notation.cut
    page = environment.get_template("review.html.j2")
    return page.render(name=name, nonce=nonce, token=token, command=command)


def content_policy(nonce: str) -> str:
    """Give the Content-Security-Policy of the page: our own script and style, our own server, nothing else.

    >>> content_policy("abc").split("; ")[0]
    "default-src 'none'"
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'nonce-{nonce}'",
            f"style-src 'nonce-{nonce}'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
