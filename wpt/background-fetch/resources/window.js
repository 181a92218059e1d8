// Shared by the tests in windows: each has a service worker of its own.

let windowTests = 0;

async function becomes(worker, state) {
  while (worker.state !== state) {
    await new Promise((resolve) =>
      worker.addEventListener("statechange", resolve, { once: true })
    );
  }
}

/** The next message of the worker in which `what` is that. */
function nextMessage(what) {
  return new Promise((resolve) => {
    const listener = ({ data }) => {
      if (data.what !== what) return;
      navigator.serviceWorker.removeEventListener("message", listener);
      resolve(data);
    };
    navigator.serviceWorker.addEventListener("message", listener);
  });
}

async function register(t) {
  const scope = `resources/scope-of-${location.pathname.slice(1)}-${windowTests++}`;
  const old = await navigator.serviceWorker.getRegistration(scope);
  await old?.unregister();
  const registration = await navigator.serviceWorker.register(
    "resources/worker.js", { scope });
  t.add_cleanup(() => registration.unregister());
  return registration;
}

/** A test with the registration of an active worker that knows the page. */
function windowTest(f, name) {
  promise_test(async (t) => {
    const registration = await register(t);
    await becomes(registration.installing ?? registration.active, "activated");
    const ready = nextMessage("ready");
    registration.active.postMessage("hello");
    await ready;
    return f(t, registration);
  }, name);
}
