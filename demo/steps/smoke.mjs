// Step: use one instance as a customer would, one request after the other, before customers do.
//
// params: { router }; the instance is asked directly, what it calls is reached through the router as always.
import http from 'node:http';
import { fact, log, required, run } from './protocol.mjs';

const PURCHASES = 5;

function request(method, url, body) {
  return new Promise((resolve, reject) => {
    const call = http.request(url, { method, timeout: 5000, agent: false, headers: { 'content-type': 'application/json' } }, (response) => {
      let text = '';
      response.on('data', (part) => (text += part));
      response.on('error', reject);
      response.on('end', () => {
        log(`${method} ${url} → ${response.statusCode}`);
        if (response.statusCode >= 300) return reject(new Error(`${method} ${url}: status ${response.statusCode}, ${text.trim()}`));
        try {
          resolve(JSON.parse(text));
        } catch {
          reject(new Error(`${method} ${url}: the answer is not JSON`));
        }
      });
    });
    call.on('timeout', () => call.destroy(new Error('no answer within 5 s')));
    call.on('error', (error) => reject(new Error(`${method} ${url}: ${error.message}`)));
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function expect(condition, message) {
  if (!condition) throw new Error(message);
}

const checks = {
  async catalogue(instance) {
    const { products } = await request('GET', `${instance}/products`);
    expect(products.length > 0, 'the catalogue lists no products');
    const { prices } = await request('GET', `${instance}/prices?ids=lantern,whistle`);
    expect(prices.lantern > 0 && prices.whistle > 0, 'the catalogue names no prices');
  },
  async basket(instance) {
    const filled = await request('POST', `${instance}/basket/items`, { product: 'lantern', quantity: 2 });
    const read = await request('GET', `${instance}/basket/${filled.basket}`);
    expect(read.total === filled.total && read.total > 0, `the basket's total is ${read.total}, it was ${filled.total}`);
  },
  async checkout(instance, router) {
    for (let purchase = 1; purchase <= PURCHASES; purchase += 1) {
      const filled = await request('POST', `${router}/basket/items`, { product: 'whistle', quantity: purchase });
      const order = await request('POST', `${instance}/checkout`, { basket: filled.basket });
      expect(order.total === filled.total, `order total ${order.total} differs from basket total ${filled.total}`);
    }
  },
};

async function apply(input) {
  const service = required(input, 'service', 'the order');
  const instance = required(input.target, 'address', 'target');
  const router = required(input.params, 'router', 'params');
  if (!Object.hasOwn(checks, service)) throw new Error(`there is no smoke test for service "${service}"`);
  // One query in two thousand runs into its time limit, here as everywhere: a smoke test asks twice before it says no.
  let tries = 1;
  try {
    await checks[service](instance, router);
  } catch (error) {
    log(`first try: ${error.message}`);
    tries = 2;
    await checks[service](instance, router);
  }
  fact('smoke_tries', tries);
  return { outcome: 'unchanged', message: `${input.target.name} passed its smoke test` };
}

await run({ apply });
