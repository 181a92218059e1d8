//! Segments: the parts of a response that are fetched beside its attempt.
//!
//! What to fetch is [`SegmentPlanner`]'s to decide. Here are the requests, the
//! bytes on their way into the store, and the clock. All of it belongs to one
//! attempt and ends before it does, so that nothing is written into a body that
//! the next one opens.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::stream::FuturesUnordered;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::fetch_params::Attempt;
use super::fetch_params::params;
use super::place::Place;
use super::receiving::Room;
use super::receiving::record_progress;
use super::record_slot::Attempts;
use crate::engine::policy::RetryStatuses;
use crate::engine::schedule::segment_planner::PRIMARY;
use crate::engine::schedule::segment_planner::SegmentEnd;
use crate::engine::schedule::segment_planner::SegmentId;
use crate::engine::schedule::segment_planner::SegmentPlanner;
use crate::engine::until::until;
use crate::ids::BodyId;
use crate::network::FetchResponse;
use crate::network::NetworkError;
use crate::network::RangeStart;
use crate::store::APPEND_UNIT;
use crate::store::BodyWriter;
use crate::store::ExtentWriter;

/// How often rates are measured, and the rest is divided again.
const INTERVAL: Duration = Duration::from_millis(200);

type Running<'a> = FuturesUnordered<BoxFuture<'a, (SegmentId, SegmentEnd)>>;

/// The segments of one attempt.
pub(super) struct Segments<'a> {
  attempt: Attempt<'a>,
  entity_tag: String,
  /// Shared with the segments, which are futures of the attempt's task: nothing
  /// ever waits for this lock, and no other task has it.
  planner: Arc<Mutex<SegmentPlanner>>,
  running: Running<'a>,
  /// What makes each that runs end.
  leave: BTreeMap<SegmentId, CancellationToken>,
  /// The parent of those.
  stop: CancellationToken,
  /// There once the attempt has a body.
  body: Option<(BodyId, Arc<dyn ExtentWriter>)>,
  /// A server has proven that it serves ranges.
  proven: Arc<Notify>,
  ticks: tokio::time::Interval,
}

impl<'a> Segments<'a> {
  /// `None` when there are to be none.
  pub(super) fn of(attempt: Attempt<'a>, attempts: &Attempts) -> Option<Self> {
    let policy = attempt.context.policies.segments;
    if policy.max <= 1 || attempts.segments_refused {
      return None;
    }
    let whole = attempt
      .job
      .inspect(|p| p.divisible(attempt.record, attempt.number))?;
    let planner = SegmentPlanner::new(
      policy,
      whole.complete_length,
      whole.position,
      Instant::now(),
    );
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    Some(Self {
      attempt,
      entity_tag: whole.entity_tag,
      planner: Arc::new(Mutex::new(planner)),
      running: FuturesUnordered::new(),
      leave: BTreeMap::new(),
      stop: CancellationToken::new(),
      body: None,
      proven: Arc::default(),
      ticks,
    })
  }

  /// The attempt has a body from now on, which `writer` appends to.
  pub(super) async fn begin(&mut self, writer: &mut dyn BodyWriter) {
    if self.body.is_some() || self.planner.lock().is_refused() {
      return;
    }
    match writer.extent_writer().await {
      Ok(anywhere) => {
        self.body = Some((writer.id(), anywhere.into()));
        self.plan();
      }
      Err(error) => {
        tracing::debug!(%error, "there are no segments");
        self
          .planner
          .lock()
          .ended(PRIMARY, SegmentEnd::Refused, Instant::now());
      }
    }
  }

  /// The attempt's own segment has come to bytes that are stored. Returns
  /// whether others still bring some.
  pub(super) fn go_on_alone(&mut self) -> bool {
    let now = Instant::now();
    self.planner.lock().ended(PRIMARY, SegmentEnd::Done, now);
    self.plan();
    !self.running.is_empty()
  }

