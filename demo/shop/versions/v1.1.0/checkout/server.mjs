// The checkout: a basket becomes an order.
import { randomUUID } from 'node:crypto';
import { HttpError, serve } from '../kit/service.mjs';
import { query } from '../kit/store.mjs';
import { arrival } from './delivery.mjs';
import { placeOrder } from './order.mjs';

serve('checkout', ({ call }) => {
  async function ask(path) {
    const answer = await call('GET', path);
    if (answer.status !== 200) throw new HttpError(answer.status, answer.body.error);
    return answer.body;
  }

  const shop = {
    readBasket: (token) => ask(`/basket/${encodeURIComponent(token)}`),
    prices: async (products) => (await ask(`/prices?ids=${products.map(encodeURIComponent).join(',')}`)).prices,
    save: async (order) => {
      await query('save order', 12);
      return { ...order, number: randomUUID(), arrives: arrival(new Date()) };
    },
  };

  return {
    'POST /checkout': async ({ body }) => {
      if (typeof body?.basket !== 'string') throw new HttpError(400, '"basket" is missing');
      return { status: 201, body: await placeOrder(body.basket, shop) };
    },
  };
});
