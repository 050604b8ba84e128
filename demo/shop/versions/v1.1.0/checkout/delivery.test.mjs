import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrival } from './delivery.mjs';

test('two working days later', () => assert.equal(arrival(new Date('2026-11-02T09:00:00Z')), '2026-11-04'));
test('after the cut-off a day later', () => assert.equal(arrival(new Date('2026-11-02T16:30:00Z')), '2026-11-05'));
test('over a weekend', () => assert.equal(arrival(new Date('2026-11-06T09:00:00Z')), '2026-11-10'));
