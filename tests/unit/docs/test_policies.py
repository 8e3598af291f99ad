"""deploy/iam/: every call that the adapters make is allowed to somebody, and nothing else is."""

from __future__ import annotations

import ast
import json
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent.parent
POLICIES = ROOT / "deploy" / "iam"
CLOUD = ROOT / "laambda" / "cloud"

NEEDS = {
    "lambda:Invoke": {"lambda:InvokeFunction"},
    "s3:HeadObject": {"s3:GetObject", "s3:ListBucket"},
    "s3:UploadFileobj": {"s3:PutObject", "s3:AbortMultipartUpload"},
    "lambda:CreateFunction": {"lambda:CreateFunction", "lambda:TagResource", "iam:PassRole", "s3:GetObject"},
    "lambda:GetFunction": {"lambda:GetFunction", "lambda:ListTags"},
}
"""Where the permissions are not those of the call's name:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html and .../list_amazons3.html"""

WITHHELD = {"s3:CreateBucket"}
"""The operator makes the bucket (docs/operating.md)."""


def calls() -> set[str]:
    """``service:Operation`` of every AWS client's method called in laambda/cloud."""
    found = set()
    for path in CLOUD.glob("*.py"):
        service = path.stem if path.stem in ("s3", "kms", "logs") else "lambda"
        called = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        methods = [each for each in called if isinstance(each, ast.Attribute) and is_client(each.value, path.stem)]
        found |= {f"{service}:{method.attr.title().replace('_', '')}" for method in methods}
    return found


def is_client(value: ast.expr, module: str) -> bool:
    """``self._clients.logs`` and the like; in s3.py and kms.py also ``client``, ``self._client`` and what it gives."""
    text = ast.unparse(value)
    return text.startswith("self._clients.") or (
        module in ("s3", "kms") and text in ("client", "self._client", "self._client()")
    )


def allowed(name: str) -> set[str]:
    """The actions that a policy allows."""
    statements = json.loads((POLICIES / f"{name}.json").read_text())["Statement"]
    assert all(statement["Effect"] == "Allow" for statement in statements)
    actions = [statement["Action"] for statement in statements]
    return {action for each in actions for action in ([each] if isinstance(each, str) else each)}


def needed(made: set[str]) -> set[str]:
    return {permission for call in made for permission in NEEDS.get(call, {call})} - WITHHELD


def test_the_calls_are_found() -> None:
    assert {"lambda:UpdateAlias", "s3:UploadFileobj", "kms:Decrypt", "logs:FilterLogEvents", "lambda:Invoke"} <= calls()


def test_the_policies_together_allow_every_call_and_nothing_else() -> None:
    together = {action for path in POLICIES.glob("*.json") for action in allowed(path.stem)}
    assert together == needed(calls())


def test_no_policy_has_a_wildcard_action() -> None:
    assert not [action for path in POLICIES.glob("*.json") for action in allowed(path.stem) if "*" in action]


def test_what_faces_the_developers_may_touch_objects_alone() -> None:
    assert {action.partition(":")[0] for action in allowed("receiver")} == {"s3"}


def test_only_workers_change_code_settings_and_roles() -> None:
    changes = {
        "lambda:CreateFunction",
        "lambda:UpdateFunctionCode",
        "lambda:UpdateFunctionConfiguration",
        "iam:PassRole",
    }
    assert changes <= allowed("worker")
    assert not changes & (allowed("api") | allowed("receiver") | allowed("scheduler"))


def test_objects_are_deleted_by_receivers_alone_and_packs_alone() -> None:
    found = {path.stem: path.read_text() for path in POLICIES.glob("*.json") if "s3:DeleteObject" in allowed(path.stem)}
    (deletes,) = [each for each in json.loads(found["receiver"])["Statement"] if "s3:DeleteObject" in each["Action"]]
    assert (sorted(found), deletes["Resource"]) == (["receiver"], "arn:aws:s3:::laambda-artifacts/packs/*")
