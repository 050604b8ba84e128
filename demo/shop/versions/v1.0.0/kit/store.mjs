// The database behind a service. Its answer times follow a log-normal distribution, like those of most databases, and a
// query that has no answer by its time limit fails. The limit is set where one query in two thousand runs into it.
import { HttpError } from './service.mjs';

const LIMIT_STANDARD_DEVIATIONS = 3.29;

function standardNormal() {
  const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
  return radius * Math.cos(2 * Math.PI * Math.random());
}

export async function query(what, medianMs, spread = 0.4) {
  const deviation = standardNormal();
  const inTime = deviation <= LIMIT_STANDARD_DEVIATIONS;
  const waitMs = medianMs * Math.exp(spread * Math.min(deviation, LIMIT_STANDARD_DEVIATIONS));
  await new Promise((resolve) => setTimeout(resolve, waitMs));
  if (!inTime) throw new HttpError(503, `${what}: no answer from the database within ${waitMs.toFixed(0)} ms`);
}
