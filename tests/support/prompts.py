"""A prompt in each protocol: where it goes, and its body."""

from __future__ import annotations

from typing import Any

type Prompt = tuple[str, dict[str, Any]]

HOSTS = (
    "api.openai.com",
    "api.anthropic.com",
    "generativelanguage.googleapis.com",
    "ollama.com",
    "bedrock-runtime.us-east-1.amazonaws.com",
)


def chat(text: str, *, stream: bool) -> Prompt:
    body: dict[str, Any] = {
        "model": "m",
        "stream": stream,
        "messages": [{"role": "user", "content": text}],
    }
    return "https://api.openai.com/v1/chat/completions", body


def responses(text: str, *, stream: bool) -> Prompt:
    return "https://api.openai.com/v1/responses", {"model": "m", "stream": stream, "input": text}


def messages(text: str, *, stream: bool) -> Prompt:
    body: dict[str, Any] = {"model": "m", "max_tokens": 9, "stream": stream}
    body["messages"] = [{"role": "user", "content": text}]
    return "https://api.anthropic.com/v1/messages", body


def gemini(text: str, *, stream: bool) -> Prompt:
    call = "streamGenerateContent" if stream else "generateContent"
    url = f"https://generativelanguage.googleapis.com/v1beta/models/m:{call}"
    return url, {"contents": [{"role": "user", "parts": [{"text": text}]}]}


def ollama(text: str, *, stream: bool) -> Prompt:
    body: dict[str, Any] = {
        "model": "m",
        "stream": stream,
        "messages": [{"role": "user", "content": text}],
    }
    return "https://ollama.com/api/chat", body


def converse(text: str, *, stream: bool) -> Prompt:
    host = "https://bedrock-runtime.us-east-1.amazonaws.com"
    url = f"{host}/model/m/converse{'-stream' if stream else ''}"
    return url, {"messages": [{"role": "user", "content": [{"text": text}]}]}


PROTOCOLS = (chat, responses, messages, gemini, ollama, converse)
