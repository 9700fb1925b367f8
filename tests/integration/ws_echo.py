"""Echoes WebSocket messages with Python's `websockets`, which is not ours. Prints its port, then one line for each
connection that ended: "closed CODE REASON". A text that begins with "!" is a command:
!close CODE REASON, !ping TEXT, !fragments TEXT (one character a frame), !drop."""
import asyncio
import ssl
import sys

import websockets


def say(*words):
    print(*words, flush=True)


async def pong(ws, text):
    await (await ws.ping(text))
    await ws.send("pong " + text)


async def command(ws, text):
    name, _, rest = text[1:].partition(" ")
    if name == "close":
        code, _, reason = rest.partition(" ")
        await ws.close(int(code), reason)
    elif name == "ping":
        asyncio.ensure_future(pong(ws, rest))
    elif name == "fragments":
        await ws.send(list(rest))
    elif name == "drop":
        ws.transport.abort()


async def serve(ws):
    try:
        async for message in ws:
            if isinstance(message, str) and message.startswith("!"):
                await command(ws, message)
            else:
                await ws.send(message)
    except websockets.ConnectionClosed:
        pass
    await ws.wait_closed()
    say("closed", ws.close_code, ws.close_reason)


async def main():
    tls = None
    if len(sys.argv) > 1:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(sys.argv[1], sys.argv[2])
    server = await websockets.serve(
        serve, "127.0.0.1", 0, ssl=tls, subprotocols=["v1.feed"], max_size=1 << 26, compression="deflate")
    say(server.sockets[0].getsockname()[1])
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until the test ends
    server.close()


asyncio.run(main())
