//! IndexedDB, between realms and between processes.

use std::fs;
use std::path::PathBuf;

use crate::browser::site::Site;

/// In every script: databases by promises.
const HELPERS: &str = "
  const done = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const over = (transaction) => new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve('complete');
    transaction.onabort = () => reject(transaction.error);
  });
  const open = (name, version, upgrade) => {
    const request = indexedDB.open(name, version);
    request.onupgradeneeded = (event) => upgrade?.(request.result, event);
    return done(request);
  };
  const stores = (...names) => (db) => { for (const name of names) db.createObjectStore(name); };
  const put = (db, value, key) => {
    const transaction = db.transaction('s', 'readwrite');
    transaction.objectStore('s').put(value, key);
    return over(transaction);
  };
  const get = (db, key) => done(db.transaction('s').objectStore('s').get(key));
  const count = (db) => done(db.transaction('s').objectStore('s').count());
";

#[track_caller]
fn lines(site: &Site, script: &str) -> Vec<String> {
  site.lines(&format!("{HELPERS}{script}"))
}

#[track_caller]
fn lines_with(site: &Site, page: &str, worker: &str) -> Vec<String> {
  let page = format!(
    "{HELPERS}
    await navigator.serviceWorker.register('sw.js');
    const {{ active }} = await navigator.serviceWorker.ready;
    const ask = (message) => new Promise((resolve) => {{
      const {{ port1, port2 }} = new MessageChannel();
      port1.onmessage = (event) => {{ port1.close(); resolve(event.data); }};
      active.postMessage(message, [port2]);
    }});
    {page}"
  );
  let worker = format!(
    "{HELPERS}
    const answers = {{ {worker} }};
    addEventListener('message', (event) => event.waitUntil((async () => {{
      event.ports[0].postMessage(await answers[event.data]());
    }})()));"
  );
  site.lines_with(&page, &worker)
}

/// The files of databases.
fn files(site: &Site) -> Vec<PathBuf> {
  let store = site.place.path(&site.place.store);
  let mut files: Vec<PathBuf> = fs::read_dir(store)
    .unwrap()
    .map(|entry| entry.unwrap().path())
    .filter(|path| path.to_str().unwrap().contains("/indexed-db-"))
    .collect();
  files.sort();
  files
}

#[test]
fn values_of_every_kind_are_there_in_the_next_process() {
  let site = Site::new();
  let first = "
    const db = await open('d', 3, stores('s'));
    const cycle = { name: 'cycle' };
    cycle.self = cycle;
    const key = await crypto.subtle.importKey('raw', new Uint8Array(32).fill(7), 'AES-GCM', false, ['encrypt']);
    const values = {
      blob: new Blob(['bytes of ', new Uint8Array([240, 159, 166, 138])], { type: 'text/x' }),
      file: new File(['in a file'], 'name.txt', { type: 'text/plain', lastModified: 12345 }),
      sliced: new Blob(['0123456789']).slice(2, 5),
      map: new Map([[new Date(5), new Set([1n, -(2n ** 70n)])]]),
      text: ['\\ud800 alone', '\\ufeffmark', 'ö', '', 'x'.repeat(100000)],
      numbers: [-0, NaN, Infinity, 1.5, -7, 2 ** 31, -(2 ** 40), undefined, null, true, false],
      views: [new Uint16Array([1, 65535]), new DataView(new ArrayBuffer(4), 1, 2)],
      error: new RangeError('mine'),
      exp: /a+/gi,
      holes: [1, , 3],
      cycle,
      key,
    };
    for (const name in values) await put(db, values[name], name);
    console.log(await count(db));";
  assert_eq!(lines(&site, first), ["12"]);
  let second = "
    const db = await open('d');
    const at = (name) => get(db, name);
    console.log(db.version, ...db.objectStoreNames);
    await say('blob', async () => { const b = await at('blob'); return [b instanceof Blob, b.type, b.size, await b.text()]; });
    await say('file', async () => { const f = await at('file'); return [f instanceof File, f.name, f.type, f.lastModified, await f.text()]; });
    await say('sliced', async () => (await at('sliced')).text());
    await say('map', async () => { const [[date, set]] = await at('map'); return [date.getTime(), [...set].join()]; });
    await say('text', async () => (await at('text')).map((t) => t.length + t.charCodeAt(0).toString(16)).join());
    await say('numbers', async () => { const n = await at('numbers'); return [Object.is(n[0], -0), n.slice(1).map(String).join()]; });
    await say('views', async () => { const [a, b] = await at('views'); return [a.constructor.name, a.join(), b.byteOffset, b.byteLength]; });
    await say('error', async () => { const e = await at('error'); return [e instanceof RangeError, e.message]; });
    await say('exp', async () => String(await at('exp')));
    await say('holes', async () => 1 in await at('holes'));
    await say('cycle', async () => { const c = await at('cycle'); return c.self === c; });
    await say('key', async () => {
      const key = await at('key');
      const iv = new Uint8Array(12);
      const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, new Uint8Array(3));
      return [key.extractable, key.usages.join(), sealed.byteLength];
    });";
  let expected = [
    "3 s",
    "blob: true text/x 13 bytes of 🦊",
    "file: true name.txt text/plain 12345 in a file",
    "sliced: 234",
    "map: 5 1,-1180591620717411303424",
    "text: 7d800,5feff,1f6,0NaN,10000078",
    "numbers: true NaN,Infinity,1.5,-7,2147483648,-1099511627776,undefined,null,true,false",
    "views: Uint16Array 1,65535 1 2",
    "error: true mine",
    "exp: /a+/gi",
    "holes: false",
    "cycle: true",
    "key: false encrypt 19",
  ];
  assert_eq!(lines(&site, second), expected);
}