  /// Waits until something has happened, and starts what is to be started
  /// then. Returns how many bytes of the record are stored. Safe to cancel.
  pub(super) async fn next(segments: &mut Option<Self>) -> u64 {
    let Some(this) = segments else {
      return std::future::pending().await;
    };
    tokio::select! {
      biased;
      Some((id, how)) = this.running.next() => this.ended(id, how),
      () = this.proven.notified() => {}
      _ = this.ticks.tick() => {}
    }
    this.plan();
    let record = this.attempt.record;
    this.attempt.job.inspect(|p| p.extents(record).total())
  }

  /// Ends them all, when what they have received is written. Returns whether
  /// the server has refused to serve ranges.
  pub(super) async fn finish(mut self) -> bool {
    self.stop.cancel();
    while let Some((id, how)) = self.running.next().await {
      self.ended(id, how);
    }
    self.planner.lock().is_refused()
  }

  fn ended(&mut self, id: SegmentId, how: SegmentEnd) {
    tracing::debug!(
      id = self.attempt.job.id,
      record = self.attempt.record,
      segment = ?id,
      ?how,
      "a segment has ended"
    );
    self.leave.remove(&id);
    self.planner.lock().ended(id, how, Instant::now());
    if how == SegmentEnd::Refused {
      self.stop.cancel();
    }
  }

  fn end(&self, id: SegmentId) {
    if let Some(leave) = self.leave.get(&id) {
      leave.cancel();
    }
  }

  /// Starts what may be started now.
  fn plan(&mut self) {
    let Attempt {
      context,
      job,
      record,
      number,
      ..
    } = self.attempt;
    let Some((body, writer)) = &self.body else {
      return;
    };
    let now = Instant::now();
    let (whole, stored) =
      job.inspect(|p| (p.divisible(record, number), p.extents(record).clone()));
    // The attempt may be over.
    let Some(whole) = whole else { return };
    let host = job.records[record].request.url.host_str();
    let mut planner = self.planner.lock();
    for passed in planner.moved(whole.position) {
      self.end(passed);
    }
    while let Some(next) = planner.next(&stored, now) {
      let leave = self.stop.child_token();
      let host = host.unwrap_or_default();
      let Some(place) = context.admission.start_helper(host, &leave) else {
        break;
      };
      let (id, overtaken) = planner.start(&next, now);
      if let Some(overtaken) = overtaken {
        self.end(overtaken);
      }
      tracing::debug!(
        id = job.id,
        record,
        segment = ?id,
        range = ?next.range,
        "a segment starts"
      );
      self.leave.insert(id, leave.clone());
      let segment = Segment {
        attempt: self.attempt,
        id,
        range: next.range,
        entity_tag: self.entity_tag.clone(),
        planner: self.planner.clone(),
        proven: self.proven.clone(),
        body: *body,
        writer: writer.clone(),
        leave,
        _place: Place {
          context: context.clone(),
          id: place,
        },
      };
      self.running.push(segment.run().boxed());
    }
  }
}

/// One of them.
struct Segment<'a> {
  attempt: Attempt<'a>,
  id: SegmentId,
  /// What it asks for. It may end earlier.
  range: Range<u64>,
  entity_tag: String,
  planner: Arc<Mutex<SegmentPlanner>>,
  proven: Arc<Notify>,
  body: BodyId,
  writer: Arc<dyn ExtentWriter>,
  leave: CancellationToken,
  _place: Place,
}

/// What was received and is not written.
#[derive(Default)]
struct Received {
  chunks: Vec<Bytes>,
  length: u64,
}

type Stream = BoxStream<'static, Result<Bytes, NetworkError>>;

