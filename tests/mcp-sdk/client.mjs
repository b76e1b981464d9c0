// A client of MCP's SDK: connects, lists the tools and calls two of them. Prints what it got as JSON.
// Usage: node client.mjs FOLDER-OF-PACKAGES modern|negotiating|legacy URL HEADERS-AS-JSON
import { createRequire } from 'node:module';

const [packages, era, url, headers] = process.argv.slice(2);
const require = createRequire(packages + '/');
const { Client, StreamableHTTPClientTransport } =
  era === 'legacy'
    ? {
        ...require('@modelcontextprotocol/sdk/client/index.js'),
        ...require('@modelcontextprotocol/sdk/client/streamableHttp.js'),
      }
    : require('@modelcontextprotocol/client');
const options = era === 'modern' ? { versionNegotiation: { mode: 'auto' } } : {};

// What a program would show of an error.
const shown = (error) => ({ name: error.name, message: error.message, code: error.code, data: error.data });

const result = { tools: [], calls: {} };
try {
  const client = new Client({ name: 'gatepost-tests', version: '1.0.0' }, options);
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: JSON.parse(headers) } }));
  result.tools = (await client.listTools()).tools.map((tool) => tool.name);
  for (const name of ['get_file', 'delete_repo']) {
    try {
      const answer = await client.callTool({ name, arguments: { path: 'a' } });
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
