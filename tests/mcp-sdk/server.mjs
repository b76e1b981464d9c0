// A tool server of MCP's SDK for both eras, at every path. It also says who the gate says that the caller is.
// Usage: node server.mjs FOLDER-OF-PACKAGES PORT
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const [packages, port] = process.argv.slice(2);
const require = createRequire(packages + '/');
const { McpServer, createMcpHandler, fromJsonSchema } = require('@modelcontextprotocol/server');
const { toNodeHandler } = require('@modelcontextprotocol/node');

const inputSchema = fromJsonSchema({ type: 'object', properties: { path: { type: 'string' } }, required: ['path'] });

function makeServer({ requestInfo, request }) {
  const headers = (request ?? requestInfo)?.headers;
  const server = new McpServer({ name: 'github', version: '1.0.0' });
  for (const name of ['get_file', 'delete_repo']) {
    server.registerTool(name, { description: name, inputSchema }, ({ path }) => ({
      content: [{ type: 'text', text: `${name} ${path} for ${headers?.get('x-user-email')}` }],
    }));
  }
  return server;
}

createServer(toNodeHandler(createMcpHandler(makeServer))).listen(Number(port), '127.0.0.1');
