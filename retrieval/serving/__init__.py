"""The filter inside other people's serving stacks; each module imports its host only when it is used.

``streamers`` for transformers, ``logits`` for transformers and vLLM, ``guardrail`` for LiteLLM, ``proxy`` in front of
any server that speaks the OpenAI API.
"""
