"""A tool server of `mcp` (PyPI) for both eras.

Usage: python server.py PORT PATH
"""

import sys

import uvicorn
from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings

server = MCPServer("python")


@server.tool()
def get_file(path: str) -> str:
    return "get_file " + path


@server.tool()
def delete_repo(path: str) -> str:
    return "delete_repo " + path


# The host is the gate's, which refuses foreign ones.
security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
app = server.streamable_http_app(streamable_http_path=sys.argv[2], transport_security=security)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]))
