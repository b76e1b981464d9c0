// Stands between the conformance suite, which can send no credential, and the gate: adds an API key and leads to Traefik.
// Usage: node forward.mjs PORT TRAEFIK-PORT HOST KEY
import { createServer } from 'node:http';
import { request } from 'node:https';

const [port, traefik, host, key] = process.argv.slice(2);

createServer((asked, answer) => {
  const names = asked.rawHeaders.filter((_, index) => index % 2 === 0);
  const headers = asked.rawHeaders.flatMap((value, index) => {
    if (index % 2 === 0) return [];
    const name = names[(index - 1) / 2];
    // A host that is none of this machine's is a test of the suite.
    const isOwnHost = name.toLowerCase() === 'host' && /^(localhost|127\.0\.0\.1)(:|$)/.test(value);
    return [[name, isOwnHost ? host : value]];
  });
  const target = { host: '127.0.0.1', port: traefik, servername: host, method: asked.method, path: asked.url };
  const passed = request({ ...target, headers: [...headers, ['Authorization', `Bearer ${key}`]].flat() }, (got) => {
    answer.writeHead(got.statusCode, got.rawHeaders);
    got.pipe(answer);
  });
  passed.on('error', (error) => answer.destroy(error));
  answer.on('close', () => passed.destroy());
  asked.pipe(passed);
}).listen(Number(port), '127.0.0.1');
