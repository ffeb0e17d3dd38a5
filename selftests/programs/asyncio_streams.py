# SPDX-License-Identifier: GPL-2.0
# asyncio: a server that sends back what comes, four clients at once, checksums.
import asyncio
import hashlib
import os
import socket
import stat
import sys
import time

FOLDER, MEGABYTES = sys.argv[1], int(sys.argv[2])
PATH = os.path.join(FOLDER, "asyncio.sock")
CLIENTS = 4
CHUNK = os.urandom(1 << 16)


async def serve(reader, writer):
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


async def client(chunks):
    reader, writer = await asyncio.open_unix_connection(PATH)
    assert writer.get_extra_info("peername") == PATH, writer.get_extra_info("peername")
    assert writer.get_extra_info("socket").family == socket.AF_UNIX
    sent, received = hashlib.sha256(), hashlib.sha256()

    async def send():
        for _ in range(chunks):
            sent.update(CHUNK)
            writer.write(CHUNK)
            await writer.drain()
        writer.write_eof()

    sender = asyncio.ensure_future(send())
    while data := await reader.read(1 << 16):
        received.update(data)
    await sender
    writer.close()
    assert sent.digest() == received.digest(), "what came back is not what was sent"


async def main():
    # A file that nobody listens at any more is not in the way.
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(PATH)
    stale.close()
    server = await asyncio.start_unix_server(serve, PATH)
    assert stat.S_ISSOCK(os.stat(PATH).st_mode)
    chunks = max(1, MEGABYTES * 16 // CLIENTS)
    start = time.perf_counter()
    await asyncio.gather(*(client(chunks) for _ in range(CLIENTS)))
    seconds = time.perf_counter() - start
    server.close()
    await server.wait_closed()
    print("rate", CLIENTS * chunks * len(CHUNK) / 1e6 / seconds)


asyncio.run(main())
