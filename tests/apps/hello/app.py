"""The smallest app: no dependencies."""

import os

GREETING = "hello"


def handler(event, context):
    name = event.get("name", "world")
    print(f"greeting {name}")
    return {"message": f"{os.environ.get('GREETING', GREETING)}, {name}"}