/// Laws, of keys that are made by chance: `cmp()` is the order that the
/// specification describes; a store and an index have their records in it; and
/// a key that was stored is read as it was.
#[test]
fn keys_are_kept_in_their_order_and_come_back_as_they_were() {
  let site = Site::new();
  let script = "
    let seed = 42;
    const random = (n) => { seed = (seed * 1103515245 + 12345) % 2147483648; return Math.floor(seed / 2147483648 * n); };
    const units = [0, 1, 0x41, 0x7e, 0x7f, 0x80, 0x407e, 0x407f, 0xd800, 0xdfff, 0xffff];
    const numbers = [-Infinity, -1e300, -2, -1, -1e-300, 0, 5e-324, 1, 1.5, 255, 256, 2 ** 53, Infinity];
    const bytes = [0, 1, 2, 127, 128, 254, 255];
    const some = (from) => from[random(from.length)];
    const several = (f) => Array.from({ length: random(4) }, f);
    const kinds = [
      () => some(numbers),
      () => new Date(random(5) * 1e12 - 2e12),
      () => String.fromCharCode(...several(() => some(units))),
      () => new Uint8Array(several(() => some(bytes))).buffer,
      (depth) => several(() => key(depth + 1)),
    ];
    const key = (depth = 0) => kinds[random(depth > 2 ? 4 : 5)](depth);

    // https://w3c.github.io/IndexedDB/#compare-two-keys
    const kind = (k) => Array.isArray(k) ? 4 : k instanceof ArrayBuffer ? 3 : typeof k === 'string' ? 2 : k instanceof Date ? 1 : 0;
    const list = (a, b, compare) => {
      for (let i = 0; i < Math.min(a.length, b.length); i++) {
        const order = compare(a[i], b[i]);
        if (order !== 0) return order;
      }
      return Math.sign(a.length - b.length);
    };
    const simple = (a, b) => a < b ? -1 : a > b ? 1 : 0;
    const compare = (a, b) => {
      if (kind(a) !== kind(b)) return kind(a) < kind(b) ? -1 : 1;
      if (kind(a) === 4) return list(a, b, compare);
      if (kind(a) === 3) return list(new Uint8Array(a), new Uint8Array(b), simple);
      return simple(a, b);
    };

    const keys = Array.from({ length: 300 }, () => key());
    let wrong = 0;
    for (const a of keys) {
      for (const b of keys) if (indexedDB.cmp(a, b) !== compare(a, b)) wrong++;
    }
    console.log(wrong, 'wrong');

    const db = await open('d', 1, (db) => db.createObjectStore('s').createIndex('i', 'k'));
    const transaction = db.transaction('s', 'readwrite');
    for (const k of keys) transaction.objectStore('s').put({ k }, k);
    await over(transaction);
    const sorted = keys.toSorted(compare).filter((k, i, all) => i === 0 || compare(all[i - 1], k) !== 0);
    const same = (all) => all.length === sorted.length && all.every((k, i) => compare(k, sorted[i]) === 0);
    const store = () => db.transaction('s').objectStore('s');
    console.log(same(await done(store().getAllKeys())), same((await done(store().getAll())).map(({ k }) => k)));
    console.log(same((await done(store().index('i').getAll())).map(({ k }) => k)), same(await done(store().index('i').getAllKeys())));
    const down = [];
    await new Promise((resolve) => store().openCursor(null, 'prev').onsuccess = ({ target: { result } }) => {
      if (result === null) return resolve();
      down.unshift(result.key);
      result.continue();
    });
    console.log(same(down));
    const last = sorted.length - 20;
    const range = IDBKeyRange.bound(sorted[20], sorted[last], true, false);
    console.log((await done(store().count(range))) === last - 20, sorted.filter((k) => range.includes(k)).length === last - 20);";
  let expected = ["0 wrong", "true true", "true true", "true", "true true"];
  assert_eq!(lines(&site, script), expected);
}

