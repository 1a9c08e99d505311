"""The sentences by which mistakes are told, for declarations that the configuration does not (yet) hold."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from burnish.flows.config_errors import first_problem


class Inner(BaseModel, extra="forbid"):
    shares: tuple[float, float] = (0.5, 0.5)
    named: dict[str, Annotated[int, Field(ge=1)]] = {}


class Outer(BaseModel, extra="forbid"):
    inner: Inner = Inner()
    size: Annotated[int, Field(le=9)] | Literal["all"] = 3
    code: str = Field("a", pattern="^[ab]$", description="a or b")
    where: Inner | None = None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"size": 10}, "size is 10: it must be a whole number up to 9 or one of all"),
        ({"size": "al"}, "size is 'al': it must be a whole number up to 9 or one of all; did you mean all?"),
        ({"code": "c"}, "code is 'c': it must be text of this form: a or b"),
        ({"inner": {"shares": [1]}}, "inner.shares.1 is missing: give a list of two, each of it a number"),
        ({"inner": {"shares": 1}}, "inner.shares is 1: it must be a list of two, each of it a number"),
        ({"inner": {"named": {"x": 0}}}, "inner.named.x is 0: it must be a whole number from 1"),
        ({"where": {"shares": "ab"}}, "where.shares is 'ab': it must be a list of two, each of it a number"),
        ({"where": {"share": 1}}, "unknown key where.share; did you mean shares?"),
        ({"named": {}}, "unknown key named; did you mean inner.named?"),
        ({"size": "x" * 99}, f"size is '{'x' * 58}…: it must be a whole number up to 9 or one of all"),
    ],
)
def test_says_key_value_and_what_it_must_be(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Outer.model_validate(given)
    assert first_problem(raised.value, Outer) == said
