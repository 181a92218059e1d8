// Assertions for scripts.

function assert(value, what) {
  if (!value) throw new Error(`failed: ${what}`);
}

function assertEquals(actual, expected, what) {
  const show = (value) =>
    JSON.stringify(value, (_, v) => v === undefined ? "undefined" : v);
  const a = show(actual), b = show(expected);
  if (a !== b) throw new Error(`${what}: expected ${b}, got ${a}`);
}

function assertThrows(f, name, what) {
  try {
    f();
  } catch (error) {
    assertEquals(error.name, name, what);
    return error;
  }
  throw new Error(`${what}: nothing was thrown`);
}

// The call itself must not throw.
async function assertRejects(f, name, what) {
  const promise = f();
  assert(promise instanceof Promise, `${what}: no promise`);
  try {
    await promise;
  } catch (error) {
    assertEquals(error.name, name, `${what} (${error.message})`);
    return error;
  }
  throw new Error(`${what}: nothing was rejected`);
}
