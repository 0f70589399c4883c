"""A guardrail for LiteLLM's gateway, by its interface; LiteLLM itself is imported only if it is there.

In its configuration: ``guardrail: retrieval.serving.guardrail.SuppressionGuardrail``. The list and the key come from
the environment: ``OUBLI_SUPPRESSION_LIST`` (a file) and ``OUBLI_SUPPRESSION_KEY_FILE`` (the key's bytes).
Interface: litellm.integrations.custom_guardrail.CustomGuardrail.
"""

import importlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from retrieval.serving.answers import Deltas, clean_answer, clean_request
from retrieval.serving.events import Responses, is_response
from retrieval.suppress import Suppression


def _base() -> Any:
    try:
        return importlib.import_module("litellm.integrations.custom_guardrail").CustomGuardrail
    except ImportError:
        return object


_Base: Any = _base()


class SuppressionGuardrail(_Base):  # type: ignore[misc]
    """Filters requests before the model sees them and answers before anybody does, streamed or whole."""

    def __init__(self, *, listed: Suppression | None = None, **options: Any) -> None:
        self._listed = listed or from_environment()
        if _Base is not object:
            super().__init__(**options)

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: dict[str, Any], call_type: str
    ) -> Any:
        """Return the request without what is listed."""
        return clean_request(data, self._listed)

    async def async_post_call_success_hook(self, data: dict[str, Any], user_api_key_dict: Any, response: Any) -> Any:
        """Return the whole answer without what is listed; objects are rebuilt as they were."""
        if isinstance(response, dict):
            return clean_answer(response, self._listed)
        return type(response)(**clean_answer(response.model_dump(), self._listed))

    async def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict: Any, response: Any, request_data: dict[str, Any]
    ) -> AsyncIterator[Any]:
        """Yield the answer's pieces as they may be said."""
        deltas, responses, last = Deltas(self._listed), Responses(self._listed), None
        async for piece in response:
            event = _event(piece)
            if is_response(event):
                for said in responses.take(event):
                    yield said if isinstance(piece, dict) else _like(piece, said)
                continue
            last = piece
            yield deltas.take(event) if isinstance(piece, dict) else type(piece)(**deltas.take(event))
        for choice in deltas.rest():
            event = {**(last if isinstance(last, dict) else last.model_dump() if last else {}), "choices": [choice]}
            yield event if isinstance(last, dict) or last is None else type(last)(**event)


def _event(piece: Any) -> dict[str, Any]:
    """A piece of a stream as a dictionary; raises ``ValueError`` for a stream that cannot be filtered."""
    event = piece if isinstance(piece, dict) else piece.model_dump() if hasattr(piece, "model_dump") else None
    if not isinstance(event, dict) or not ("choices" in event or is_response(event)):
        raise ValueError("Filtering a stream: one of this kind cannot be filtered; ask without streaming.")
    return event


def _like(piece: Any, event: dict[str, Any]) -> Any:
    """A piece of a response as an object of its kind; one of another kind, which a last delta is, as it can be read."""
    kind = piece if str(getattr(piece.type, "value", piece.type)) == event["type"] else None
    if kind is not None:
        return type(piece)(**event)
    module = importlib.import_module(type(piece).__module__)
    return module.OutputTextDeltaEvent(**event) if hasattr(module, "OutputTextDeltaEvent") else event


def from_environment() -> Suppression:
    """Open the list that the environment names; raises ``ValueError`` when it names none."""
    path, key = os.environ.get("OUBLI_SUPPRESSION_LIST"), os.environ.get("OUBLI_SUPPRESSION_KEY_FILE")
    if not path or not key:
        raise ValueError("Opening the suppression list: set OUBLI_SUPPRESSION_LIST and OUBLI_SUPPRESSION_KEY_FILE.")
    return Suppression(Path(path), Path(key).read_bytes())
