"""Why does a host look like an AI service, in words for people? One sentence for each sign."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_SHAPES: Mapping[str, str] = {
    "path:openai_chat": "requests go to a path of OpenAI's chat API",
    "path:openai_responses": "requests go to a path of OpenAI's Responses API",
    "path:openai_completions": "requests go to a path of OpenAI's completions API",
    "path:openai_images": "requests go to a path of OpenAI's image API",
    "path:openai_embeddings": "requests go to a path of OpenAI's embeddings API",
    "path:openai_audio": "requests go to a path of OpenAI's audio API",
    "path:anthropic_messages": "requests go to a path of Anthropic's Messages API",
    "path:gemini": "requests go to a path of the Gemini API",
    "path:ollama": "requests go to a path of Ollama's API",
    "path:chat_word": "requests go to a path that names a chat",
    "request:messages": "requests hold a model and messages",
    "request:prompt": "requests hold a prompt",
    "request:embedding": "requests hold a model and an input",
    "request:mcp": "requests speak the Model Context Protocol",
    "answer:deltas": "answers are written word by word, as models write",
    "answer:mcp": "answers open a session of the Model Context Protocol",
}


def told(signs: Iterable[str], chances: Mapping[str, float]) -> tuple[str, ...]:
    """The reasons of a host, those that weigh most first; what weighs nothing is left out."""
    weighed = [sign for sign in set(signs) if sign in chances]
    weighed.sort(key=lambda sign: (-chances[sign], sign))
    return tuple(dict.fromkeys(_sentence(sign) for sign in weighed))


def _sentence(sign: str) -> str:
    if sign in _SHAPES:
        return _SHAPES[sign]
    if sign.startswith("cert:"):
        return f"in its certificate, {_sentence(sign.removeprefix('cert:'))}"
    if sign == "word:-ai":
        return "its name ends with “ai”, as few other names do"
    kind, _, word = sign.partition(":")
    return f"its name ends in .{word}" if kind == "tld" else f"its name has “{word}” in it"
