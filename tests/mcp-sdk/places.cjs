// Loaded before a program (`node --require`): every TLS connection to a host of example.com leads to Traefik, as with an
// entry in /etc/hosts and the port 443.
const tls = require('node:tls');

const connect = tls.connect;
tls.connect = (options, ...rest) => {
  const isOurs = /(^|\.)example\.com$/.test(options.servername ?? options.host ?? '');
  return connect(isOurs ? { ...options, host: '127.0.0.1', port: Number(process.env.TRAEFIK_PORT) } : options, ...rest);
};
