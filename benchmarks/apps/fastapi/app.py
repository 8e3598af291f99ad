"""A small API on FastAPI, behind API Gateway's events."""

from fastapi import FastAPI
from mangum import Mangum

ANSWER = "one"
api = FastAPI()


@api.get("/")
def answer() -> dict[str, str]:
    return {"answer": ANSWER}


handler = Mangum(api, lifespan="off")
