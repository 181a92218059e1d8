//! What the permission to use the network stops.

use std::sync::Arc;

use background_fetch::extension::net_check;
use background_fetch::network::NetworkErrorKind;
use deno_permissions::Permissions;
use deno_permissions::PermissionsContainer;
use deno_permissions::PermissionsOptions;
use url::Url;

use crate::network::harness::*;
use crate::network::server::*;

use crate::network::permission_descriptors::NetOnly;

#[tokio::test]
async fn the_permission_is_asked_for_before_anything_is_sent() {
  let server = Server::start(answer(OK)).await;
  let mut params = params(program(), &server.url("/"));
  params.net_check = Some(Arc::new(|_: &Url| Err("not allowed".into())));
  let error = network().fetch(params).await.err().unwrap();
  assert_eq!(error.kind, NetworkErrorKind::Refused);
  assert_eq!(error.message, "not allowed");
  assert!(server.request_lines().is_empty());
}

fn allowed_to_reach(hosts: &[&str]) -> PermissionsContainer {
  let options = PermissionsOptions {
    allow_net: Some(hosts.iter().map(|host| host.to_string()).collect()),
    // There is no user to answer.
    prompt: true,
    ..PermissionsOptions::default()
  };
  let permissions = Permissions::from_options(&NetOnly, &options).unwrap();
  PermissionsContainer::new(Arc::new(NetOnly), permissions)
}

#[tokio::test]
async fn a_runtimes_permission_is_asked_for_every_hop() {
  let target = Server::start(answer(OK)).await;
  let denied = target.url("/").replace("127.0.0.1", "localhost");
  let server = Server::start(redirect_to(302, &denied)).await;
  let with = |hosts: &[&str]| {
    let mut params = params(program(), &server.url("/"));
    params.net_check = Some(net_check(allowed_to_reach(hosts)));
    params
  };
  let message = refused(with(&["127.0.0.1"])).await;
  assert!(message.contains("net access to \"localhost:"), "{message}");
  assert_eq!(server.request_lines().len(), 1);
  assert!(target.request_lines().is_empty());
  let both = with(&["127.0.0.1", "localhost"]);
  network().fetch(both).await.unwrap();
  refused(with(&["other.test"])).await;
  assert_eq!(server.request_lines().len(), 2);
}
