"""A link to the server that breaks when it is told to: after a commit, and before its answer is passed on."""

import asyncio
from contextlib import asynccontextmanager

from psycopg2.extensions import make_dsn, parse_dsn

COMMITTED = b"COMMIT\0"
CHUNK_BYTES = 65_536


class Link:
    """Passes everything on; `cut` decides, once for every commit, whether its answer is lost."""

    def __init__(self, dsn, directory, cut):
        self._parts = parse_dsn(dsn)
        self._directory = directory
        self._cut = cut
        self._serving = set()
        self.lost = 0

    @property
    def dsn(self):
        return make_dsn("", **self._parts | {"host": str(self._directory), "port": "5432"})

    async def serve(self, reader, writer):
        """Serve one connection until either side closes it, or an answer is lost."""
        self._serving.add(asyncio.current_task())
        there_reader, there_writer = await self._connect()
        passing = [
            asyncio.ensure_future(self._send(reader, there_writer)),
            asyncio.ensure_future(self._answer(there_reader, writer)),
        ]
        try:
            await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in (writer, there_writer):  # before anything is waited for, during which `close` may end this
                end.close()
            for task in passing:
                task.cancel()
            await asyncio.gather(*passing, writer.wait_closed(), there_writer.wait_closed(), return_exceptions=True)

    async def close(self):
        """End every connection."""
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _connect(self):
        host, port = self._parts.get("host", "localhost"), self._parts.get("port", "5432")
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, int(port))

    async def _send(self, reader, there):
        while data := await reader.read(CHUNK_BYTES):
            there.write(data)
            await there.drain()

    async def _answer(self, there, writer):
        tail = b""
        while data := await there.read(CHUNK_BYTES):
            if COMMITTED in tail + data and self._cut():
                self.lost += 1
                return
            tail = data[-len(COMMITTED) :]
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def broken_link(dsn, directory, cut):
    """A link below `directory`, a short path."""
    link = Link(dsn, directory, cut)
    server = await asyncio.start_unix_server(link.serve, f"{directory}/.s.PGSQL.5432")
    try:
        yield link
    finally:
        server.close()
        await link.close()
        await server.wait_closed()
