"""The ``live`` alias over boto3. https://docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from laambda.cloud.aws_errors import translated
from laambda.cloud.budget import Budget
from laambda.cloud.clients import Clients
from laambda.domain.function import LIVE_ALIAS, Alias
from laambda.errors import NotFound

if TYPE_CHECKING:
    from mypy_boto3_lambda.type_defs import AliasConfigurationResponseTypeDef


class LambdaAliases:
    """Implements ``ports.Aliases``."""

    def __init__(self, clients: Clients, budget: Budget) -> None:
        self._clients = clients
        self._budget = budget

    def create(self, function: str, version: str, description: str) -> Alias:
        """https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html"""
        self._budget.spend()
        with translated(f"CreateAlias {function}"):
            answer = self._clients.functions.create_alias(
                FunctionName=function, Name=LIVE_ALIAS, FunctionVersion=version, Description=description
            )
        return _alias(answer)

    def update(self, function: str, *, version: str | None, description: str, revision_id: str | None) -> Alias:
        """Moving it ends any split of its traffic.

        https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html
        """
        given: dict[str, Any] = {"RevisionId": revision_id} if revision_id else {}
        if version is not None:
            given.update(FunctionVersion=version, RoutingConfig={"AdditionalVersionWeights": {}})
        self._budget.spend()
        with translated(f"UpdateAlias {function}"):
            answer = self._clients.functions.update_alias(
                FunctionName=function, Name=LIVE_ALIAS, Description=description, **given
            )
        return _alias(answer)

    def get(self, function: str) -> Alias | None:
        """https://docs.aws.amazon.com/lambda/latest/api/API_GetAlias.html"""
        self._budget.spend()
        try:
            with translated(f"GetAlias {function}"):
                return _alias(self._clients.functions.get_alias(FunctionName=function, Name=LIVE_ALIAS))
        except NotFound:
            return None


def _alias(answer: AliasConfigurationResponseTypeDef) -> Alias:
    return Alias(
        version=answer["FunctionVersion"],
        description=answer.get("Description", ""),
        revision_id=answer["RevisionId"],
    )