impl Segment<'_> {
  async fn run(self) -> (SegmentId, SegmentEnd) {
    (self.id, self.fetch().await)
  }

  async fn fetch(&self) -> SegmentEnd {
    let Attempt {
      context,
      job,
      record,
      number,
      ..
    } = self.attempt;
    let range = RangeStart {
      first_byte: self.range.start,
      last_byte: Some(self.range.end - 1),
      validator: Some(self.entity_tag.clone()),
    };
    let params = params(self.attempt, true, Some(range));
    let answer = context.network.fetch(params);
    let FetchResponse { response, body } =
      match until(&self.leave, answer).await {
        Some(Ok(answer)) => answer,
        Some(Err(error)) => return failed(&error),
        None => return SegmentEnd::Done,
      };
    let judged =
      job.inspect(|p| p.judge_part(record, number, &self.range, &response));
    match judged {
      None => return SegmentEnd::Done,
      Some(Err(_)) if RetryStatuses::TEMPORARY.contains(&response.status) => {
        return SegmentEnd::Failed;
      }
      Some(Err(unusable)) => {
        tracing::debug!(%unusable, "a segment's answer is of no use");
        return SegmentEnd::Refused;
      }
      Some(Ok(())) => {}
    }
    self.planner.lock().answered();
    self.proven.notify_one();
    self.receive(body).await
  }

  async fn receive(&self, mut body: Stream) -> SegmentEnd {
    let mut room = Room::new(self.attempt.context);
    let mut position = self.range.start;
    loop {
      let mut received = Received::default();
      let from = position;
      let end = self.fill(&mut body, &mut position, &mut received, &mut room);
      let end = end.await;
      let length = received.length;
      let written = self.write(from, received).await;
      room.released(length);
      match end {
        _ if !written => return SegmentEnd::Failed,
        Some(end) => return end,
        None => {}
      }
    }
  }

  /// Waits for a chunk, then takes all that are there without waiting. `Some`
  /// when there are to be no more.
  async fn fill(
    &self,
    body: &mut Stream,
    position: &mut u64,
    received: &mut Received,
    room: &mut Room<'_>,
  ) -> Option<SegmentEnd> {
    let Some(mut next) = until(&self.leave, body.next()).await else {
      return Some(SegmentEnd::Done);
    };
    loop {
      match next {
        Some(Ok(chunk)) => {
          if let Some(end) = self.take(chunk, position, received, room) {
            return Some(end);
          }
        }
        Some(Err(error)) => return Some(failed(&error)),
        // It has less than it was asked for.
        None => return Some(SegmentEnd::Failed),
      }
      let is_full = received.length >= APPEND_UNIT || !room.is_there();
      if is_full || self.leave.is_cancelled() {
        return None;
      }
      next = body.next().now_or_never()?;
    }
  }

  fn take(
    &self,
    mut chunk: Bytes,
    position: &mut u64,
    received: &mut Received,
    room: &mut Room<'_>,
  ) -> Option<SegmentEnd> {
    let Attempt {
      job,
      record,
      number,
      ..
    } = self.attempt;
    let (wanted, is_at_end) = {
      let mut planner = self.planner.lock();
      let wanted = planner.take(self.id, chunk.len() as u64);
      (wanted, planner.is_at_end(self.id))
    };
    chunk.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
    let range = *position..*position + wanted;
    let (allowed, is_within_quota) = job
      .update_within_quota(|p, _| p.part_transmitted(record, number, &range));
    if allowed.is_err() {
      // Either the attempt is over, or there is no room for parts of this.
      let goes_on = job.inspect(|p| p.divisible(record, number).is_some());
      return Some(match goes_on {
        true => SegmentEnd::Refused,
        false => SegmentEnd::Done,
      });
    }
    if !is_within_quota {
      // It is the attempt's to find that out.
      job.update(|p, _| p.part_given_up(record, wanted));
      return Some(SegmentEnd::Failed);
    }
    room.received(wanted);
    *position += wanted;
    received.length += wanted;
    received.chunks.push(chunk);
    is_at_end.then_some(SegmentEnd::Done)
  }

  /// Returns whether all of it is written.
  async fn write(&self, from: u64, received: Received) -> bool {
    let Attempt { job, record, .. } = self.attempt;
    let length = received.length;
    if length == 0 {
      return true;
    }
    match self.writer.write(from, received.chunks).await {
      Ok(()) => {
        let extents = job.update(|p, actions| {
          p.part_written(record, from..from + length, actions);
          p.extents(record).clone()
        });
        record_progress(self.attempt, self.body, extents, length);
        true
      }
      Err(error) => {
        tracing::debug!(%error, "a segment cannot be written");
        job.update(|p, _| p.part_given_up(record, length));
        false
      }
    }
  }
}

fn failed(error: &NetworkError) -> SegmentEnd {
  tracing::debug!(%error, "a segment has failed");
  SegmentEnd::Failed
}