#[test]
fn stores_indexes_cursors_and_key_generators_do_what_the_standard_says() {
  let site = Site::new();
  let script = "
    const db = await open('d', 1, (db) => {
      const books = db.createObjectStore('books', { keyPath: 'id', autoIncrement: true });
      books.put({ title: 'C', tags: ['x', 'y', 'x'], isbn: 3 });
      books.createIndex('tag', 'tags', { multiEntry: true });
      books.createIndex('isbn', 'isbn', { unique: true });
      books.createIndex('both', ['title', 'isbn']);
    });
    const books = (mode) => db.transaction('books', mode).objectStore('books');
    await say('generated', async () => [await done(books('readwrite').add({ title: 'A', tags: 'x', isbn: 1 })), await done(books('readwrite').put({ title: 'B', isbn: 2, id: 7.5 })), await done(books('readwrite').put({ title: 'D' }))]);
    await say('injected', async () => Object.keys(await done(books().get(2))).join());
    await say('tags', async () => done(books().index('tag').getAllKeys('x')));
    await say('both', async () => (await done(books().index('both').getAll(IDBKeyRange.lowerBound(['B'])))).map(({ title }) => title).join(''));
    await say('same isbn', () => done(books('readwrite').put({ title: 'E', isbn: 1 })));
    await say('same key', () => done(books('readwrite').add({ id: 2 })));
    await say('left', () => done(books().count()));
    await say('after an error that was handled', async () => {
      const store = books('readwrite');
      store.put({ title: 'F', tags: ['z'], isbn: 1, id: 1 }).onerror = (event) => event.preventDefault();
      await over(store.transaction);
      return [(await done(books().get(1))).title, await done(books().index('tag').count('z'))];
    });
    const walk = (request, step) => new Promise((resolve) => {
      const seen = [];
      request.onsuccess = ({ target: { result } }) => {
        if (result === null) return resolve(seen);
        seen.push(`${result.key}/${result.primaryKey}`);
        step(result);
      };
    });
    const tag = (direction) => books().index('tag').openKeyCursor(null, direction);
    await say('next', () => walk(tag('next'), (c) => c.continue()));
    await say('unique', () => walk(tag('nextunique'), (c) => c.continue()));
    await say('down', () => walk(tag('prevunique'), (c) => c.continue()));
    await say('advance', () => walk(tag('prev'), (c) => c.advance(2)));
    await say('to', () => walk(tag('next'), (c) => c.primaryKey === 1 && c.key === 'x' ? c.continuePrimaryKey('x', 2) : c.continue()));
    await say('updated', async () => {
      const store = books('readwrite');
      await walk(store.openCursor(), (c) => { if (c.value.isbn === 2) c.delete(); else c.update({ ...c.value, seen: true }); c.continue(); });
      return (await done(books().getAll())).map((b) => b.title + b.seen);
    });
    await say('records', async () => (await done(books().getAllRecords({ direction: 'prev', count: 2 }))).map((r) => r.key + r.value.title));
    await say('cleared', async () => { await done(books('readwrite').clear()); return [await done(books().count()), await done(books().index('tag').count())]; });
    await say('aborted', async () => {
      const store = books('readwrite');
      store.put({ title: 'G' });
      store.transaction.abort();
      return over(store.transaction).catch((error) => [error, 'aborted']);
    });
    await say('readonly', () => books().put({}));
    await say('no store', () => db.transaction('none'));
    db.close();
    await say('closed', () => books());
    await say('older', () => open('d', 1).then((db) => { db.close(); return open('d', 2); }).then((db) => { db.close(); return open('d', 1); }));";
  let expected = [
    "generated: 2 7.5 8",
    "injected: title,tags,isbn,id",
    "tags: 1 2",
    "both: BC",
    "same isbn: ConstraintError",
    "same key: ConstraintError",
    "left: 4",
    "after an error that was handled: C 0",
    "next: x/1 x/2 y/1",
    "unique: x/1 y/1",
    "down: y/1 x/1",
    "advance: y/1 x/1",
    "to: x/1 x/2 y/1",
    "updated: Ctrue Atrue Dtrue",
    "records: 8D 2A",
    "cleared: 0 0",
    "aborted: null aborted",
    "readonly: ReadOnlyError",
    "no store: NotFoundError",
    "closed: InvalidStateError",
    "older: VersionError",
  ];
  assert_eq!(lines(&site, script), expected);
}

