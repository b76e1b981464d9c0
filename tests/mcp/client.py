"""The client of `mcp` (PyPI): connects, lists the tools and calls some. Prints what it got as client.mjs does.

Usage: python client.py URL HEADERS-AS-JSON CALLS-AS-JSON
"""

import asyncio
import json
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

url, headers, calls = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])


def shown(error):
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return {"name": type(error).__name__, "message": str(error), "data": getattr(error, "data", None)}


async def main():
    result = {"tools": [], "calls": {}}
    try:
        http = httpx2.AsyncClient(headers=headers, timeout=30)
        async with http, Client(streamable_http_client(url, http_client=http)) as client:
            result["tools"] = [tool.name for tool in (await client.list_tools()).tools]
            for name, arguments in calls:
                try:
                    answer = await client.call_tool(name, arguments)
                    result["calls"][name] = answer.content[0].text
                except Exception as error:
                    result["calls"][name] = shown(error)
    except Exception as error:
        result["failed"] = shown(error)
    print(json.dumps(result, default=str))


asyncio.run(main())
