import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placeOrder } from './order.mjs';

const PRICES = { lantern: 4990, whistle: 1890 };

const shop = {
  readBasket: async (lines) => ({ lines, total: lines.reduce((sum, line) => sum + line.quantity * line.price, 0) }),
  prices: async () => PRICES,
  save: async (order) => ({ ...order, number: 'A1' }),
};

test('an order asks for the total of its basket', async () => {
  const order = await placeOrder([{ product: 'lantern', quantity: 2, price: 4990 }], shop);
  assert.equal(order.total, 9980);
});

test('one order after another keeps them apart', async () => {
  await placeOrder([{ product: 'lantern', quantity: 1, price: 4990 }], shop);
  const order = await placeOrder([{ product: 'whistle', quantity: 1, price: 1890 }], shop);
  assert.equal(order.total, 1890);
});

test('orders placed at the same moment keep apart', async () => {
  const slow = { ...shop, prices: () => new Promise((resolve) => setTimeout(resolve, 5, PRICES)) };
  const orders = await Promise.all(
    ['lantern', 'whistle', 'lantern'].map((product) => placeOrder([{ product, quantity: 1, price: PRICES[product] }], slow)),
  );
  assert.deepEqual(orders.map((order) => order.total), [4990, 1890, 4990]);
});

test('a basket whose price is out of date is not charged', async () => {
  await assert.rejects(placeOrder([{ product: 'lantern', quantity: 1, price: 1 }], shop), /not charged/);
});

test('an empty basket is refused', async () => {
  await assert.rejects(placeOrder([], shop), /empty/);
});