#[test]
fn a_page_and_its_service_worker_share_a_database_and_its_versions() {
  let site = Site::new();
  let page = "
    const db = await open('d', 1, (db, { oldVersion, newVersion }) => {
      console.log('made', oldVersion, newVersion);
      stores('s')(db);
    });
    await put(db, { from: 'page' }, 'k');
    await say('worker reads', () => ask('read'));
    await say('page reads', async () => (await get(db, 'w')).from);
    db.onversionchange = ({ oldVersion, newVersion }) => {
      console.log('asked to close', oldVersion, newVersion);
      setTimeout(() => db.close(), 50);
    };
    await say('worker upgrades', () => ask('upgrade'));
    await say('versions', async () => (await indexedDB.databases()).map(({ name, version }) => name + version));
    const deleted = indexedDB.deleteDatabase('d');
    deleted.onblocked = ({ oldVersion, newVersion }) => { console.log('blocked', oldVersion, newVersion); active.postMessage('close', [new MessageChannel().port2]); };
    await done(deleted);
    await say('left', async () => (await indexedDB.databases()).length);";
  let worker = "
    async read() {
      this.db = await open('d');
      await put(this.db, { from: 'worker' }, 'w');
      const { from } = await get(this.db, 'k');
      this.db.close();
      return from;
    },
    async upgrade() {
      const request = indexedDB.open('d', 4);
      request.onupgradeneeded = () => request.result.createObjectStore('t');
      let wasBlocked = false;
      request.onblocked = () => { wasBlocked = true; };
      this.db = await done(request);
      return [wasBlocked, ...this.db.objectStoreNames];
    },
    close() { this.db.close(); },";
  let expected = [
    "made 0 1",
    "worker reads: page",
    "page reads: worker",
    "asked to close 1 4",
    "worker upgrades: true s t",
    "versions: d4",
    "blocked 4 null",
    "left: 0",
  ];
  assert_eq!(lines_with(&site, page, worker), expected);
  assert_eq!(files(&site).len(), 0);
}

/// In a page: a dedicated worker with the helpers.
const WORKERS: &str = "
  const spawn = (code) => new Worker(URL.createObjectURL(new Blob([HELPERS + code])));
  const message = (worker) => new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
";

fn with_workers(page: &str) -> String {
  let helpers = serde_json::Value::from(HELPERS);
  format!("{HELPERS} const HELPERS = {helpers}; {WORKERS} {page}")
}

#[test]
fn transactions_of_several_realms_that_write_take_turns() {
  let site = Site::new();
  let page = with_workers(
    "const db = await open('d', 1, stores('s'));
    await put(db, 0, 'n');
    const code = `
      const add = (db) => {
        const transaction = db.transaction('s', 'readwrite');
        const store = transaction.objectStore('s');
        store.get('n').onsuccess = ({ target }) => store.put(target.result + 1, 'n');
        return over(transaction);
      };
      async function addMany(count) {
        const db = await open('d');
        await Promise.all(Array.from({ length: count }, () => add(db)));
        db.close();
      }`;
    const all = [1, 2, 3].map(() => message(spawn(code + 'addMany(25).then(() => postMessage(0));')));
    await Promise.all(all);
    console.log(await get(db, 'n'));",
  );
  assert_eq!(site.lines_with(&page, ""), ["75"]);
}

