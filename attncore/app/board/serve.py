"""`attncore board`: open the rooms, say where they are, and serve them until Ctrl-C."""

import argparse
import os
import socket
import sqlite3
import sys
from contextlib import suppress
from importlib.util import find_spec

from attncore.app.board.records import Room
from attncore.app.board.store import Store

EVERYWHERE = ("0.0.0.0", "::", "")
CONNECTIONS = 8_192  # at a time, as far as the system lets us
PACKAGES = ("starlette", "uvicorn", "mistune", "latex2mathml")
NEEDED = f'The board needs more packages: python -m pip install {" ".join(PACKAGES)} (the extra "workshop").'


def board(chosen: argparse.Namespace) -> int:
    """Serve the board; return the exit status."""
    if not all(map(find_spec, PACKAGES)):
        return stopped(NEEDED)
    try:
        store, rooms = rooms_of(chosen)
    except (OSError, sqlite3.Error) as problem:
        told = problem.strerror if isinstance(problem, OSError) else problem
        return stopped(f"{chosen.store} cannot be the board's file: {told}.")
    try:
        listening = listen(chosen.host, chosen.port)
    except OSError as problem:
        store.close()
        return stopped(f"Nothing can listen on {chosen.host}, port {chosen.port}: {problem.strerror or problem}.")
    print(*invitation(rooms, chosen.host, listening.getsockname()[1]), sep="\n", flush=True)
    print(
        f"\nWhat the rooms do is kept in {chosen.store}. Ctrl-C stops the board; nothing is lost by that.", flush=True
    )
    serve(store, learners_addresses(chosen.host, listening.getsockname()[1])[0], listening)
    store.close()
    return 0


def rooms_of(chosen: argparse.Namespace) -> tuple[Store, list[Room]]:
    """The store, and the rooms that are open. Raises OSError or sqlite3.Error where the file can't be used."""
    store = Store(chosen.store)
    try:
        store.delete_old()
        names = chosen.room or [room.name for room in store.rooms()] or ["workshop"]
        return store, [store.opened_room(name, chosen.delete_after) for name in dict.fromkeys(names)]
    except BaseException:
        store.close()
        raise


def stopped(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


def serve(store: Store, address: str, listening: socket.socket) -> None:
    """Answer until Ctrl-C; `address` is where learners find the board."""
    import uvicorn

    from attncore.app.board.impatient import Impatient
    from attncore.app.board.server import app

    allow_many_connections()
    settings = uvicorn.Config(
        app(store, address),
        http=Impatient,
        ws="none",
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    with suppress(KeyboardInterrupt):
        uvicorn.Server(settings).run(sockets=[listening])


def allow_many_connections() -> None:
    """Raise this process's limit of open files: macOS begins with 256, fewer than a large class has browsers."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        if now != resource.RLIM_INFINITY:
            wanted = CONNECTIONS if most == resource.RLIM_INFINITY else min(CONNECTIONS, most)
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(now, wanted), most))


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    if os.name == "posix":  # so that a board that was killed can be started again at once
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(1024)  # from here on whoever comes waits for an answer, and isn't turned away
    except OSError:
        listening.close()
        raise
    return listening


def invitation(rooms: list[Room], host: str, port: int) -> list[str]:
    """What to open, and what to tell the room."""
    ours = "127.0.0.1" if host in EVERYWHERE else host
    theirs = learners_addresses(host, port)
    lines = []
    for room in rooms:
        secret = f"{origin(ours, port)}/instructor/{room.id}?secret={room.secret}"
        lines += [
            f"\n{room.name}",
            f"  for you alone    {secret}",
            f"  for the room     {'  or  '.join(theirs)}   code {room.code}",
            f'  in a notebook    from attncore import join; join("{theirs[0]}", "{room.code}")',
        ]
    if host in ("127.0.0.1", "localhost", "::1"):
        lines.append("\nOnly this machine can reach the board. With --host 0.0.0.0, everybody on its network can.")
    return lines


def learners_addresses(host: str, port: int) -> list[str]:
    """Where the room finds the board, the likeliest first."""
    hosts = (reachable() or ["127.0.0.1"]) if host in EVERYWHERE else [host]
    return [origin(address, port) for address in hosts]


def origin(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def reachable() -> list[str]:
    """The addresses of this machine that others on its network can reach, the likeliest first."""
    found = []
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # nothing is sent: it only asks which way a packet would go
        found.append(probe.getsockname()[0])
    with suppress(OSError):
        found += [info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    return [address for address in dict.fromkeys(map(str, found)) if not address.startswith("127.")]
