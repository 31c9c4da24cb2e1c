"""An assistant that hands its caller over: docs/examples/handoff.py CALL_UUID DOMAIN_UUID < what-they-say

VOICED_URL, VOICED_TOKEN: the daemon. MODEL_URL, MODEL_NAME, MODEL_KEY: any model with OpenAI's chat API.
Speech in and out are lines here; in an assistant they are its recognition and synthesis.
"""

import json
import os
import sys
from typing import Any

import httpx

VOICED_URL = os.environ.get("VOICED_URL", "http://127.0.0.1:8085")
MODEL_URL = os.environ.get("MODEL_URL", "http://127.0.0.1:8000/v1")
PROMPT = "Você é a recepcionista da empresa, ao telefone. Responda em uma ou duas frases curtas."


class Assistant:
    """One call. `hear` takes what the caller says and returns what to say; '' while somebody else talks."""

    def __init__(self, call_uuid: str, domain_uuid: str) -> None:
        self.caller = {"call_uuid": call_uuid, "domain_uuid": domain_uuid}
        token = os.environ.get("VOICED_TOKEN", "")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.voiced = httpx.Client(base_url=VOICED_URL, headers=headers, timeout=150)
        key = os.environ.get("MODEL_KEY", "none")
        self.model = httpx.Client(base_url=MODEL_URL, headers={"Authorization": f"Bearer {key}"}, timeout=30)
        # at the beginning of each call: the definition says whom there is, and who is closed now
        params = {"domain_uuid": domain_uuid}
        definition = self.voiced.get("/api/handoff/function", params=params).raise_for_status().json()
        self.tools = [{"type": "function", "function": definition}]
        self.messages: list[dict[str, Any]] = [{"role": "system", "content": PROMPT}]

    def hear(self, text: str) -> str:
        self.messages.append({"role": "user", "content": text})
        reply = self.ask_model()
        for call in reply.get("tool_calls") or []:
            arguments = json.loads(call["function"]["arguments"] or "{}")
            result = self.request_handoff(arguments)
            told = {"role": "tool", "tool_call_id": call["id"], "content": json.dumps(result)}
            self.messages.append(told)
            if result["next"] in ("talk", "end"):
                return ""  # with a person, or gone: the call is not ours any more
            return str(result["say"])  # nobody answered, or a question: the caller hears us again
        return str(reply["content"])

    def request_handoff(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The caller hears music until the answer: the person is there, or why not."""
        body = {**arguments, **self.caller}  # whatever the model says, it is this caller
        response = self.voiced.post("/api/handoff", params={"wait": 120}, json=body)
        return dict(response.raise_for_status().json())

    def ask_model(self) -> dict[str, Any]:
        body = {
            "model": os.environ.get("MODEL_NAME", "default"), "messages": self.messages, "tools": self.tools,
        }  # fmt: skip
        answer = self.model.post("chat/completions", json=body).raise_for_status().json()
        reply: dict[str, Any] = answer["choices"][0]["message"]
        self.messages.append(reply)
        return reply


if __name__ == "__main__":
    assistant = Assistant(*sys.argv[1:3])
    for line in sys.stdin:
        if not (said := assistant.hear(line.strip())):
            print("(the call is not ours any more)", flush=True)
            break
        print(said, flush=True)
