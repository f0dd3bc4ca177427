"""A language model of the learner's own may comment on a spoken answer. Off by default; it decides nothing.

ATTNCORE_ENDPOINT is an address that speaks OpenAI's chat format (of Ollama, vLLM, LM Studio or a provider), up to and
without /chat/completions; ATTNCORE_MODEL names a model there, ATTNCORE_KEY is sent as a bearer token where it is set.
The question, its points, the common wrong answer and the learner's text are sent, and nothing else.
"""

import json
import os
from urllib.request import Request, urlopen

from attncore.exercises import Card

SECONDS = 30
ASKED = (
    "A candidate answers an interview question. In at most four sentences, say which claims in the answer are wrong or "
    "missing. Give no mark and no praise.\n\nQuestion: {question}\n\nKey points:\n{points}\n\nA common wrong answer: "
    "{wrong}\n\nThe candidate's answer: {text}"
)


def has_commenter() -> bool:
    return bool(os.environ.get("ATTNCORE_ENDPOINT"))


def comment(card: Card, text: str) -> str:
    """What the model says of an answer, as its opinion; or why it said nothing."""
    points = "\n".join(f"- {point}" for point in card.points)
    prompt = ASKED.format(question=card.question, points=points, wrong=card.common_wrong, text=text)
    try:
        return f"A language model says, and it may be wrong: {reply(prompt)}"
    except (OSError, ValueError) as problem:
        return f"Your language model said nothing: {problem}."


def reply(prompt: str) -> str:
    """The answer of the model in the settings. Raises OSError where it can't be reached, ValueError for nonsense."""
    body = {"model": os.environ.get("ATTNCORE_MODEL", ""), "messages": [{"role": "user", "content": prompt}]}
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get("ATTNCORE_KEY"):
        headers["Authorization"] = f"Bearer {key}"
    address = os.environ["ATTNCORE_ENDPOINT"].rstrip("/") + "/chat/completions"
    with urlopen(Request(address, json.dumps(body).encode(), headers), timeout=SECONDS) as answer:
        said = json.load(answer)
    try:
        return str(said["choices"][0]["message"]["content"].strip())
    except (LookupError, TypeError, AttributeError):
        raise ValueError("its reply holds no text") from None
