"""The websocket side: who hears what, and the ways in which a socket goes deaf (recordings 13, 21, 22)."""

import asyncio
import json
import struct
import uuid
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

SERVER_FEATURES = {"supports_preview_metadata": True, "max_upload_size": 104857600}
PREVIEW_EVENT = 1
PREVIEW_WITH_METADATA_EVENT = 4
JPEG_FORMAT = 1


@dataclass(slots=True)
class _Peer:
    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    features: dict[str, Any] = field(default_factory=dict)


class Sockets:
    """The sockets by client id, and the outgoing messages in their order."""

    def __init__(self) -> None:
        self._peers: dict[str, _Peer] = {}
        self._all: list[_Peer] = []
        self._outgoing: asyncio.Queue[tuple[str | None, str | bytes]] = asyncio.Queue()
        self.deaf = False
        self.client_id: str | None = None
        self.last_node: str | None = None

    def send(self, event: str, data: dict[str, Any], client_id: str | None) -> None:
        """Queue a message for one client's registered socket, or for all registered ones (None)."""
        if not self.deaf:
            self._outgoing.put_nowait((client_id, json.dumps({"type": event, "data": data})))

    def send_preview(self, jpeg: bytes, metadata: dict[str, Any], client_id: str) -> None:
        """Queue a preview frame: with metadata for a client that sent feature_flags."""
        peer = self._peers.get(client_id)
        if peer is None or self.deaf:
            return
        if peer.features.get("supports_preview_metadata"):
            said = json.dumps(metadata).encode()
            frame = struct.pack(">II", PREVIEW_WITH_METADATA_EVENT, len(said)) + said + jpeg
        else:
            frame = struct.pack(">II", PREVIEW_EVENT, JPEG_FORMAT) + jpeg
        self._outgoing.put_nowait((client_id, frame))

    async def publish(self) -> None:
        """Send what is queued, for ever."""
        while True:
            client_id, message = await self._outgoing.get()
            targets = list(self._peers.values()) if client_id is None else [self._peers.get(client_id)]
            for peer in targets:
                if peer is not None:
                    await _send(peer, message)

    async def serve(self, request: web.Request, status: dict[str, Any]) -> web.WebSocketResponse:
        """Serve GET /ws until the socket ends.

        A second socket of a client id takes over from the first. When either of them closes, the client id is
        forgotten, even if the other one still stands: that one hears nothing more (recording 22).
        """
        sid = request.query.get("clientId") or uuid.uuid4().hex
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        peer = _Peer(socket, request.transport)
        self._peers[sid] = peer
        self._all.append(peer)
        try:
            await _send(peer, json.dumps({"type": "status", "data": {"status": status, "sid": sid}}))
            if self.client_id == sid and self.last_node is not None:
                await _send(peer, json.dumps({"type": "executing", "data": {"node": self.last_node}}))
            await self._listen(peer)
        finally:
            self._peers.pop(sid, None)
            self._all.remove(peer)
        return socket

    async def _listen(self, peer: _Peer) -> None:
        first = True
        async for message in peer.socket:
            if message.type is not WSMsgType.TEXT:
                continue
            said = _read(message.data)
            if first and said.get("type") == "feature_flags":
                peer.features = said.get("data") or {}
                await _send(peer, json.dumps({"type": "feature_flags", "data": SERVER_FEATURES}))
            first = False

    def cut(self) -> None:
        """End all sockets without a closing handshake: clients see 1006."""
        for peer in self._all:
            if peer.transport is not None:
                peer.transport.abort()

    async def close(self) -> None:
        """End all sockets properly."""
        for peer in list(self._all):
            await peer.socket.close()


def _read(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


async def _send(peer: _Peer, message: str | bytes) -> None:
    try:
        if isinstance(message, str):
            await peer.socket.send_str(message)
        else:
            await peer.socket.send_bytes(message)
    except (ConnectionError, RuntimeError):
        return
