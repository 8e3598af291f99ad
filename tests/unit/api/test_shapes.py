"""What the API gives is what the client says it gets."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from laambda import client
from laambda.api import models


@pytest.mark.parametrize(
    ("given", "got"),
    [
        (models.AppModel, client.AppJson),
        (models.AppDetail, client.AppDetailJson),
        (models.FunctionModel, client.FunctionJson),
        (models.KeyModel, client.KeyJson),
        (models.ReleaseModel, client.ReleaseJson),
        (models.RollbackPreview, client.RollbackPreviewJson),
        (models.BuildModel, client.BuildJson),
        (models.InvocationModel, client.InvocationJson),
        (models.LogLineModel, client.LogLineJson),
    ],
)
def test_the_clients_types_have_the_members_of_the_apis(given: type[BaseModel], got: Any) -> None:
    assert set(given.model_fields) == set(got.__annotations__)
