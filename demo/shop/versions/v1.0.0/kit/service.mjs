// What the three services share: an HTTP server with routes, health, version, metrics and an orderly end.
import http from 'node:http';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createMetrics } from './metrics.mjs';

const BODY_LIMIT_BYTES = 64 * 1024;

// An error with the status the caller shall see.
export class HttpError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

function readJson(name) {
  try {
    return JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8'));
  } catch {
    return {};
  }
}

async function readBody(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > BODY_LIMIT_BYTES) throw new HttpError(413, `body is larger than ${BODY_LIMIT_BYTES} bytes`);
    parts.push(part);
  }
  if (size === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch {
    throw new HttpError(400, 'body is not JSON');
  }
}

// Routes are { 'GET /products/:id': async ({ params, query, body }) => ({ status?, body }) }.
function compile(routes) {
  return Object.entries(routes).map(([endpoint, handle]) => {
    const [method, path] = endpoint.split(' ');
    const pattern = new RegExp(`^${path.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
    return { endpoint, method, pattern, handle };
  });
}

export function serve(name, routesFor) {
  const { values: options } = parseArgs({
    options: {
      port: { type: 'string' },
      instance: { type: 'string', default: `${name}-1` },
      environment: { type: 'string', default: 'local' },
      router: { type: 'string', default: 'http://127.0.0.1:8000' },
    },
  });
  const build = readJson('build-info.json');
  const deployed = readJson('deployed.json');
  const identity = {
    service: name,
    version: build.version ?? 'unbuilt',
    commit: build.commit ?? null,
    digest: deployed.digest ?? null,
    instance: options.instance,
    environment: options.environment,
    pid: process.pid,
  };
  const metrics = createMetrics(identity);
  const routes = compile(routesFor({ call: client(options.router), identity }));
  for (const route of routes) metrics.declare(route.endpoint);

  const server = http.createServer(async (request, response) => {
    const started = process.hrtime.bigint();
    const url = new URL(request.url, 'http://service');
    const reply = (status, body, type = 'application/json') => {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text), 'x-served-by': options.instance });
      response.end(text);
    };
    if (url.pathname === '/healthz') return reply(200, { status: 'ok' });
    if (url.pathname === '/version') return reply(200, identity);
    if (url.pathname === '/metrics') return reply(200, metrics.render(), 'text/plain; version=0.0.4');

    const route = routes.find((each) => each.method === request.method && each.pattern.test(url.pathname));
    if (!route) return reply(404, { error: `no such endpoint: ${request.method} ${url.pathname}` });
    let status;
    try {
      const params = route.pattern.exec(url.pathname).groups ?? {};
      const answer = await route.handle({ params, query: url.searchParams, body: await readBody(request) });
      status = answer.status ?? 200;
      reply(status, answer.body);
    } catch (error) {
      status = error.status ?? 500;
      if (status >= 500) console.error(`${new Date().toISOString()} ${route.endpoint} ${status} ${error.message}`);
      reply(status, { error: error.message });
    }
    metrics.observe(route.endpoint, status, Number(process.hrtime.bigint() - started) / 1e9);
  });

  server.keepAliveTimeout = 30_000;
  server.listen(Number(options.port), '127.0.0.1', () => {
    console.log(`${new Date().toISOString()} ${options.instance} ${identity.version} listens on ${options.port}`);
  });
  server.on('error', (error) => {
    console.error(`${new Date().toISOString()} ${options.instance} cannot listen: ${error.message}`);
    process.exit(1);
  });
  process.on('SIGTERM', () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    setTimeout(() => process.exit(0), 2000).unref();
  });
}

// Calls another service through the router. Answers { status, body }; a service that does not answer is a 502.
function client(router) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? '' : JSON.stringify(body);
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
      const request = http.request(router + path, { method, agent, headers, timeout: 2000 }, (response) => {
        const parts = [];
        response.on('data', (part) => parts.push(part));
        response.on('error', (error) => reject(new HttpError(502, `${method} ${path}: ${error.message}`)));
        response.on('end', () => {
          try {
            resolve({ status: response.statusCode, body: JSON.parse(Buffer.concat(parts).toString('utf8')) });
          } catch {
            reject(new HttpError(502, `${method} ${path}: answer is not JSON`));
          }
        });
      });
      request.on('timeout', () => request.destroy(new Error('no answer within 2 s')));
      request.on('error', (error) => reject(new HttpError(502, `${method} ${path}: ${error.message}`)));
      request.end(text);
    });
}
