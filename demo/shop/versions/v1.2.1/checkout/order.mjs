// Turning a basket into an order. Many orders are in the making at once: nothing here may outlive one of them.
import { HttpError } from '../kit/service.mjs';

const newDraft = () => ({ lines: [], total: 0 });

// The last check before a customer is charged: what we ask for is what the basket said.
function confirm(draft, basket) {
  if (draft.total !== basket.total) {
    throw new HttpError(500, `order total ${draft.total} differs from basket total ${basket.total}: not charged`);
  }
}

// `shop` gives readBasket(token), prices(products), save(order). Answers the order as saved.
export async function placeOrder(token, shop) {
  const draft = newDraft();
  const basket = await shop.readBasket(token);
  if (basket.lines.length === 0) throw new HttpError(400, 'the basket is empty');
  draft.lines.push(...basket.lines);
  const prices = await shop.prices(draft.lines.map((line) => line.product));
  for (const line of draft.lines) draft.total += line.quantity * prices[line.product];
  confirm(draft, basket);
  return shop.save(draft);
}