#[test]
fn a_worker_that_ends_lets_go_of_its_transaction_and_its_connection() {
  let site = Site::new();
  let page = with_workers(
    "const db = await open('d', 1, stores('s'));
    await put(db, 'before', 'k');
    const worker = spawn(`open('d').then((db) => {
      const store = db.transaction('s', 'readwrite').objectStore('s');
      store.put('of the worker', 'k');
      // It never ends.
      const again = () => { store.get('k').onsuccess = again; };
      again();
      postMessage(0);
    });`);
    await message(worker);
    const waits = put(db, 'other', 'o');
    worker.terminate();
    console.log(await waits, await get(db, 'k'), await get(db, 'o'));
    db.close();
    const upgraded = await open('d', 2);
    console.log(upgraded.version);",
  );
  assert_eq!(site.lines_with(&page, ""), ["complete before other", "2"]);
}

#[test]
fn a_kill_in_the_middle_of_a_transaction_leaves_nothing_of_it() {
  let site = Site::new();
  let script = format!(
    "{HELPERS}
    const db = await open('d', 1, stores('s'));
    await put(db, 'before', 'k');
    const store = db.transaction('s', 'readwrite').objectStore('s');
    store.put('after', 'k');
    // More than SQLite keeps in memory.
    for (let i = 0; i < 200; i++) store.put(new Uint8Array(65536).fill(i), i);
    let all;
    const again = () => {{
      all ??= console.log('under way');
      store.get('k').onsuccess = again;
    }};
    again();"
  );
  let running = site.start(&script, None);
  running.line(|line| line == "under way");
  running.kill();
  let again = "
    const db = await open('d');
    console.log(db.version, await count(db), await get(db, 'k'));";
  assert_eq!(lines(&site, again), ["1 1 before"]);
}

#[test]
fn a_kill_in_the_middle_of_the_first_upgrade_leaves_no_database() {
  let site = Site::new();
  let script = format!(
    "{HELPERS}
    open('d', 1, (db) => {{
      const store = db.createObjectStore('s');
      const again = () => {{
        console.log('under way');
        store.put(1, 1).onsuccess = again;
      }};
      again();
    }});"
  );
  let running = site.start(&script, None);
  running.line(|line| line == "under way");
  running.line(|line| line == "under way");
  running.kill();
  assert!(!files(&site).is_empty());
  let again = "console.log((await indexedDB.databases()).length);";
  assert_eq!(lines(&site, again), ["0"]);
  assert_eq!(files(&site).len(), 0);
}

#[test]
fn a_killed_upgrade_leaves_the_version_before_it() {
  let site = Site::new();
  let first =
    "const db = await open('d', 1, stores('s')); await put(db, 1, 1);";
  assert_eq!(lines(&site, first), [""; 0]);
  let script = format!(
    "{HELPERS}
    open('d', 2, (db, {{ target: {{ transaction }} }}) => {{
      db.deleteObjectStore('s');
      const store = db.createObjectStore('t');
      const again = () => {{
        console.log('under way');
        store.put(1, 1).onsuccess = again;
      }};
      again();
    }});"
  );
  let running = site.start(&script, None);
  running.line(|line| line == "under way");
  running.line(|line| line == "under way");
  running.kill();
  let again = "
    const db = await open('d');
    console.log(db.version, ...db.objectStoreNames, await get(db, 1));";
  assert_eq!(lines(&site, again), ["1 s 1"]);
}

#[test]
fn a_damaged_database_is_refused_in_words_and_can_be_deleted() {
  let site = Site::new();
  let first =
    "const db = await open('d', 1, stores('s')); await put(db, 1, 1);";
  assert_eq!(lines(&site, first), [""; 0]);
  for file in files(&site) {
    let mut bytes = fs::read(&file).unwrap();
    for byte in &mut bytes[100..] {
      *byte = !*byte;
    }
    fs::write(&file, bytes).unwrap();
  }
  let page = format!(
    "{HELPERS}
    await open('d').catch((error) => console.log(error.name, /damaged/.test(error.message), /deleteDatabase/.test(error.message)));
    await done(indexedDB.deleteDatabase('d'));
    const db = await open('d', 1, stores('s'));
    await put(db, 'new', 1);
    console.log(await get(db, 1));"
  );
  let ended = site.run(&page, None).code(0);
  let said: Vec<&str> = ended.stdout.lines().collect();
  assert_eq!(said, ["UnknownError true true", "new"], "{ended:#?}");
}

#[test]
fn databases_of_another_origin_are_not_seen() {
  let site = Site::new();
  let make = "const db = await open('d', 5, stores('s')); await put(db, location.port, 1);";
  lines(&site, make);
  let other = Site {
    place: site.place,
    server: site.other,
    other: site.server,
  };
  let look = "
    console.log((await indexedDB.databases()).length);
    const db = await open('d', 1, stores('s'));
    console.log(db.version, await get(db, 1));";
  assert_eq!(lines(&other, look), ["0", "1 undefined"]);
}

