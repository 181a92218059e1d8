//! [Complete a record](https://wicg.github.io/background-fetch/#complete-a-record-algorithm):
//! the response's stream, from its bytes to its end.

use super::Action;
use super::FetchMachine;
use super::Unavailability;
use super::complete_a_record::Head;
use super::complete_a_record::State;
use crate::spec::BackgroundFetchFailureReason;
use crate::spec::RecordResult;
use crate::spec::Unusable;

/// Why bytes may not be appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAppended {
  /// The attempt is over.
  Terminated,
  /// They cannot be right: the stream became errored.
  Wrong(Unusable),
}

/// How much of what was transmitted may be appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
  All,
  /// So many of the bytes, in front: what follows them is stored already, and
  /// the attempt has nothing more to bring. See
  /// [`FetchMachine::reached_extent`].
  UpToExtent(u64),
}

/// How a response's stream has ended that the transport ended in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndOfBody {
  /// With all the bytes that were announced.
  InOrder,
  /// Too early: as if the connection had broken.
  Interrupted(Unusable),
  /// With bytes that cannot be right.
  Wrong(Unusable),
}

impl FetchMachine {
  /// complete.11.response.6: bytes were transmitted from the response's
  /// stream. Returns which of them are wanted.
  ///
  /// # Errors
  ///
  /// Why they may not be appended. The stream has to be cancelled then.
  pub fn bytes_transmitted(
    &mut self,
    record: usize,
    attempt: u32,
    length: u64,
    actions: &mut Vec<Action>,
  ) -> Result<Wanted, NotAppended> {
    // complete.2: downloadTotal, or infinity when it is 0.
    let download_total = match self.background_fetch.download_total {
      0 => u64::MAX,
      total => total,
    };
    let in_flight = self.records[record].in_flight;
    let bytes = self.extents(record).prefix();
    let others = self.stored - bytes + self.in_flight - in_flight;
    let before_extent = self.before_extent(record, attempt);
    let Some(fetching) = self.fetching(record, attempt) else {
      return Err(NotAppended::Terminated);
    };
    let Some(head) = &fetching.head else {
      return Err(NotAppended::Terminated);
    };
    // Not a byte is stored that cannot be right: it could not be told from the
    // others after a restart.
    let received = fetching.appended.saturating_add(in_flight);
    if let Some(announced) = head.announced()
      && received.saturating_add(length) > announced
    {
      return Err(NotAppended::Wrong(Unusable::TooLong { announced }));
    }
    let wanted = match before_extent {
      Some(before) if before <= length => Wanted::UpToExtent(before),
      _ => Wanted::All,
    };
    let length = match wanted {
      Wanted::All => length,
      Wanted::UpToExtent(before) => before,
    };
    // complete.11.response.6.1: stored body bytes total plus the size of
    // bytes is greater than downloadTotal
    let end = fetching.position.saturating_add(in_flight + length);
    if others.saturating_add(bytes.max(end)) > download_total {
      // complete.11.response.6.1.1: Cancel the response's stream.
      actions.push(Action::Terminate { record, attempt });
      // complete.11.response.6.1.2: the result says that there was too much.
      let reason = BackgroundFetchFailureReason::DownloadTotalExceeded;
      self.fail(record, reason, actions);
      return Err(NotAppended::Terminated);
    }
    self.records[record].in_flight += length;
    self.in_flight += length;
    Ok(wanted)
  }

  /// Bytes that [`FetchMachine::bytes_transmitted`] allowed are appended. Those
  /// of an attempt that was terminated meanwhile count, too: they are there.
  pub fn bytes_appended(
    &mut self,
    record: usize,
    length: u64,
    actions: &mut Vec<Action>,
  ) {
    let state = &mut self.records[record];
    debug_assert!(state.in_flight >= length);
    state.in_flight -= length;
    let bytes = self.background_fetch.records[record].response_data.bytes();
    let mut from = bytes;
    if let State::Fetching(fetching) = &mut state.state
      && fetching.head.is_some()
    {
      // Before the end, when another part has come as far meanwhile.
      from = from.min(fetching.position);
      fetching.appended += length;
      fetching.position += length;
    }
    self.in_flight -= length;
    // complete.11.response.6.2: Append bytes to responseData's bytes.
    self.add_extent(record, from..from + length, actions);
    // complete.11.response.6.4: Update background fetch instances.
    actions.push(Action::UpdateInstances);
  }

