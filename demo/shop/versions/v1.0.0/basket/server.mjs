// The basket: what a customer means to buy.
import { HttpError, serve } from '../kit/service.mjs';
import { query } from '../kit/store.mjs';
import { decode, encode, total } from './token.mjs';

serve('basket', ({ call }) => ({
  'POST /basket/items': async ({ body }) => {
    const { basket, product, quantity = 1 } = body ?? {};
    if (typeof product !== 'string') throw new HttpError(400, '"product" is missing');
    if (!Number.isInteger(quantity) || quantity < 1) throw new HttpError(400, '"quantity" must be a whole number above 0');
    const answer = await call('GET', `/products/${encodeURIComponent(product)}`);
    if (answer.status !== 200) throw new HttpError(answer.status, answer.body.error);
    await query('reserve stock', 8);
    const lines = basket === undefined ? [] : decode(basket);
    const line = lines.find((each) => each.product === product);
    if (line) line.quantity += quantity;
    else lines.push({ product, quantity, price: answer.body.price });
    return { status: 201, body: { basket: encode(lines), total: total(lines) } };
  },

  'GET /basket/:token': async ({ params }) => {
    await query('read basket', 10);
    const lines = decode(params.token);
    return { body: { lines, total: total(lines) } };
  },
}));
