"""A service that answers over WebSocket as OpenAI's Responses do, and its client."""

from __future__ import annotations

import json
import ssl
import threading

import websockets.sync.server
from support.clients import websocket
from support.echo import own


class Service:
    """Says what it hears in deltas of three letters; on a watching connection, to all watchers."""

    def __init__(self, pem):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        self.heard = []
        self.watchers = []
        self.ends = True
        self.server = websockets.sync.server.serve(self._handle, "127.0.0.1", 0, ssl=context)
        self.url = f"https://127.0.0.1:{self.server.socket.getsockname()[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _handle(self, connection):
        if connection.request.path.startswith("/p24/"):
            self.watchers.append(connection)
        for message in connection:
            self.heard.append(message)
            event = json.loads(message)
            text = own(event["response"]["input"])
            for target in self.watchers or [connection]:
                for at in range(0, len(text), 3):
                    delta = {"type": "response.output_text.delta", "output_index": 0}
                    target.send(json.dumps(delta | {"delta": text[at : at + 3]}))
                if self.ends:
                    done = {"type": "response.output_text.done", "text": text}
                    target.send(json.dumps(done))

    def close(self):
        self.server.shutdown()


def connect(proxy, ca, url):
    return websocket(url, proxy, ca, compression=None, open_timeout=60)


def ask(connection, text):
    event = {"type": "response.create", "response": {"model": "echo", "input": text}}
    connection.send(json.dumps(event))


def listen(connection):
    text = ""
    while True:
        event = json.loads(connection.recv(timeout=20))
        if event["type"].endswith(".done"):
            return text, event["text"]
        text += event["delta"]
