//! Rows: what is written is what is read.

use std::sync::Arc;

use background_fetch::spec::BackgroundFetchFailureReason;
use background_fetch::spec::BackgroundFetchResult;
use background_fetch::spec::CredentialsMode;
use background_fetch::spec::Extents;
use background_fetch::spec::HeaderList;
use background_fetch::spec::ImageResource;
use background_fetch::spec::RecordResult;
use background_fetch::spec::RedirectMode;
use background_fetch::spec::Request;
use background_fetch::spec::RequestMode;
use background_fetch::spec::Response;
use background_fetch::spec::ResponseType;
use background_fetch::store::BackgroundFetchKey;
use background_fetch::store::BodyId;
use background_fetch::store::Change;
use background_fetch::store::RecordBodies;
use background_fetch::store::Retained;
use background_fetch::store::StoreError;
use background_fetch::store::StoredBackgroundFetch;
use url::Url;
use uuid::Uuid;

use crate::store::Subject;
use crate::store::background_fetch;
use crate::store::for_both;
use crate::store::load;
use crate::store::load_one;
use crate::store::shown;
use crate::store::stored_in;

for_both!(
  a_background_fetch_comes_back_as_it_was_inserted,
  every_result_of_a_record_comes_back,
  a_response_belongs_to_its_body,
  stored_bytes_and_results_belong_to_one_record,
  bytes_behind_a_gap_are_kept_with_those_before_it,
  uploading_pausing_and_ui_change_only_what_they_name,
  an_abort_ends_the_activity_and_owes_no_event,
  a_settled_background_fetch_owes_an_event,
  what_is_retained_owes_its_event_or_none,
  a_retry_keeps_what_has_succeeded_and_what_is_stored,
  a_forgotten_background_fetch_is_gone_with_its_records,
  facts_on_what_is_gone_change_nothing,
  an_id_is_active_once_in_a_scope,
  a_key_is_never_given_twice,
  many_callers_at_once_are_all_answered,
);

fn id(n: u128) -> BodyId {
  BodyId(Uuid::from_u128(n))
}

fn response(status: u16) -> Response {
  let headers = [("ETag".to_owned(), "\"\u{e9}\"".to_owned())];
  Response {
    response_type: ResponseType::Cors,
    status,
    status_message: "As You Like".into(),
    headers: headers.into_iter().collect(),
    internal_headers: None,
    decoded: false,
    url_list: vec![Url::parse("https://example.com/a?b#c").unwrap()],
  }
}

async fn a_background_fetch_comes_back_as_it_was_inserted(subject: Subject) {
  let mut row = background_fetch("\u{1f4e6} 'x'; --", 2);
  let fetch = &mut row.background_fetch;
  fetch.title = "Line\nbreak \0 and zero".into();
  fetch.icons = vec![ImageResource {
    src: "https://example.com/icon.png".into(),
    sizes: Some("96x96".into()),
    mime_type: Some("image/png".into()),
    label: None,
  }];
  // Beyond the integers of SQLite.
  fetch.download_total = u64::MAX;
  fetch.upload_total = 5;
  fetch.uploaded = 3;
  fetch.result = BackgroundFetchResult::Failure;
  fetch.failure_reason = BackgroundFetchFailureReason::DownloadTotalExceeded;
  fetch.records_available = false;
  fetch.paused = true;
  fetch.abort_all = true;
  fetch.records[1].request = Arc::new(Request {
    method: "POST".into(),
    url: Url::parse("http://localhost:1/ü?q#fragment").unwrap(),
    headers: HeaderList::from_iter([("X".to_owned(), "1".to_owned())]),
    mode: RequestMode::NoCors,
    credentials: CredentialsMode::Include,
    redirect: RedirectMode::Manual,
    cache: "no-store".into(),
    referrer: String::new(),
    referrer_policy: "origin".into(),
    integrity: "sha256-x".into(),
    keepalive: true,
    body_length: Some(5),
  });
  fetch.records[1].response_data.response = Some(response(206));
  fetch.records[1].response_data.extents = Extents::prefix_of(77);
  fetch.records[1].response_data.result = Some(RecordResult::Redundant);
  row.bodies[1] = RecordBodies {
    request: Some(id(1)),
    response: Some(id(u128::MAX)),
    sent: true,
    diagnostic: "reset by peer".into(),
    most: 7,
  };
  row.active = false;
  row.event_owed = true;
  row.created = -1;

  row.key = subject.store.insert(row.clone()).await.unwrap();

  let rows = load(&subject.store).await;
  assert_eq!(rows.len(), 1);
  assert_eq!(shown(&rows[0]), shown(&row));
}

