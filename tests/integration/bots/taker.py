"""A bot as its author might have it: requests, cryptography and websockets, the URLs from the environment.

It waits for the first book of a market on the feed, buys one contract at whatever the best offer is by then, and says
what it has.
"""
import asyncio
import base64
import json
import os
import sys
import time
import uuid
from urllib.parse import urlparse

import requests
import websockets
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

HARD_CODED = len(sys.argv) > 1 and sys.argv[1] == "--hard-coded"
REST = "https://external-api.kalshi.com/trade-api/v2"
FEED = "wss://external-api-ws.kalshi.com/trade-api/ws/v2"
if not HARD_CODED:
    REST = os.environ.get("KALSHI_API_URL", REST)
    FEED = os.environ.get("KALSHI_FEED_URL", FEED)
KEY_ID = os.environ["KALSHI_KEY_ID"]
with open(os.environ["KALSHI_KEY_FILE"], "rb") as f:
    KEY = serialization.load_pem_private_key(f.read(), password=None)


def headers(method, path):
    at = str(int(time.time() * 1000))
    signature = KEY.sign((at + method + path).encode(),
                         padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH),
                         hashes.SHA256())
    return {"KALSHI-ACCESS-KEY": KEY_ID, "KALSHI-ACCESS-TIMESTAMP": at,
            "KALSHI-ACCESS-SIGNATURE": base64.b64encode(signature).decode()}


session = requests.Session()


def call(method, path, **more):
    url = REST + path
    answer = session.request(method, url, headers=headers(method, urlparse(url).path), timeout=10, **more)
    answer.raise_for_status()
    return answer.json()


async def first_book(ticker):
    signed = headers("GET", urlparse(FEED).path)
    name = "additional_headers" if int(websockets.__version__.split(".")[0]) >= 14 else "extra_headers"
    async with websockets.connect(FEED, **{name: signed}) as ws:
        await ws.send(json.dumps({"id": 1, "cmd": "subscribe",
                                  "params": {"channels": ["orderbook_delta"], "market_tickers": [ticker]}}))
        while True:
            message = json.loads(await ws.recv())
            if message["type"] == "orderbook_snapshot":
                return message["msg"]


market = next(m for m in call("GET", "/markets", params={"status": "open", "limit": 100})["markets"]
              if float(m["yes_bid_dollars"]) >= 0.2 and 0 < float(m["yes_ask_dollars"]) <= 0.8)
book = asyncio.run(asyncio.wait_for(first_book(market["ticker"]), 10))
offers = book.get("no_dollars_fp", [])
filled = "0.00"
if offers:
    order = call("POST", "/portfolio/events/orders", json={
        "ticker": market["ticker"], "side": "bid", "price": "0.9900", "count": "1.00",
        "client_order_id": str(uuid.uuid4()), "time_in_force": "immediate_or_cancel",
        "self_trade_prevention_type": "taker_at_cross"})
    filled = order["fill_count"]
print(json.dumps({"ticker": market["ticker"], "balance": call("GET", "/portfolio/balance")["balance"], "filled": filled}))
