// What the conformance suite (`@modelcontextprotocol/conformance`) expects of a server that can do everything, on MCP's own
// SDK. Names and texts are the suite's; `test/conformance/src/everythingServer.ts` of the SDK has the same. Messages of
// 2025-11-25 have sessions, those of 2026-07-28 do not.
// Usage: node everything.mjs FOLDER-OF-PACKAGES PORT HOST...
import { randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { addInputTools } from './everything_input.mjs';

const [packages, port, ...hosts] = process.argv.slice(2);
const require = createRequire(packages + '/');
const sdk = require('@modelcontextprotocol/server');
const { NodeStreamableHTTPServerTransport, hostHeaderValidation, toNodeHandler } = require('@modelcontextprotocol/node');

const IMAGE = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const AUDIO = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';
const codec = sdk.createRequestStateCodec({ key: new Uint8Array(randomBytes(32)) });
const transports = new Map();

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const text = (text) => ({ type: 'text', text });
const says = (...content) => ({ content: content.map((item) => (typeof item === 'string' ? text(item) : item)) });
const image = { type: 'image', data: IMAGE, mimeType: 'image/png' };
const resource = (uri, mimeType, content) => ({ type: 'resource', resource: { uri, mimeType, text: content } });
const schema = (properties, more = {}) => sdk.fromJsonSchema({ type: 'object', properties, ...more });
const strings = (...names) =>
  schema(Object.fromEntries(names.map((name) => [name, { type: 'string' }])), { required: names });

function addTools(server) {
  const tool = (name, call, inputSchema = schema({})) =>
    server.registerTool(name, { description: name, inputSchema }, call);

  tool('test_simple_text', () => says('This is a simple text response for testing.'));
  tool('test_image_content', () => says(image));
  tool('test_audio_content', () => says({ type: 'audio', data: AUDIO, mimeType: 'audio/wav' }));
  tool('test_embedded_resource', () =>
    says(resource('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')));
  tool('test_multiple_content_types', () =>
    says('Multiple content types test:', image,
      resource('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}')));
  tool('test_error_handling', () => { throw new Error('This tool intentionally returns an error for testing'); });
  tool('test_streaming_elicitation', () => says('only a result'));
  tool('test_logging_tool', async (_, { mcpReq }) => {
    await mcpReq.log('info', 'test_logging_tool ran');
    return says('logged');
  });
  tool('test_tool_with_logging', async (_, { mcpReq }) => {
    for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await mcpReq.notify({ method: 'notifications/message', params: { level: 'info', data } });
      await pause(50);
    }
    return says('Tool with logging executed successfully');
  });
  tool('test_tool_with_progress', async (_, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken;
    for (const progress of progressToken === undefined ? [] : [0, 50, 100]) {
      const params = { progressToken, progress, total: 100, message: `Completed step ${progress} of 100` };
      await mcpReq.notify({ method: 'notifications/progress', params });
      await pause(50);
    }
    return says(String(progressToken ?? 'no-progress-token'));
  });
  tool('test_reconnection', async (_, { sessionId, mcpReq }) => {
    transports.get(sessionId)?.closeSSEStream(mcpReq.id);
    await pause(100);
    return says('Reconnection test completed successfully.');
  });
  tool('test_trigger_tool_change', () => { modern.notify.toolsChanged(); return says('published'); });
  tool('test_trigger_prompt_change', () => { modern.notify.promptsChanged(); return says('published'); });
  tool('test_x_mcp_header', ({ region }) => says(`region=${region ?? '<none>'}`), schema({
    region: { type: 'string', 'x-mcp-header': 'Region' },
    level: { type: 'integer' },
  }));
  tool('json_schema_2020_12_tool', (given) => says(JSON.stringify(given)), schema({
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  }, {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $defs: {
      address: {
        $anchor: 'addressDef',
        type: 'object',
        properties: { street: { type: 'string' }, city: { type: 'string' } },
      },
    },
    allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
    if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
    then: { required: ['phone'] },
    else: { required: ['email'] },
    additionalProperties: false,
  }));
  addInputTools({ sdk, codec, tool, says, strings });
}

