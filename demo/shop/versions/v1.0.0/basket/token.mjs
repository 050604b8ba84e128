// A basket is the text the customer carries: its lines, encoded. No instance keeps anything.
import { HttpError } from '../kit/service.mjs';

export const encode = (lines) => Buffer.from(JSON.stringify(lines)).toString('base64url');

export function decode(token) {
  try {
    const lines = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
    if (!Array.isArray(lines)) throw new Error('not a list');
    return lines;
  } catch {
    throw new HttpError(400, 'not a basket token');
  }
}

export const total = (lines) => lines.reduce((sum, line) => sum + line.quantity * line.price, 0);
