"""Which roles an app may be given."""

from __future__ import annotations

import pytest

from laambda.apps.create import check_role
from laambda.errors import InvalidInput


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::123456789012:role/functions",
        "arn:aws-cn:iam::123456789012:role/service-role/my.functions@x",
        "arn:aws-us-gov:iam::123456789012:role/a",
    ],
)
def test_the_arn_of_a_role_is_taken(arn: str) -> None:
    assert check_role(arn) == arn


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "functions",
        "arn:aws:iam::12345678901:role/functions",
        "arn:aws:iam::123456789012:user/jim",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::123456789012:role/x\n",
        "arn:aws:iam::١٢٣٤٥٦٧٨٩٠١٢:role/x",
        "arn:aws:iam::123456789012:role/" + "x" * 600,
    ],
)
def test_anything_else_is_refused_with_an_example(arn: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_role(arn)
    assert "arn:aws:iam::123456789012:role/" in refused.value.hint
