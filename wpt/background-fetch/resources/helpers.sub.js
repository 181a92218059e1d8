// Shared by the tests: what is fetched, and what is expected of it.

const ORIGIN = self.location.origin;
const REMOTE_ORIGIN = "https://{{domains[www1]}}:{{ports[https][0]}}";
const OTHER_SITE = "https://{{hosts[alt][]}}:{{ports[https][0]}}";
const INSECURE_ORIGIN = "http://{{host}}:{{ports[http][0]}}";
const LETTERS = "abcdefghijklmnopqrstuvwxyz";

let ids = 0;
const uniqueId = () => `id ${++ids}`;

/** The URL of a helper's answer, absolute. */
const resource = (path, origin = ORIGIN) =>
  new URL(`/background-fetch/resources/${path}`, origin).href;

/** What a handler answers when it is told `parameters`. */
const told = (handler, parameters = {}, origin = ORIGIN) => {
  const query = new URLSearchParams(parameters).toString();
  return resource(query === "" ? handler : `${handler}?${query}`, origin);
};

/** A resource that comes as `pieces.py` is told. */
const pieces = (parameters) => told("pieces.py", parameters);

/** Every record's response (or the rejection) and text, in order. */
async function contents(bgFetch) {
  const records = await bgFetch.matchAll();
  return Promise.all(records.map(async (record) => {
    const { request } = record;
    let response;
    try {
      response = await record.responseReady;
    } catch (error) {
      return { request, error };
    }
    return { request, response, text: await response.text() };
  }));
}

/** Fetches, and waits for the end; `value` is what `contents` gives. */
async function fetchAll(backgroundFetch, requests, options) {
  const id = uniqueId();
  const ended = eventOf(id, contents);
  const started = await backgroundFetch.fetch(id, requests, options);
  const end = await ended;
  assert_equals(end.bgFetch, started, "the event has the same object");
  return end;
}

function assert_success({ type, bgFetch }) {
  assert_equals(type, "backgroundfetchsuccess");
  assert_equals(bgFetch.result, "success");
  assert_equals(bgFetch.failureReason, "");
}

function assert_failure({ type, bgFetch }, reason) {
  assert_equals(bgFetch.failureReason, reason);
  assert_equals(bgFetch.result, "failure");
  assert_equals(
    type,
    reason === "aborted" ? "backgroundfetchabort" : "backgroundfetchfail",
  );
}

/** A record that a script may not see. */
function assert_hidden({ response, error }, name = "TypeError") {
  assert_equals(response, undefined, "there is no response");
  assert_equals(error.name, name);
}
