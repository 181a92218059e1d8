//! A runtime's own network permission.

#[path = "../network/permission_descriptors.rs"]
mod descriptors;

use std::sync::Arc;

use background_fetch::engine::RealmKind;
use deno_core::Extension;
use deno_permissions::Permissions;
use deno_permissions::PermissionsContainer;
use deno_permissions::PermissionsOptions;

use self::descriptors::NetOnly;
use crate::extension::harness::Ended;
use crate::extension::harness::run_with;
use support::FaultServer;
use support::Resource;

/// Puts a permission for `host` alone into the runtime's state.
fn allowing(host: &str) -> Extension {
  let options = PermissionsOptions {
    allow_net: Some(vec![host.to_string()]),
    ..PermissionsOptions::default()
  };
  let permissions = Permissions::from_options(&NetOnly, &options).unwrap();
  let permissions = PermissionsContainer::new(Arc::new(NetOnly), permissions);
  Extension {
    name: "permissions",
    op_state_fn: Some(Box::new(move |state| state.put(permissions))),
    ..Extension::default()
  }
}

fn fetch(server: &FaultServer, host: &str) -> Ended {
  run_with(
    RealmKind::ServiceWorker,
    &server.url("/sw.js"),
    vec![allowing(host)],
    r#"
    onbackgroundfetchsuccess = onbackgroundfetchfail = ({ type, registration }) =>
      console.log(type, registration.failureReason);
    registration.backgroundFetch.fetch("x", ["/x", "/elsewhere"])
      .catch((error) => console.log(error.name, error.message));
    "#,
  )
}

#[test]
fn what_a_runtime_may_not_reach_is_not_asked() {
  let server = FaultServer::start_blocking();
  server.serve("/x", Resource::text("x"));
  let target = server.url("/x");
  server.serve("/elsewhere", Resource::redirect(&target, 302));
  let denied = fetch(&server, "other.test");
  let [line] = &denied.lines[..] else {
    panic!("{denied:?}");
  };
  assert!(
    line.starts_with("NotAllowedError Requires net access"),
    "{line}"
  );
  assert_eq!(server.requests().len(), 0);
  let allowed = fetch(&server, "127.0.0.1");
  assert_eq!(allowed.lines, ["backgroundfetchsuccess"], "{allowed:?}");
  assert_eq!(server.requests().len(), 3);
}
