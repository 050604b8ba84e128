// One instance of a service on this machine: a directory with
//   current/        what is installed: the unpacked artefact and deployed.json (digest, version, service)
//   previous/       what was installed before
//   instance.pid    the process that serves it
//   instance.log    what that process says
//   journal.jsonl   every step begun and completed here, only ever added to
// Also a program: `node instance.mjs start|stop|status '<params as JSON>'`.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const START_LIMIT_MS = 10_000;
const STOP_LIMIT_MS = 4_000;
const LOCK_LIMIT_MS = 30_000;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export const at = (params, ...names) => path.join(params.dir, ...names);

// Writes a file so that a reader sees the old content or the new one, and a power cut leaves one of the two.
export function writeWhole(file, text) {
  const next = `${file}.${process.pid}.next`;
  const handle = fs.openSync(next, 'w');
  fs.writeSync(handle, text);
  fs.fsyncSync(handle);
  fs.closeSync(handle);
  fs.renameSync(next, file);
}

function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

export const deployed = (params, folder = 'current') => readJson(at(params, folder, 'deployed.json'));

export function journal(params, entry) {
  const handle = fs.openSync(at(params, 'journal.jsonl'), 'a');
  fs.writeSync(handle, JSON.stringify({ at: new Date().toISOString(), ...entry }) + '\n');
  fs.fsyncSync(handle);
  fs.closeSync(handle);
}

export function journalEntries(params) {
  try {
    // A line cut short by a crash is no entry: its step was not completed.
    return fs.readFileSync(at(params, 'journal.jsonl'), 'utf8').split('\n').flatMap((line) => {
      try {
        return line ? [JSON.parse(line)] : [];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}

function alive(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
  // A process that ended and was not yet collected by its parent still takes signals.
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

// Process numbers are used again. Where /proc exists, only a process whose command line names `marker` counts.
function isOurs(pid, marker) {
  if (!Number.isInteger(pid) || pid <= 1 || !alive(pid)) return false;
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(marker);
  } catch {
    return !fs.existsSync('/proc/self/cmdline') && alive(pid);
  }
}

export function runningPid(params) {
  const pid = Number(fs.existsSync(at(params, 'instance.pid')) ? fs.readFileSync(at(params, 'instance.pid'), 'utf8') : NaN);
  return isOurs(pid, params.dir) ? pid : null;
}

// GET on the instance itself; null when it does not answer.
export function ask(params, pathName) {
  return new Promise((resolve) => {
    const request = http.get({ host: '127.0.0.1', port: params.port, path: pathName, timeout: 1000, agent: false }, (response) => {
      let text = '';
      response.on('data', (part) => (text += part));
      response.on('error', () => resolve(null));
      response.on('end', () => {
        try {
          resolve({ status: response.statusCode, body: JSON.parse(text) });
        } catch {
          resolve(null);
        }
      });
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(null));
  });
}

// What the running instance says it is, or null.
export async function serving(params) {
  const answer = await ask(params, '/version');
  return answer?.status === 200 && answer.body.instance === params.instance ? answer.body : null;
}

export async function stop(params) {
  // A start that was killed before it wrote the process number leaves an instance that only its port knows.
  let pid = runningPid(params);
  if (pid === null) {
    const unlisted = (await serving(params))?.pid;
    if (isOurs(unlisted, params.dir)) pid = unlisted;
  }
  if (pid !== null) {
    process.kill(pid, 'SIGTERM');
    const limit = Date.now() + STOP_LIMIT_MS;
    while (alive(pid) && Date.now() < limit) await sleep(20);
    if (alive(pid)) process.kill(pid, 'SIGKILL');
    while (alive(pid)) await sleep(20);
  }
  fs.rmSync(at(params, 'instance.pid'), { force: true });
  return pid !== null;
}

// Starts what is installed, detached from this process, and waits until it is healthy.
export async function start(params) {
  if (runningPid(params) !== null && (await serving(params))) return false;
  await stop(params);
  const script = at(params, 'current', params.service, 'server.mjs');
  if (!fs.existsSync(script)) throw new Error(`nothing to start: ${script} does not exist`);
  const output = fs.openSync(at(params, 'instance.log'), 'a');
  const child = spawn(
    process.execPath,
    ['--max-old-space-size=64', script, '--port', String(params.port), '--instance', params.instance,
      '--environment', params.environment, '--router', params.router],
    { cwd: params.dir, detached: true, stdio: ['ignore', output, output] },
  );
  fs.closeSync(output);
  let ended = null;
  child.on('exit', (code, signal) => (ended = signal ?? `code ${code}`));
  child.on('error', (error) => (ended = error.message));
  if (child.pid) writeWhole(at(params, 'instance.pid'), String(child.pid));
  child.unref();
  const limit = Date.now() + START_LIMIT_MS;
  while (Date.now() < limit) {
    if (ended !== null) throw new Error(`${params.instance} ended at start (${ended}); see ${at(params, 'instance.log')}`);
    const health = await ask(params, '/healthz');
    if (health?.status === 200 && (await serving(params))) return true;
    await sleep(25);
  }
  throw new Error(`${params.instance} is not healthy ${START_LIMIT_MS / 1000} s after its start; see ${at(params, 'instance.log')}`);
}

// Runs `work` while no other step works on this instance. A lock whose holder is dead is taken over: the holder was
// killed, and every step can be begun again.
export async function withLock(params, work) {
  const lock = at(params, 'step.lock');
  const mine = `${lock}.${process.pid}`;
  const limit = Date.now() + LOCK_LIMIT_MS;
  fs.writeFileSync(mine, String(process.pid));
  try {
    for (;;) {
      try {
        fs.linkSync(mine, lock); // fails when the name is taken: exactly one of many wins
        break;
      } catch (error) {
        if (error.code !== 'EEXIST') throw error;
      }
      let holder;
      try {
        holder = Number(fs.readFileSync(lock, 'utf8'));
      } catch {
        continue; // released a moment ago
      }
      if (!isOurs(holder, '.mjs')) {
        const stale = `${lock}.stale.${process.pid}`;
        try {
          fs.renameSync(lock, stale);
          // Another may have taken over between our look and our rename: give it back its lock.
          if (Number(fs.readFileSync(stale, 'utf8')) !== holder) fs.linkSync(stale, lock);
        } catch {
          // lost the race for the stale lock
        } finally {
          fs.rmSync(stale, { force: true });
        }
        continue;
      }
      if (Date.now() > limit) throw new Error(`another step (process ${holder}) has worked on ${params.instance} for ${LOCK_LIMIT_MS / 1000} s`);
      await sleep(25);
    }
    try {
      return await work();
    } finally {
      fs.rmSync(lock, { force: true });
    }
  } finally {
    fs.rmSync(mine, { force: true });
  }
}

// Answers of the program form: one line of JSON.
async function main([verb, text]) {
  const params = JSON.parse(text);
  const verbs = {
    start: async () => ({ changed: await withLock(params, () => start(params)), pid: runningPid(params) }),
    stop: async () => ({ changed: await withLock(params, () => stop(params)) }),
    status: async () => ({ pid: runningPid(params), serving: await serving(params), installed: deployed(params) }),
  };
  if (!Object.hasOwn(verbs, verb)) throw new Error(`usage: instance.mjs start|stop|status PARAMS`);
  console.log(JSON.stringify(await verbs[verb]()));
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main(process.argv.slice(2)).catch((error) => {
    console.error(error.message);
    process.exit(1);
  });
}
