// `oidc-provider` as the authorization server of a tool server: it registers clients, and gives access tokens (RFC 9068) for
// the resource that a client names. Whoever signs in is the person of that name.
// Usage: node authorization_server.mjs FOLDER-OF-PACKAGES PORT RESOURCE SCOPE
import { generateKeyPairSync } from 'node:crypto';
import { pathToFileURL } from 'node:url';

const [packages, port, resource, scope] = process.argv.slice(2);
const { default: Provider, errors } = await import(pathToFileURL(`${packages}/oidc-provider/lib/index.js`));

const claimsOf = (who) => ({
  sub: who,
  name: who,
  email: `${who}@example.com`,
  email_verified: true,
  groups: who === 'erin' ? ['tool-users'] : [],
});
const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });

const provider = new Provider(`http://127.0.0.1:${port}`, {
  scopes: ['openid', 'offline_access', scope],
  jwks: { keys: [{ ...key, kid: 'tests', alg: 'RS256', use: 'sig' }] },
  clients: [{ client_id: 'gatepost', client_secret: 'of-gatepost', redirect_uris: ['https://auth.example.com/callback/tools'] }],
  clientDefaults: { token_endpoint_auth_method: 'none' },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
  cookies: { keys: ['of-the-tests'] },
  findAccount: (_, who) => ({ accountId: who, claims: () => claimsOf(who) }),
  extraTokenClaims: (_, token) => (token.accountId ? claimsOf(token.accountId) : undefined),
  features: {
    registration: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo(_, asked) {
        if (asked !== resource) throw new errors.InvalidTarget();
        return { scope, audience: resource, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } };
      },
      useGrantedResource: () => true,
    },
  },
});
provider.listen(Number(port), '127.0.0.1');
