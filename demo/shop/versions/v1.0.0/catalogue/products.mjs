// What the shop sells. Prices in cents.
export const PRODUCTS = [
  { id: 'lantern', name: 'Signal lantern', category: 'light', price: 4990 },
  { id: 'lamp-oil', name: 'Lamp oil, one litre', category: 'light', price: 1250 },
  { id: 'whistle', name: "Guard's whistle", category: 'signal', price: 1890 },
  { id: 'flag-green', name: 'Green flag', category: 'signal', price: 990 },
  { id: 'flag-red', name: 'Red flag', category: 'signal', price: 990 },
  { id: 'timetable', name: 'Pocket timetable', category: 'paper', price: 450 },
  { id: 'track-plan', name: 'Track plan, framed', category: 'paper', price: 8900 },
  { id: 'lever-frame', name: 'Lever frame, scale model', category: 'model', price: 24900 },
  { id: 'semaphore', name: 'Semaphore, scale model', category: 'model', price: 5990 },
  { id: 'watch', name: "Stationmaster's watch", category: 'signal', price: 18900 },
];

const byId = new Map(PRODUCTS.map((product) => [product.id, product]));

export const find = (id) => byId.get(id);
