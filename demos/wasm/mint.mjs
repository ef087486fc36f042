// Runs the checks and mints ids: `node mint.mjs wasm.wasm`. Reports as a test binary does.
import { readFile } from "node:fs/promises";
import assert from "node:assert/strict";

const module = await WebAssembly.compile(await readFile(process.argv[2]));
assert.deepEqual(WebAssembly.Module.imports(module), [], "the module asks for nothing");
const wasm = (await WebAssembly.instantiate(module)).exports;

const OK = 0;
const EXHAUSTED = 1;
const NOT_YET = 2;
const NO_LEASE = 4;

// JavaScript sees 64 bits as signed.
const lastId = () => BigInt.asUintN(64, wasm.last_id());

function assertRisingAndUnique(ids) {
  for (let i = 1; i < ids.length; i += 1) {
    assert(ids[i] > ids[i - 1], `${ids[i]} does not lie above ${ids[i - 1]}`);
  }
  assert.equal(new Set(ids).size, ids.length);
}

function segmentIdsRiseAndRunDry() {
  assert.equal(wasm.next_segment_id(), EXHAUSTED);
  const ids = [];
  for (let turn = 0; turn < 100; turn += 1) {
    assert.equal(wasm.refill(1000n), OK);
    while (wasm.next_segment_id() === OK) ids.push(lastId());
  }
  assertRisingAndUnique(ids);
  assert.equal(ids.length, 100_000);
  assert.equal(ids.at(-1), 100_000n);
  assert.equal(wasm.next_segment_id(), EXHAUSTED);
  return ids.length;
}

function snowflakesRiseByTheRealClock() {
  assert.equal(wasm.next_snowflake(BigInt(Date.now())), NO_LEASE);
  const floor = Date.now();
  assert.equal(wasm.lease(32n, BigInt(floor), BigInt(floor + 10_000)), NO_LEASE);
  assert.equal(wasm.lease(31n, BigInt(floor), BigInt(floor + 10_000)), OK);
  const ids = [];
  while (ids.length < 10_000) {
    const status = wasm.next_snowflake(BigInt(Date.now()));
    if (status === OK) ids.push(lastId());
    else assert.equal(status, NOT_YET);
  }
  assertRisingAndUnique(ids);
  for (const id of ids) {
    // 41 bits of time since 2025, 5 of worker, 7 of sequence: exact as a JavaScript number.
    assert(Number.isSafeInteger(Number(id)));
    assert.equal((id >> 7n) & 31n, 31n);
    const ms = Number(id >> 12n) + Date.UTC(2025, 0, 1);
    assert(ms >= floor && ms <= Date.now() + 10, `${id} is of ${ms}`);
  }
  return ids.length;
}

function snowflakesEndAtTheHorizon() {
  const floor = 1_750_000_000_000n;
  assert.equal(wasm.lease(0n, floor, floor + 10n), OK);
  const ids = [];
  while (wasm.next_snowflake(floor + 60_000n) === OK) ids.push(lastId());
  assertRisingAndUnique(ids);
  assert(ids.length > 0 && ids.length <= 128);
  assert.equal(wasm.next_snowflake(floor + 60_000n), EXHAUSTED);
  assert.equal(wasm.next_snowflake(floor - 60_000n), EXHAUSTED);
  return ids.length;
}

function checkName(index) {
  const bytes = new Uint8Array(wasm.memory.buffer, wasm.check_name(index), wasm.check_name_len(index));
  return new TextDecoder().decode(bytes);
}

const tests = [segmentIdsRiseAndRunDry, snowflakesRiseByTheRealClock, snowflakesEndAtTheHorizon];
const all = tests.map((run) => [run.name, run]);
for (let index = 0; index < wasm.checks(); index += 1) {
  all.push([checkName(index), () => wasm.run_check(index)]);
}

console.log(`running ${all.length} tests`);
let [passed, failed, ids] = [0, 0, 0];
for (const [name, run] of all) {
  try {
    const lookedAt = run();
    assert(lookedAt > 0, "looked at nothing");
    ids += lookedAt;
    passed += 1;
    console.log(`test ${name} ... ok`);
  } catch (error) {
    failed += 1;
    console.log(`test ${name} ... FAILED\n${error.message}`);
  }
}
const verdict = failed === 0 ? "ok" : "FAILED";
console.log(`test result: ${verdict}. ${passed} passed; ${failed} failed; 0 ignored; ${ids} ids`);
process.exitCode = failed === 0 ? 0 : 1;