async fn every_result_of_a_record_comes_back(subject: Subject) {
  use BackgroundFetchFailureReason as Reason;
  let results = [
    RecordResult::Success,
    RecordResult::Redundant,
    RecordResult::Failure(Reason::None),
    RecordResult::Failure(Reason::Aborted),
    RecordResult::Failure(Reason::BadStatus),
    RecordResult::Failure(Reason::FetchError),
    RecordResult::Failure(Reason::QuotaExceeded),
    RecordResult::Failure(Reason::DownloadTotalExceeded),
  ];
  let metadata = &subject.store;
  let row = background_fetch("a", results.len());
  let key = metadata.insert(row).await.unwrap();

  let change =
    |(record, result): (usize, &RecordResult)| Change::RecordResult {
      key,
      record,
      result: *result,
      diagnostic: format!("because of {record}"),
    };
  let all = results.iter().enumerate().map(change).collect();
  metadata.commit(all).await.unwrap();

  let row = load_one(&subject.store, key).await;
  for (n, result) in results.iter().enumerate() {
    let record = &row.background_fetch.records[n];
    assert_eq!(record.response_data.result, Some(*result));
    assert_eq!(row.bodies[n].diagnostic, format!("because of {n}"));
  }
}

async fn a_response_belongs_to_its_body(subject: Subject) {
  let metadata = &subject.store;
  let key = metadata.insert(background_fetch("a", 1)).await.unwrap();
  let arrived = |status, body| Change::Response {
    key,
    record: 0,
    response: Some(response(status)),
    body: Some(body),
  };
  let stored = |body, bytes| Change::Stored {
    key,
    record: 0,
    body,
    extents: Extents::prefix_of(bytes),
    bytes: None,
  };
  let now = async || {
    let row = load_one(&subject.store, key).await;
    let data = &row.background_fetch.records[0].response_data;
    let status = data.response.as_ref().map(|r| r.status);
    (status, row.bodies[0].response, data.bytes())
  };

  metadata
    .commit(vec![arrived(200, id(1)), stored(id(1), 10)])
    .await
    .unwrap();
  assert_eq!(now().await, (Some(200), Some(id(1)), 10));
  // A 206 continues with the body.
  metadata.commit(vec![arrived(206, id(1))]).await.unwrap();
  assert_eq!(now().await, (Some(206), Some(id(1)), 10));
  // Another resource begins another one.
  metadata.commit(vec![arrived(200, id(2))]).await.unwrap();
  assert_eq!(now().await, (Some(200), Some(id(2)), 0));
  // What is said too late of the one before is not true of this one.
  metadata.commit(vec![stored(id(1), 12)]).await.unwrap();
  assert_eq!(now().await, (Some(200), Some(id(2)), 0));
  let redundant = Change::Response {
    key,
    record: 0,
    response: None,
    body: None,
  };
  metadata
    .commit(vec![stored(id(2), 4), redundant])
    .await
    .unwrap();
  assert_eq!(now().await, (None, None, 0));
  metadata.commit(vec![stored(id(2), 5)]).await.unwrap();
  assert_eq!(now().await, (None, None, 0));
}

