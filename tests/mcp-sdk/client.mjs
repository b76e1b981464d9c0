// A client of MCP's SDK: connects, lists the tools and calls some of them. Prints what it got as JSON. A bridge is a program
// with which it speaks over standard input and output, and which knows address and headers itself.
// Usage: node client.mjs FOLDER-OF-PACKAGES modern|negotiating|legacy URL HEADERS-AS-JSON CALLS-AS-JSON
//        node client.mjs FOLDER-OF-PACKAGES bridge COMMAND ARGUMENTS-AS-JSON CALLS-AS-JSON
import { createRequire } from 'node:module';

const [packages, era, target, given, calls] = process.argv.slice(2);
const require = createRequire(packages + '/');
const { Client, StreamableHTTPClientTransport } =
  era === 'legacy' || era === 'bridge'
    ? {
        ...require('@modelcontextprotocol/sdk/client/index.js'),
        ...require('@modelcontextprotocol/sdk/client/streamableHttp.js'),
      }
    : require('@modelcontextprotocol/client');
const options = era === 'modern' ? { versionNegotiation: { mode: 'auto' } } : {};
const transport = () => {
  if (era !== 'bridge') {
    return new StreamableHTTPClientTransport(new URL(target), { requestInit: { headers: JSON.parse(given) } });
  }
  const { StdioClientTransport } = require('@modelcontextprotocol/sdk/client/stdio.js');
  return new StdioClientTransport({ command: target, args: JSON.parse(given), env: process.env });
};

// What a program would show of an error.
const shown = (error) => ({ name: error.name, message: error.message, code: error.code, data: error.data });

const result = { tools: [], calls: {} };
try {
  const client = new Client({ name: 'gatepost-tests', version: '1.0.0' }, options);
  await client.connect(transport());
  result.tools = (await client.listTools()).tools.map((tool) => tool.name);
  for (const [name, given] of JSON.parse(calls)) {
    try {
      const answer = await client.callTool({ name, arguments: given }, undefined, { timeout: 5000 });
      result.calls[name] = answer.content[0].text;
    } catch (error) {
      result.calls[name] = shown(error);
    }
  }
  await client.close();
} catch (error) {
  result.failed = shown(error);
}
console.log(JSON.stringify(result));
