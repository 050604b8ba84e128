// The step protocol: one JSON document on standard input, JSON lines on standard output.
//
// in:  { operation: "check" | "apply" | "verify" | "undo", key, attempt, service, environment,
//        target: { name, address, labels }, params: { … } (texts), artifact_path, artifact_digest, expected, … }
//        artifact_digest is what must run when the operation is done, also when it is undo.
// out: { type: "log", text } · { type: "fact", name, value } · { type: "result", outcome, message }
// Outcomes: changed, unchanged, failed, inconclusive. A program that ends without a result has not answered.

// Whoever started this step may be gone before it ends. The work is finished all the same: half of it helps nobody.
process.stdout.on('error', () => {});

const say = (line) => process.stdout.write(JSON.stringify(line) + '\n');

export const log = (text) => say({ type: 'log', text });
export const fact = (name, value) => say({ type: 'fact', name, value });

// Thrown by a step that cannot tell: neither done nor failed.
export class Inconclusive extends Error {}

async function readInput() {
  const parts = [];
  for await (const part of process.stdin) parts.push(part);
  return JSON.parse(Buffer.concat(parts).toString('utf8'));
}

// `operations` is { check, apply, verify, undo }, each async (input) => ({ outcome, message }).
export async function run(operations) {
  let result;
  try {
    const input = await readInput();
    const operation = Object.hasOwn(operations, input.operation) ? operations[input.operation] : undefined;
    if (!operation) throw new Error(`this step has no operation "${input.operation}"; it has ${Object.keys(operations).join(', ')}`);
    result = await operation(input);
  } catch (error) {
    result = { outcome: error instanceof Inconclusive ? 'inconclusive' : 'failed', message: error.message };
  }
  say({ type: 'result', ...result });
  process.exitCode = result.outcome === 'failed' ? 1 : result.outcome === 'inconclusive' ? 3 : 0;
}

export function required(object, name, where) {
  const value = object?.[name];
  if (value === undefined || value === null || value === '') throw new Error(`${where} has no "${name}"`);
  return value;
}