async fn bytes_behind_a_gap_are_kept_with_those_before_it(subject: Subject) {
  let metadata = &subject.store;
  let mut row = background_fetch("a", 1);
  let mut extents = Extents::prefix_of(3);
  extents.add(10..20);
  row.background_fetch.records[0].response_data.extents = extents.clone();
  let key = metadata.insert(row).await.unwrap();
  let now = async || {
    let row = load_one(&subject.store, key).await;
    let data = &row.background_fetch.records[0].response_data;
    (data.extents.clone(), row.bodies[0].most)
  };
  assert_eq!(now().await, (extents, 0));
  let stored = |extents: &Extents| Change::Stored {
    key,
    record: 0,
    body: id(1),
    extents: extents.clone(),
    bytes: None,
  };
  let response = |body| Change::Response {
    key,
    record: 0,
    response: Some(response(200)),
    body: Some(body),
  };
  let mut extents = Extents::prefix_of(7);
  extents.add(30..35);
  extents.add(50..60);
  let all = vec![response(id(1)), stored(&extents)];
  metadata.commit(all).await.unwrap();
  assert_eq!(now().await, (extents.clone(), 22));
  // The same body keeps them, another one has none.
  metadata.commit(vec![response(id(1))]).await.unwrap();
  assert_eq!(now().await, (extents.clone(), 22));
  metadata.commit(vec![response(id(2))]).await.unwrap();
  assert_eq!(now().await, (Extents::default(), 22));
  metadata.commit(vec![stored(&extents)]).await.unwrap();
  assert_eq!(now().await, (Extents::default(), 22));
}

async fn stored_bytes_and_results_belong_to_one_record(subject: Subject) {
  let metadata = &subject.store;
  let other = metadata.insert(background_fetch("a", 3)).await.unwrap();
  let mut expected = background_fetch("b", 3);
  expected.key = metadata.insert(expected.clone()).await.unwrap();
  let key = expected.key;

  metadata.commit(stored_in(key, 1, id(1), 9)).await.unwrap();
  let result = Change::RecordResult {
    key,
    record: 2,
    result: RecordResult::Success,
    diagnostic: String::new(),
  };
  metadata.commit(vec![result]).await.unwrap();

  let records = &mut expected.background_fetch.records;
  records[1].response_data.extents = Extents::prefix_of(9);
  expected.bodies[1].response = Some(id(1));
  expected.bodies[1].most = 9;
  records[2].response_data.result = Some(RecordResult::Success);
  let found = load_one(&subject.store, key).await;
  assert_eq!(shown(&found), shown(&expected));
  let mut untouched = background_fetch("a", 3);
  untouched.key = other;
  let found = load_one(&subject.store, other).await;
  assert_eq!(shown(&found), shown(&untouched));
}

async fn uploading_pausing_and_ui_change_only_what_they_name(subject: Subject) {
  let metadata = &subject.store;
  let mut expected = background_fetch("a", 1);
  expected.key = metadata.insert(expected.clone()).await.unwrap();
  let key = expected.key;
  let icon = ImageResource {
    src: "i".into(),
    ..Default::default()
  };

  let changes = vec![
    Change::Uploaded { key, bytes: 12 },
    Change::Paused { key, paused: true },
    Change::Ui {
      key,
      title: None,
      icons: Some(vec![icon.clone()]),
    },
  ];
  metadata.commit(changes).await.unwrap();
  expected.background_fetch.uploaded = 12;
  expected.background_fetch.paused = true;
  expected.background_fetch.icons = vec![icon];
  let found = load_one(&subject.store, key).await;
  assert_eq!(shown(&found), shown(&expected));

  let changes = vec![
    Change::Paused { key, paused: false },
    Change::Ui {
      key,
      title: Some("New".into()),
      icons: None,
    },
  ];
  metadata.commit(changes).await.unwrap();
  expected.background_fetch.paused = false;
  expected.background_fetch.title = "New".into();
  let found = load_one(&subject.store, key).await;
  assert_eq!(shown(&found), shown(&expected));
}

async fn an_abort_ends_the_activity_and_owes_no_event(subject: Subject) {
  let metadata = &subject.store;
  let mut expected = background_fetch("a", 1);
  expected.key = metadata.insert(expected.clone()).await.unwrap();
  let key = expected.key;

  metadata
    .commit(vec![Change::Aborted { key }])
    .await
    .unwrap();

  expected.active = false;
  expected.background_fetch.abort_all = true;
  let found = load_one(&subject.store, key).await;
  assert_eq!(shown(&found), shown(&expected));
}