#[test]
fn what_a_database_takes_counts_towards_the_quota() {
  let site = Site::new();
  let first = "
    const usage = async () => (await navigator.storage.estimate()).usage;
    console.log(await usage());
    const db = await open('d', 1, stores('s'));
    await put(db, new Blob([new Uint8Array(1 << 20)]), 1);
    const full = await usage();
    console.log(full > 1 << 20, full < 1.2 * (1 << 20));
    const store = db.transaction('s', 'readwrite').objectStore('s');
    await done(store.put(new Uint8Array(1 << 20), 2));
    store.transaction.abort();
    await over(store.transaction).catch(() => {});
    console.log(await usage() === full);";
  assert_eq!(lines(&site, first), ["0", "true true", "true"]);
  let second = "
    const usage = async () => (await navigator.storage.estimate()).usage;
    console.log(await usage() > 1 << 20);
    await done(indexedDB.deleteDatabase('d'));
    console.log(await usage());";
  assert_eq!(lines(&site, second), ["true", "0"]);
}

#[test]
fn a_script_that_waits_for_itself_comes_to_its_end() {
  let site = Site::new();
  let script = "
    const db = await open('d', 1, stores('s'));
    indexedDB.deleteDatabase('d').onblocked = () => console.log('blocked');
    indexedDB.open('d').onsuccess = () => console.log('never');";
  assert_eq!(lines(&site, script), ["blocked"]);
  let closes = "
    const db = await open('d', 1, stores('s'));
    indexedDB.deleteDatabase('d').onblocked = () => setTimeout(() => db.close(), 50);
    const again = await open('d', 7, stores('t'));
    console.log(...again.objectStoreNames);";
  assert_eq!(lines(&site, closes), ["t"]);
}

#[test]
fn too_many_open_databases_are_refused_and_closing_some_helps() {
  let site = Site::new();
  let script = "
    const all = [];
    let error;
    for (let i = 0; i < 100 && error === undefined; i++) {
      try {
        all.push(await open(`d${i}`, 1, stores('s')));
      } catch (reason) {
        error = reason;
      }
    }
    console.log(all.length, error.name, /close one/.test(error.message));
    all[0].close();
    const db = await open('more', 1, stores('s'));
    await put(db, 1, 1);
    console.log(await get(db, 1), (await indexedDB.databases()).length);";
  assert_eq!(lines(&site, script), ["64 UnknownError true", "1 65"]);
}

#[test]
fn scripts_that_have_changed_what_objects_inherit_can_use_it() {
  let changes = [
    "Array.prototype[Symbol.iterator] = () => { throw new Error('iterated'); };",
    "Map.prototype.get = Set.prototype.has = () => { throw new Error('collection'); };",
    "Promise.prototype.then = () => { throw new Error('then'); };",
    "Object.defineProperty(Object.prototype, 'key', { get() { throw new Error('get'); }, set() { throw new Error('set'); }, configurable: true });",
    "Uint8Array.prototype.set = Uint8Array.prototype.subarray = () => { throw new Error('bytes'); };",
    "String.prototype.charCodeAt = String.prototype.indexOf = () => { throw new Error('string'); };",
  ];
  for change in changes {
    let site = Site::new();
    let script = "
      const { log } = console;
      const databases = indexedDB;
      @CHANGE@
      const request = databases.open('d', 1);
      request.onupgradeneeded = () => {
        const store = request.result.createObjectStore('s', { keyPath: 'a.b', autoIncrement: true });
        store.createIndex('i', 'c', { multiEntry: true });
      };
      request.onsuccess = () => {
        const store = request.result.transaction('s', 'readwrite').objectStore('s');
        const list = ['x', 'y'];
        store.put({ c: list }).onsuccess = () => {
          store.index('i').openCursor().onsuccess = ({ target: { result } }) => {
            if (result === null) return;
            log(result.primaryKey, result.value.a.b);
            result.continue();
          };
        };
        store.transaction.oncomplete = () => log('complete');
      };"
      .replace("@CHANGE@", change);
    let ended = site.run(&script, None).code(0);
    assert_eq!(ended.stdout, "1 1\n1 1\ncomplete\n", "{change}: {ended:#?}");
  }
}
