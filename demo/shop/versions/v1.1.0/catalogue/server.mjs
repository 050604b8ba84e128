// The catalogue: what can be bought, and for how much.
import { HttpError, serve } from '../kit/service.mjs';
import { query } from '../kit/store.mjs';
import { PRODUCTS, find } from './products.mjs';

serve('catalogue', () => ({
  'GET /products': async ({ query: search }) => {
    await query('list products', 9);
    const category = search.get('category');
    const products = category === null ? PRODUCTS : PRODUCTS.filter((product) => product.category === category);
    return { body: { products } };
  },

  'GET /products/:id': async ({ params }) => {
    await query('read product', 5);
    const product = find(params.id);
    if (!product) throw new HttpError(404, `no product "${params.id}"`);
    return { body: product };
  },

  // Prices of several products at once: /prices?ids=lantern,whistle
  'GET /prices': async ({ query: search }) => {
    await query('read prices', 10);
    const ids = (search.get('ids') ?? '').split(',').filter(Boolean);
    const unknown = ids.filter((id) => !find(id));
    if (unknown.length > 0) throw new HttpError(404, `no product "${unknown.join('", "')}"`);
    return { body: { prices: Object.fromEntries(ids.map((id) => [id, find(id).price])) } };
  },
}));
