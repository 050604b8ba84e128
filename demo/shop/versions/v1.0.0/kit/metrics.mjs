// Counters and latency histograms in the Prometheus text format, for one service instance.

// Upper bounds in seconds: 1 ms growing by half each time, the last one 5 s.
export const BUCKETS = Array.from({ length: 22 }, (_, k) => (k === 21 ? 5 : Number((0.001 * 1.5 ** k).toPrecision(4))));

const escape = (value) => String(value).replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
const labels = (pairs) => Object.entries(pairs).map(([name, value]) => `${name}="${escape(value)}"`).join(',');

export function createMetrics({ service, version, instance }) {
  const requests = new Map(); // "endpoint code" -> { endpoint, code, count }
  const durations = new Map(); // endpoint -> { counts per bucket, sum, count }

  // Series exist from the start, with the value 0: a counter that appears with its first error hides that error
  // from whoever computes a rate.
  function declare(endpoint) {
    counter(endpoint, 200);
    counter(endpoint, 500);
    histogram(endpoint);
  }

  function counter(endpoint, code) {
    const key = `${endpoint} ${code}`;
    if (!requests.has(key)) requests.set(key, { endpoint, code, count: 0 });
    return requests.get(key);
  }

  function histogram(endpoint) {
    if (!durations.has(endpoint)) durations.set(endpoint, { counts: new Array(BUCKETS.length).fill(0), sum: 0, count: 0 });
    return durations.get(endpoint);
  }

  function observe(endpoint, code, seconds) {
    counter(endpoint, code).count += 1;
    const entry = histogram(endpoint);
    entry.sum += seconds;
    entry.count += 1;
    const bucket = BUCKETS.findIndex((bound) => seconds <= bound);
    if (bucket >= 0) entry.counts[bucket] += 1;
  }

  function render() {
    const own = { service, version, instance };
    const lines = ['# HELP http_requests_total Requests answered.', '# TYPE http_requests_total counter'];
    for (const { endpoint, code, count } of requests.values()) {
      lines.push(`http_requests_total{${labels({ ...own, endpoint, code })}} ${count}`);
    }
    lines.push('# HELP http_request_duration_seconds Time to answer.', '# TYPE http_request_duration_seconds histogram');
    for (const [endpoint, entry] of durations) {
      const series = labels({ ...own, endpoint });
      let below = 0;
      BUCKETS.forEach((bound, index) => {
        below += entry.counts[index];
        lines.push(`http_request_duration_seconds_bucket{${series},le="${bound}"} ${below}`);
      });
      lines.push(`http_request_duration_seconds_bucket{${series},le="+Inf"} ${entry.count}`);
      lines.push(`http_request_duration_seconds_sum{${series}} ${entry.sum.toFixed(6)}`);
      lines.push(`http_request_duration_seconds_count{${series}} ${entry.count}`);
    }
    const cpu = process.cpuUsage();
    lines.push(
      '# HELP process_resident_memory_bytes Resident memory.', '# TYPE process_resident_memory_bytes gauge',
      `process_resident_memory_bytes{${labels(own)}} ${process.memoryUsage.rss()}`,
      '# HELP process_cpu_seconds_total Processor time used.', '# TYPE process_cpu_seconds_total counter',
      `process_cpu_seconds_total{${labels(own)}} ${((cpu.user + cpu.system) / 1e6).toFixed(3)}`,
    );
    return lines.join('\n') + '\n';
  }

  return { declare, observe, render };
}