  /// Appending failed: for want of space, or (when not `quota`) because the
  /// store is damaged.
  pub fn append_failed(
    &mut self,
    record: usize,
    attempt: u32,
    quota: bool,
    actions: &mut Vec<Action>,
  ) {
    if self.fetching(record, attempt).is_none() {
      return;
    }
    actions.push(Action::Terminate { record, attempt });
    // complete.11.response.6.3: without space the result is "quota-exceeded".
    let reason = if quota {
      BackgroundFetchFailureReason::QuotaExceeded
    } else {
      BackgroundFetchFailureReason::FetchError
    };
    self.fail(record, reason, actions);
  }

  /// What the end of the response's stream means, when all bytes are
  /// appended. Only one that is [`EndOfBody::InOrder`] is for
  /// [`FetchMachine::stream_done`]: with the others the stream became errored.
  pub fn end_of_body(&self, record: usize, attempt: u32) -> EndOfBody {
    let state = &self.records[record];
    let State::Fetching(fetching) = &state.state else {
      return EndOfBody::InOrder;
    };
    let (true, Some(head)) = (state.attempt == attempt, &fetching.head) else {
      return EndOfBody::InOrder;
    };
    let received = fetching.appended;
    if let Some(announced) = head.announced()
      && received < announced
    {
      let unusable = Unusable::TooShort {
        received,
        announced,
      };
      return EndOfBody::Interrupted(unusable);
    }
    match head {
      Head::Whole { .. } => EndOfBody::InOrder,
      Head::Partial { .. } => self.end_of_part(record),
    }
  }

  fn end_of_part(&self, record: usize) -> EndOfBody {
    let of = &self.background_fetch.records[record];
    let bytes = of.response_data.bytes();
    match self.complete_length(record) {
      Some(complete) if bytes == complete => EndOfBody::InOrder,
      Some(announced) if bytes > announced => {
        EndOfBody::Wrong(Unusable::TooLong { announced })
      }
      // What is not a GET is not asked for again at all.
      _ if !of.request.is_get() => EndOfBody::Wrong(Unusable::OnlyAPart),
      _ if !self.has_rest(record) => {
        EndOfBody::Interrupted(Unusable::OnlyAPart)
      }
      _ => EndOfBody::InOrder,
    }
  }

  /// complete.11.response.7: the bytes transmission is done normally, and all
  /// bytes are appended.
  pub fn stream_done(
    &mut self,
    record: usize,
    attempt: u32,
    actions: &mut Vec<Action>,
  ) {
    let is_in_order = self.end_of_body(record, attempt) == EndOfBody::InOrder;
    let Some(fetching) = self.fetching(record, attempt) else {
      return;
    };
    let Some(head) = fetching.head.clone() else {
      return;
    };
    if !is_in_order {
      self.fail(record, BackgroundFetchFailureReason::FetchError, actions);
      return;
    }
    let bytes = self.background_fetch.records[record].response_data.bytes();
    match head {
      // complete.11.response.7.1: If status is 206, then:
      Head::Partial { .. } => {
        // complete.11.response.7.1.1: the values are in the head.
        // complete.11.response.7.1.2: complete, so "success". *Main fetch* has
        // seen none of the other parts, so they are not verified.
        if self.complete_length(record) == Some(bytes) {
          self.verify(record, actions);
        } else {
          // complete.15: result is the empty string: the rest is missing.
          self.complete_a_record(record, actions);
        }
      }
      // complete.11.response.7.2: a whole response that is not ok:
      // "bad-status".
      Head::Whole { ok: false, .. } => {
        self.fail(record, BackgroundFetchFailureReason::BadStatus, actions);
      }
      // Deviation E15: a part that is the whole.
      Head::Whole {
        verified: false, ..
      } => self.verify(record, actions),
      // complete.11.response.7.3: Otherwise, the record is a "success".
      Head::Whole { .. } => {
        self.complete(record, RecordResult::Success, actions);
      }
    }
    // complete.11.response.7.4: each branch has ended the attempt.
  }

  /// complete.11.response.8: the stream became errored, and all bytes that came
  /// before are appended.
  pub fn stream_errored(
    &mut self,
    record: usize,
    attempt: u32,
    unavailability: Unavailability,
    actions: &mut Vec<Action>,
  ) {
    if self.fetching(record, attempt).is_none() {
      return;
    }
    // complete.11.response.8.1: temporarily unavailable, and a GET
    if !self.wait_until_available(record, unavailability, actions) {
      // complete.11.response.8.2: Otherwise, the record is a "fetch-error".
      self.fail(record, BackgroundFetchFailureReason::FetchError, actions);
    }
  }

  /// The resource is no longer temporarily unavailable.
  pub fn available(
    &mut self,
    record: usize,
    attempt: u32,
    actions: &mut Vec<Action>,
  ) {
    let state = &self.records[record];
    if state.attempt == attempt && matches!(state.state, State::Unavailable) {
      // complete.15: complete a record again.
      self.complete_a_record(record, actions);
    }
  }
}