async fn a_settled_background_fetch_owes_an_event(subject: Subject) {
  let metadata = &subject.store;
  let mut expected = background_fetch("a", 1);
  expected.key = metadata.insert(expected.clone()).await.unwrap();
  let settled = Change::Settled {
    key: expected.key,
    result: BackgroundFetchResult::Failure,
    failure_reason: BackgroundFetchFailureReason::BadStatus,
  };

  metadata.commit(vec![settled]).await.unwrap();

  expected.active = false;
  expected.event_owed = true;
  expected.background_fetch.result = BackgroundFetchResult::Failure;
  expected.background_fetch.failure_reason =
    BackgroundFetchFailureReason::BadStatus;
  let found = load_one(&subject.store, expected.key).await;
  assert_eq!(shown(&found), shown(&expected));
}

/// A background fetch that has failed: of its records one has succeeded.
async fn failed(subject: &Subject) -> StoredBackgroundFetch {
  let metadata = &subject.store;
  let mut row = background_fetch("a", 2);
  row.active = false;
  row.event_owed = true;
  let fetch = &mut row.background_fetch;
  fetch.result = BackgroundFetchResult::Failure;
  fetch.failure_reason = BackgroundFetchFailureReason::FetchError;
  fetch.abort_all = true;
  let failure = RecordResult::Failure(BackgroundFetchFailureReason::FetchError);
  for (record, result) in fetch
    .records
    .iter_mut()
    .zip([RecordResult::Success, failure])
  {
    record.response_data.response = Some(response(200));
    record.response_data.extents = Extents::prefix_of(5);
    record.response_data.result = Some(result);
  }
  row.bodies[1].diagnostic = "reset by peer".into();
  row.bodies[1].sent = true;
  row.key = metadata.insert(row.clone()).await.unwrap();
  row
}

async fn what_is_retained_owes_its_event_or_none(subject: Subject) {
  let metadata = &subject.store;
  let mut expected = failed(&subject).await;
  let key = expected.key;
  for undelivered in [None, Some("it has crashed")] {
    let retained = Retained {
      since: 7,
      undelivered: undelivered.map(str::to_string),
    };
    expected.retained = Some(retained.clone());
    expected.event_owed = undelivered.is_some();
    let retained = Change::Retained { key, retained };
    metadata.commit(vec![retained]).await.unwrap();
    let found = load_one(&subject.store, key).await;
    assert_eq!(shown(&found), shown(&expected));
  }
  metadata
    .commit(vec![Change::Redelivered { key }])
    .await
    .unwrap();
  expected.retained = None;
  let found = load_one(&subject.store, key).await;
  assert_eq!(shown(&found), shown(&expected));
}

async fn a_retry_keeps_what_has_succeeded_and_what_is_stored(subject: Subject) {
  let metadata = &subject.store;
  let mut expected = failed(&subject).await;
  let key = expected.key;
  let retained = Retained {
    since: 7,
    undelivered: None,
  };
  let retained = Change::Retained { key, retained };
  metadata
    .commit(vec![retained, Change::Retried { key }])
    .await
    .unwrap();

  expected.active = true;
  expected.event_owed = false;
  let fetch = &mut expected.background_fetch;
  fetch.result = BackgroundFetchResult::None;
  fetch.failure_reason = BackgroundFetchFailureReason::None;
  fetch.abort_all = false;
  fetch.records[1].response_data.result = None;
  expected.bodies[1].diagnostic.clear();
  expected.bodies[1].sent = false;
  let found = load_one(&subject.store, key).await;
  assert_eq!(shown(&found), shown(&expected));
}

async fn a_forgotten_background_fetch_is_gone_with_its_records(
  subject: Subject,
) {
  let metadata = &subject.store;
  let key = metadata.insert(background_fetch("a", 2)).await.unwrap();
  let kept = metadata.insert(background_fetch("b", 2)).await.unwrap();

  metadata
    .commit(vec![Change::Forgotten { key }])
    .await
    .unwrap();

  let rows = load(&subject.store).await;
  assert_eq!(rows.len(), 1);
  assert_eq!(rows[0].key, kept);
  assert_eq!(rows[0].background_fetch.records.len(), 2);
}

