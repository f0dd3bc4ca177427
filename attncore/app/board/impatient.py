"""A connection that has to say what it wants: one that opens and stays silent is closed, so that others find room."""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE = 20.0  # seconds in which the head of a request has to be here; its body has a clock of its own


class Impatient(H11Protocol):
    """Uvicorn's connection, which by itself waits without end for the head of a request."""

    waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop_waiting()
        super().connection_lost(exc)

    def watch(self) -> None:
        """Start the clock where a request is awaited; a byte now and then doesn't set it back."""
        if self.conn.their_state is not h11.IDLE:
            self.stop_waiting()
        elif self.waiting is None:
            self.waiting = self.loop.call_later(PATIENCE, self.transport.close)

    def stop_waiting(self) -> None:
        if self.waiting:
            self.waiting.cancel()
        self.waiting = None
