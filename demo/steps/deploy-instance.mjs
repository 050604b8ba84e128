// Step: install an artefact on one instance of a service and start it.
//
// params: { dir, port, router }
// Every operation may be repeated, and may be killed at any moment and begun again: what is installed changes by one
// rename, and the journal of the instance tells what was completed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { at, deployed, journal, journalEntries, serving, start, stop, withLock } from './instance.mjs';
import { Inconclusive, fact, log, required, run } from './protocol.mjs';

function order(input) {
  const params = {
    dir: required(input.params, 'dir', 'params'),
    port: Number(required(input.params, 'port', 'params')),
    router: required(input.params, 'router', 'params'),
    service: required(input, 'service', 'the order'),
    instance: required(input.target, 'name', 'target'),
    environment: required(input, 'environment', 'the order'),
  };
  if (!Number.isInteger(params.port) || params.port < 1 || params.port > 65535) throw new Error(`params.port "${input.params.port}" is not a port`);
  const digest = String(required(input, 'artifact_digest', 'the order')).replace(/^sha256:/, '');
  if (!/^[0-9a-f]{64}$/.test(digest)) throw new Error(`artifact_digest "${input.artifact_digest}" is not a SHA-256 digest`);
  return { params, digest: `sha256:${digest}`, key: String(required(input, 'key', 'the order')), attempt: Number(input.attempt ?? 1) };
}

const short = (digest) => digest.slice(7, 19);

async function isServing(params, digest) {
  return deployed(params)?.digest === digest && (await serving(params))?.digest === digest;
}

function unpack(input, { params, digest }) {
  const file = required(input, 'artifact_path', 'the order');
  const bytes = fs.readFileSync(file);
  const actual = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (actual !== digest) throw new Error(`${file} has digest ${actual}, ordered was ${digest}: nothing was changed`);
  const incoming = at(params, 'incoming');
  fs.rmSync(incoming, { recursive: true, force: true });
  fs.mkdirSync(incoming, { recursive: true });
  const tar = spawnSync('tar', ['-xzf', '-', '-C', incoming], { input: bytes, encoding: 'utf8' });
  if (tar.error) throw new Error(`cannot run tar: ${tar.error.message}`);
  if (tar.status !== 0) throw new Error(`tar cannot unpack ${file}: ${tar.stderr.trim()}`);
  const build = JSON.parse(fs.readFileSync(`${incoming}/build-info.json`, 'utf8'));
  if (build.service !== params.service) throw new Error(`the artefact is of service "${build.service}", this is an instance of "${params.service}"`);
  fs.writeFileSync(`${incoming}/deployed.json`, JSON.stringify({ digest, service: build.service, version: build.version, commit: build.commit }) + '\n');
  return incoming;
}

function completedBefore(params, key, operation) {
  return journalEntries(params).some((entry) => entry.key === key && entry.operation === operation && entry.phase === 'completed');
}

function wasBegun(params, key, operation) {
  return journalEntries(params).some((entry) => entry.key === key && entry.operation === operation && entry.phase === 'begun');
}

// Begun, done, and killed before it could say so: what the instance serves shows that it was completed.
function recover(params, { key, operation, attempt, digest }) {
  if (wasBegun(params, key, operation) && !completedBefore(params, key, operation)) {
    journal(params, { key, operation, attempt, digest, phase: 'completed', version: deployed(params).version, recovered: true });
  }
}

// An order from an earlier attempt that arrives late must not undo what a later one has done.
function refuseStale(params, key, operation, attempt) {
  const same = journalEntries(params).filter((entry) => entry.key === key && entry.operation === operation);
  const latest = Math.max(0, ...same.map((entry) => entry.attempt ?? 0));
  if (attempt < latest) throw new Inconclusive(`attempt ${attempt} of ${key} comes after attempt ${latest}: nothing was changed`);
}

async function check(input) {
  const { params, digest, key, attempt } = order(input);
  const now = deployed(params);
  fact('installed_version', now?.version ?? 'none');
  fact('installed_digest', now?.digest ?? 'none');
  if (await isServing(params, digest)) {
    for (const operation of ['apply', 'undo']) recover(params, { key, operation, attempt, digest });
    return { outcome: 'unchanged', message: `${params.instance} already serves ${short(digest)}` };
  }
  return { outcome: 'changed', message: `${params.instance} would change from ${now?.version ?? 'nothing'} to ${short(digest)}` };
}

// Makes `digest` what is installed and serves it. `source` names the folder that becomes `current`, `aside` the one that
// keeps what was there.
async function install(input, operation, { source, aside }) {
  const { params, digest, key, attempt } = order(input);
  fs.mkdirSync(params.dir, { recursive: true });
  return withLock(params, async () => {
    refuseStale(params, key, operation, attempt);
    const entry = { key, operation, attempt, digest };
    if (await isServing(params, digest)) {
      recover(params, entry);
      return { outcome: 'unchanged', message: `${params.instance} already serves ${short(digest)}` };
    }
    const before = deployed(params);
    if (before?.digest !== digest) {
      const folder = source({ params, digest });
      journal(params, { ...entry, phase: 'begun', from: before?.digest ?? null });
      log(`stopping ${params.instance}${before ? ` (${before.version})` : ''}`);
      await stop(params);
      if (before) {
        fs.rmSync(at(params, aside), { recursive: true, force: true });
        fs.renameSync(at(params, 'current'), at(params, aside));
      }
      fs.renameSync(folder, at(params, 'current'));
    } else {
      journal(params, { ...entry, phase: 'begun', from: digest });
    }
    const now = deployed(params);
    log(`starting ${params.instance} ${now.version} (${short(digest)})`);
    await start(params);
    journal(params, { ...entry, phase: 'completed', version: now.version });
    fact('version', now.version);
    fact('commit', now.commit);
    return { outcome: 'changed', message: `${params.instance} serves ${now.version}` };
  });
}

const apply = (input) => install(input, 'apply', { source: (what) => unpack(input, what), aside: 'previous' });

// Back to `artifact_digest`: what was kept, if that is it; otherwise from its artefact.
const undo = (input) =>
  install(input, 'undo', {
    source: (what) => (deployed(what.params, 'previous')?.digest === what.digest ? at(what.params, 'previous') : unpack(input, what)),
    aside: 'undone',
  });

async function verify(input) {
  const { params, digest } = order(input);
  const answer = await serving(params);
  if (!answer) return { outcome: 'failed', message: `${params.instance} does not answer on port ${params.port}` };
  fact('version', answer.version);
  if (answer.digest !== digest) return { outcome: 'failed', message: `${params.instance} serves ${answer.version}, digest ${answer.digest}, not ${digest}` };
  return { outcome: 'unchanged', message: `${params.instance} serves ${answer.version}, digest ${short(digest)}` };
}

await run({ check, apply, verify, undo });
