// An MCP client that knows nothing but the address of a tool server: it is refused, finds the authorization server, registers
// itself there, has its person sign in, gets a token and calls two tools. Prints each request and what it got as JSON.
// Usage: node authorize.mjs FOLDER-OF-PACKAGES modern|legacy URL PERSON
import { createRequire } from 'node:module';

const [packages, era, url, who] = process.argv.slice(2);
const require = createRequire(packages + '/');
const { Client, StreamableHTTPClientTransport } =
  era === 'legacy'
    ? {
        ...require('@modelcontextprotocol/sdk/client/index.js'),
        ...require('@modelcontextprotocol/sdk/client/streamableHttp.js'),
      }
    : require('@modelcontextprotocol/client');
const CALLBACK = 'http://localhost:9/callback';

const requests = [];
async function noted(input, init) {
  const answer = await fetch(input, init);
  requests.push(`${answer.status} ${init?.method ?? 'GET'} ${String(input).split('?')[0]}`);
  return answer;
}

// A person at a browser: follows redirects, signs in and consents in the forms of the authorization server.
async function signIn(address) {
  const jar = new Map();
  const open = async (to, form) => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const sent = form && { method: 'POST', body: new URLSearchParams(form) };
    const answer = await fetch(to, { redirect: 'manual', headers: { cookie }, ...sent });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      jar.set(name, value);
    }
    return answer;
  };
  let [to, form] = [address];
  for (let steps = 0; steps < 20; steps++) {
    if (String(to).startsWith(CALLBACK)) return new URL(to).searchParams;
    const answer = await open(to, form);
    const next = answer.headers.get('location');
    form = undefined;
    if (next) {
      to = new URL(next, to);
      continue;
    }
    const page = await answer.text();
    const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];
    if (!prompt) throw new Error(`${answer.status} ${to}: ${page}`);
    to = new URL(/action="([^"]+)"/.exec(page)[1], to);
    form = { prompt, ...(prompt === 'login' && { login: who, password: 'any' }) };
  }
  throw new Error('the sign-in does not end');
}

class Person {
  redirectUrl = CALLBACK;
  clientMetadata = { client_name: 'tests', redirect_uris: [CALLBACK], grant_types: ['authorization_code'],
    response_types: ['code'], token_endpoint_auth_method: 'none' };
  clientInformation() { return this.client; }
  saveClientInformation(client) { this.client = client; }
  tokens() { return this.held; }
  saveTokens(tokens) { this.held = tokens; }
  codeVerifier() { return this.verifier; }
  saveCodeVerifier(verifier) { this.verifier = verifier; }
  async redirectToAuthorization(address) { this.answer = await signIn(address); }
}

const shown = (error) => ({ name: error.name, message: error.message, code: error.code, data: error.data });
const authProvider = new Person();
const connect = async () => {
  const options = era === 'modern' ? { versionNegotiation: { mode: 'auto' } } : {};
  const client = new Client({ name: 'gatepost-tests', version: '1.0.0' }, options);
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider, fetch: noted });
  try {
    await client.connect(transport);
  } catch (error) {
    if (!authProvider.answer || authProvider.held) throw error;
    await transport.finishAuth(authProvider.answer.get('code'), authProvider.answer.get('iss') ?? undefined);
    return connect();
  }
  return client;
};

const result = { calls: {} };
try {
  const client = await connect();
  for (const name of ['get_file', 'delete_repo']) {
    try {
      result.calls[name] = (await client.callTool({ name, arguments: { path: 'a' } })).content[0].text;
    } catch (error) {
      result.calls[name] = shown(error);
    }
  }
  await client.close();
} catch (error) {
  result.failed = shown(error);
}
const [, payload] = (authProvider.held?.access_token ?? '.e30.').split('.');
const token = JSON.parse(Buffer.from(payload, 'base64url'));
console.log(JSON.stringify({ ...result, requests, token }));
