//! What is not a `GET` is never sent twice.

use background_fetch::engine::BackgroundFetchOptions;
use background_fetch::engine::Engine;
use background_fetch::engine::NewRecord;
use background_fetch::spec::BackgroundFetchFailureReason::FetchError;
use background_fetch::spec::Request;
use background_fetch::store::Store;
use bytes::Bytes;
use h2::Reason;
use url::Url;

use super::case::config_for;
use crate::engine::harness::*;
use support::Behaviour;
use support::Behaviour::*;
use support::FaultServer;
use support::Protocol;
use support::Resource;

async fn is_sent_once(protocol: Protocol, behaviour: Behaviour) {
  let label = format!("{behaviour:?} over {protocol:?}");
  let server = FaultServer::start_with(protocol).await;
  let resource = Resource::bytes(1000, 1).script([behaviour, Normal]);
  let url = server.serve("/up", resource);
  let config = config_for(&server);
  let realm = worker(
    &Engine::builder()
      .config(config)
      .start_blocking(Store::in_memory())
      .unwrap(),
  );
  let mut body = bounded(realm.create_request_body()).await.unwrap();
  let chunk = Bytes::from(vec![7; 100_000]);
  bounded(body.write(chunk)).await.unwrap();
  let mut request = Request::get(Url::parse(&url).unwrap());
  request.method = "POST".into();
  let record = NewRecord {
    request,
    body: Some(body.finish()),
  };
  let options = BackgroundFetchOptions::default();
  let fetched = realm.fetch("up".into(), vec![record], options);
  bounded(fetched).await.unwrap();
  let snapshot = settle(&realm, "backgroundfetchfail").await;
  assert_eq!(snapshot.failure_reason, FetchError, "{label}");
  assert_eq!(server.requests().len(), 1, "{label}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_is_never_sent_twice_over_any_protocol() {
  for protocol in [Protocol::Plain, Protocol::Tls, Protocol::Http2] {
    for behaviour in [
      Refuse,
      ResetUploadAfter(50_000),
      ResetAfter(0),
      TruncateAfter(500),
      ResetStreamAfter(0, Reason::REFUSED_STREAM),
      GoAwayAfter(0, Reason::NO_ERROR),
    ] {
      is_sent_once(protocol, behaviour).await;
    }
  }
}
