//! What a script registers before it takes an answer.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use background_fetch::Origin;
use background_fetch::engine::Engine;
use background_fetch::engine::EngineConfig;
use background_fetch::engine::PermissionState;
use background_fetch::engine::RealmKind;
use background_fetch::store::Group;
use background_fetch::store::GroupOutcome;
use background_fetch::store::MetadataStore;
use background_fetch::store::Owner;
use background_fetch::store::Store;
use background_fetch::store::StoreError;
use background_fetch::store::Write;

use crate::extension::harness::run_in;
use crate::hooked_metadata::Hooks;
use crate::hooked_metadata::hooked;

/// Counts the transactions in which something is registered.
#[derive(Default)]
struct Counting(AtomicU32);

#[async_trait]
impl Hooks for Counting {
  async fn write(
    &self,
    rows: &dyn MetadataStore,
    owner: Owner,
    groups: Vec<Group>,
  ) -> Result<Vec<GroupOutcome>, StoreError> {
    let registers = |write: &Write| matches!(write, Write::Insert(_));
    let has_any = groups.iter().flatten().any(registers);
    self.0.fetch_add(has_any.into(), Ordering::SeqCst);
    rows.write(owner, groups).await
  }
}

/// Registers what `script` does, with `register(id)`, as a service worker: in
/// how many transactions, and what it writes.
fn transactions(script: &str) -> (u32, Vec<String>) {
  let counting = Arc::new(Counting::default());
  let config = EngineConfig {
    // They begin paused, so that nothing else is written.
    permission: Arc::new(|_: &Origin| PermissionState::Prompt),
    ..EngineConfig::default()
  };
  let engine = Engine::builder()
    .config(config)
    .start_blocking(hooked(Store::in_memory(), counting.clone()))
    .unwrap();
  let script = format!(
    r#"
    const registered = [];
    const register = async (id) => {{
      registered.push(await registration.backgroundFetch.fetch(id, "/x"));
    }};
    (async () => {{
      {script}
      for (const one of registered) await one.abort();
    }})();
    "#
  );
  let kind = RealmKind::ServiceWorker;
  let url = "https://example.com/sw.js";
  let ended = run_in(&engine, kind, url, Vec::new(), &script);
  assert_eq!(ended.uncaught(), [""; 0]);
  (counting.0.load(Ordering::SeqCst), ended.lines)
}

#[test]
fn two_hundred_of_one_turn_share_a_few_transactions() {
  let (transactions, lines) = transactions(
    r#"
    const begun = performance.now();
    const all = Array.from({ length: 200 }, (_, n) => register(`${n}`));
    console.log(Math.ceil((performance.now() - begun) / 50));
    await Promise.all(all);
    "#,
  );
  // Those that have waited for 50 ms wait no longer.
  let most = 1 + 200 / 50 + lines[0].parse::<u32>().unwrap();
  assert!(transactions <= most, "{transactions} of {most}");
}

#[test]
fn one_after_the_other_has_a_transaction_of_its_own() {
  let each = r#"for (let n = 0; n < 5; n++) await register(`${n}`);"#;
  assert_eq!(transactions(each).0, 5);
}