function addResources(server) {
  const fixed = (name, mimeType, content) =>
    server.registerResource(name, `test://${name}`, { title: name, description: name, mimeType }, () =>
      ({ contents: [{ uri: `test://${name}`, mimeType, ...content }] }));
  fixed('static-text', 'text/plain', { text: 'This is the content of the static text resource.' });
  fixed('static-binary', 'image/png', { blob: IMAGE });
  fixed('watched-resource', 'text/plain', { text: 'Watched resource content' });
  const template = new sdk.ResourceTemplate('test://template/{id}/data', { list: undefined });
  const mimeType = 'application/json';
  server.registerResource('template', template, { title: 'Template', description: 'Template', mimeType }, (uri, { id }) => {
    const content = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
    return { contents: [{ uri: uri.toString(), mimeType, text: content }] };
  });
  for (const method of ['resources/subscribe', 'resources/unsubscribe', 'logging/setLevel']) {
    server.server.setRequestHandler(method, () => ({}));
  }
}

function addPrompts(server) {
  const messages = (...contents) => ({ messages: contents.map((content) => ({ role: 'user', content })) });
  const prompt = (name, get, argsSchema) =>
    server.registerPrompt(name, { title: name, description: name, argsSchema }, get);
  prompt('test_simple_prompt', () => messages(text('This is a simple prompt for testing.')));
  prompt('test_prompt_with_arguments',
    ({ arg1, arg2 }) => messages(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)), strings('arg1', 'arg2'));
  prompt('test_prompt_with_embedded_resource', ({ resourceUri }) =>
    messages(resource(resourceUri, 'text/plain', 'Embedded resource content for testing.'),
      text('Please process the embedded resource above.')), strings('resourceUri'));
  prompt('test_prompt_with_image', () => messages(image, text('Please analyze the image above.')));
  prompt('test_input_required_result_prompt', ({ mcpReq }) => {
    const context = sdk.acceptedContent(mcpReq.inputResponses, 'user_context')?.context;
    if (typeof context === 'string') return messages(text(`Use the following context: ${context}`));
    const requestedSchema = { type: 'object', properties: { context: { type: 'string' } }, required: ['context'] };
    const user_context = sdk.inputRequired.elicit({ message: 'What context should the prompt use?', requestedSchema });
    return sdk.inputRequired({ inputRequests: { user_context } });
  });
  server.server.setRequestHandler('completion/complete', () => ({ completion: { values: [], total: 0, hasMore: false } }));
}

function makeServer() {
  const listChanged = true;
  const capabilities = { tools: { listChanged }, resources: { subscribe: true, listChanged }, prompts: { listChanged },
    logging: {}, completions: {} };
  const server = new sdk.McpServer({ name: 'everything', version: '1.0.0' },
    { capabilities, requestState: { verify: codec.verify } });
  addTools(server);
  addResources(server);
  addPrompts(server);
  return server;
}

// The streams of a session, kept for clients that come back.
function makeEventStore() {
  const events = [];
  return {
    storeEvent(stream, message) {
      events.push({ id: `${stream}::${String(events.length).padStart(9, '0')}`, stream, message });
      return Promise.resolve(events.at(-1).id);
    },
    async replayEventsAfter(last, { send }) {
      const [stream] = last.split('::');
      for (const event of events.filter((event) => event.stream === stream && event.id > last)) {
        if (Object.keys(event.message ?? {}).length > 0) await send(event.id, event.message);
      }
      return stream;
    },
  };
}

async function findTransport(session, body) {
  if (session || !sdk.isInitializeRequest(body)) return transports.get(session);
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    eventStore: makeEventStore(),
    retryInterval: 5000,
    onsessioninitialized: (id) => transports.set(id, transport),
  });
  transport.onclose = () => transports.delete(transport.sessionId);
  await makeServer().connect(transport);
  return transport;
}

const modern = sdk.createMcpHandler(makeServer);
const answerModern = toNodeHandler(modern);
const isAllowed = hostHeaderValidation(hosts);

createServer(async (request, response) => {
  if (!isAllowed(request, response)) return;
  let body;
  if (request.method === 'POST') {
    let read = '';
    for await (const part of request.setEncoding('utf8')) read += part;
    try { body = JSON.parse(read); } catch { /* the SDK says what is wrong */ }
    const { 'mcp-protocol-version': protocolVersionHeader, 'mcp-method': mcpMethodHeader } = request.headers;
    const asked = { httpMethod: 'POST', protocolVersionHeader, mcpMethodHeader, body };
    if (sdk.classifyInboundRequest(asked).kind !== 'legacy') return answerModern(request, response, body);
  }
  const session = request.headers['mcp-session-id'];
  const transport = await findTransport(session, body);
  if (transport) return transport.handleRequest(request, response, body);
  const error = { code: session ? -32_001 : -32_000, message: session ? 'Session not found' : 'Session ID required' };
  response.writeHead(session ? 404 : 400, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error }));
}).listen(Number(port), '127.0.0.1');