async fn facts_on_what_is_gone_change_nothing(subject: Subject) {
  let metadata = &subject.store;
  let mut expected = background_fetch("a", 1);
  expected.key = metadata.insert(expected.clone()).await.unwrap();
  let gone = BackgroundFetchKey(expected.key.0 + 1);
  let result = |key, record| Change::RecordResult {
    key,
    record,
    result: RecordResult::Success,
    diagnostic: String::new(),
  };

  let late = vec![
    result(gone, 0),
    result(expected.key, 1),
    Change::Stored {
      key: gone,
      record: 0,
      body: id(1),
      extents: Extents::prefix_of(1),
      bytes: None,
    },
    Change::Response {
      key: gone,
      record: 0,
      response: Some(response(200)),
      body: Some(id(1)),
    },
    Change::Aborted { key: gone },
    Change::Forgotten { key: gone },
  ];
  metadata.commit(late).await.unwrap();
  metadata.commit(Vec::new()).await.unwrap();

  let rows = load(&subject.store).await;
  assert_eq!(rows.len(), 1);
  assert_eq!(shown(&rows[0]), shown(&expected));
}

async fn an_id_is_active_once_in_a_scope(subject: Subject) {
  let metadata = &subject.store;
  let key = metadata.insert(background_fetch("a", 1)).await.unwrap();

  let refused = metadata.insert(background_fetch("a", 1)).await.unwrap_err();
  let StoreError::DuplicateId { id, scope } = &refused else {
    panic!("{refused}");
  };
  assert_eq!((&**id, scope.path()), ("a", "/app/"));
  let mut elsewhere = background_fetch("a", 1);
  elsewhere.scope = Url::parse("https://example.com/other/").unwrap();
  metadata.insert(elsewhere).await.unwrap();
  let mut inactive = background_fetch("a", 1);
  inactive.active = false;
  metadata.insert(inactive).await.unwrap();

  metadata
    .commit(vec![Change::Aborted { key }])
    .await
    .unwrap();
  metadata.insert(background_fetch("a", 1)).await.unwrap();
  assert_eq!(load(&subject.store).await.len(), 4);
}

async fn a_key_is_never_given_twice(subject: Subject) {
  let metadata = &subject.store;
  let first = metadata.insert(background_fetch("a", 1)).await.unwrap();
  metadata
    .commit(vec![Change::Forgotten { key: first }])
    .await
    .unwrap();
  let second = metadata.insert(background_fetch("a", 1)).await.unwrap();
  assert_ne!(first, second);
}

async fn many_callers_at_once_are_all_answered(subject: Subject) {
  // Every third one is refused, in the middle of the others' transaction.
  let insert = |n: usize| {
    let metadata = subject.store.clone();
    let name = if n.is_multiple_of(3) {
      "taken".to_owned()
    } else {
      format!("{n}")
    };
    tokio::spawn(async move {
      let key = metadata.insert(background_fetch(&name, 1)).await?;
      metadata.commit(stored_in(key, 0, id(1), n as u64)).await?;
      Ok::<_, StoreError>((key, n))
    })
  };
  let mut kept = Vec::new();
  let mut refused = 0;
  for task in (0..300).map(insert).collect::<Vec<_>>() {
    match task.await.unwrap() {
      Ok(inserted) => kept.push(inserted),
      Err(StoreError::DuplicateId { .. }) => refused += 1,
      Err(other) => panic!("{other}"),
    }
  }
  assert_eq!((kept.len(), refused), (201, 99));
  let rows = load(&subject.store).await;
  assert_eq!(rows.len(), 201);
  for (key, n) in kept {
    let row = rows.iter().find(|row| row.key == key).unwrap();
    let data = &row.background_fetch.records[0].response_data;
    assert_eq!(data.bytes(), n as u64);
  }
}
