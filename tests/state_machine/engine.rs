//! The tasks of an engine, one move at a time: what a real one tells the
//! machine, in every order in which it may come.

use background_fetch::spec::BackgroundFetchFailureReason;
use background_fetch::spec::Decision;
use background_fetch::spec::EndOfBody;
use background_fetch::spec::NotAppended;
use background_fetch::spec::ResumePolicy;
use background_fetch::spec::Unavailability;

use crate::dice::Dice;
use crate::model::Stage;
use crate::model::Stream;
use crate::server::Reply;
use crate::server::Validator;
use crate::world::World;

impl World {
  /// The first task of the record makes a move.
  pub fn advance(&mut self, record: usize, dice: &mut Dice) {
    let Some(task) = self.models[record].tasks.front() else {
      let is_match = dice.roll(8) < 7;
      return self.available(record, is_match);
    };
    let attempt = task.attempt;
    // It notices that it was terminated, and drops what it has received.
    if task.terminated && dice.roll(3) == 0 {
      return self.end_task(record);
    }
    let start = match &task.stage {
      Stage::Queued => return self.start(record, attempt),
      Stage::Streaming(_) => return self.stream(record, attempt, dice),
      Stage::Started(start) => start.clone(),
    };
    match dice.roll(16) {
      0..8 => {
        let reply = self.models[record].resource.answer(&start, dice);
        self.respond(record, attempt, reply, unavailability(false));
      }
      8..13 => {
        let reply = self.models[record].resource.misanswer(&start, dice);
        let how = unavailability(dice.roll(4) == 3);
        self.respond(record, attempt, reply, how);
      }
      13 => self.upload(record, attempt, 0),
      error => {
        let final_ = error == 15;
        let aborted = final_ && dice.roll(4) == 3;
        self.let_go(record, attempt);
        self.update(|p, a| {
          let how = unavailability(final_);
          p.process_network_error(record, attempt, aborted, how, a)
        });
        self.end_task(record);
      }
    }
  }

  /// The same, when nothing gets in the way.
  pub fn advance_fairly(&mut self, record: usize) {
    let Some(task) = self.models[record].tasks.front() else {
      return self.available(record, true);
    };
    let (attempt, pending) = (task.attempt, task.pending());
    if task.terminated {
      return self.end_task(record);
    }
    match &task.stage {
      Stage::Queued => self.start(record, attempt),
      Stage::Started(start) => {
        let resource = &self.models[record].resource;
        let reply = resource.answer(start, &mut Dice(0));
        self.respond(record, attempt, reply, unavailability(false));
      }
      Stage::Streaming(_) if pending > 0 => self.append(record, pending),
      Stage::Streaming(stream) if stream.closed => self.end_task(record),
      Stage::Streaming(stream) => {
        match stream.reply.length.saturating_sub(stream.received) {
          0 => self.end(record, attempt, unavailability(false)),
          rest => self.receive(record, attempt, rest),
        }
      }
    }
  }

  fn stream(&mut self, record: usize, attempt: u32, dice: &mut Dice) {
    let Some(stream) = self.models[record].stream() else {
      return;
    };
    let pending = stream.received - stream.appended;
    let rest = stream.reply.length.saturating_sub(stream.received);
    match dice.roll(16) {
      0..7 if rest > 0 && !stream.closed => {
        let length = 1 + dice.roll(rest);
        self.receive(record, attempt, length);
      }
      0..13 if pending > 0 => self.append(record, 1 + dice.roll(pending)),
      13 => {
        self.let_go(record, attempt);
        let quota = dice.roll(2) == 0;
        self.update(|p, a| p.append_failed(record, attempt, quota, a));
        self.end_task(record);
      }
      // All that came before is appended when the end is told.
      _ if pending > 0 => self.append(record, pending),
      _ if stream.closed => self.end_task(record),
      14 | 15 => {
        let how = unavailability(dice.roll(4) == 3);
        self.broken(record, attempt, how);
      }
      _ => {
        let how = unavailability(dice.roll(4) == 3);
        self.end(record, attempt, how);
      }
    }
  }

  /// The transport has ended the body in order.
  fn end(&mut self, record: usize, attempt: u32, how: Unavailability) {
    let Some(stream) = self.models[record].stream() else {
      return;
    };
    // A body whose end cannot be told from its middle.
    let response = &stream.reply.response;
    let length = response.headers.contains("content-length");
    let told = response.status == 206 || length && !response.decoded;
    stream.reply.honest &= told || stream.received == stream.reply.whole;
    let honest = stream.reply.honest;
    self.models[record].stored.dishonest |= !honest;
    match self.machine.end_of_body(record, attempt) {
      EndOfBody::InOrder => self.done(record, attempt),
      EndOfBody::Interrupted(_) => self.broken(record, attempt, how),
      EndOfBody::Wrong(_) => {
        self.broken(record, attempt, Unavailability::Final);
      }
    }
  }

  fn broken(&mut self, record: usize, attempt: u32, how: Unavailability) {
    self.let_go(record, attempt);
    self.update(|p, a| p.stream_errored(record, attempt, how, a));
    self.end_task(record);
  }

  fn available(&mut self, record: usize, is_match: bool) {
    if let Some(attempt) = self.models[record].verifying.take() {
      self.update(|p, a| p.verified(record, attempt, is_match, a));
    }
    if let Some(attempt) = self.models[record].waiting.take() {
      self.update(|p, a| p.available(record, attempt, a));
    }
  }

  fn start(&mut self, record: usize, attempt: u32) {
    let model = &mut self.models[record];
    let live = model.live == Some(attempt);
    let start = self.machine.start_fetch(record, attempt);
    assert_eq!(start.is_some(), live, "whether an attempt may start");
    let Some(start) = start else {
      model.tasks.pop_front();
      return;
    };
    let range_start = start.range_start;
    assert!(range_start == 0 || range_start == model.stored.bytes);
    assert!(range_start > 0 || start.validator.is_none());
    if let Some(task) = model.tasks.front_mut() {
      task.stage = Stage::Started(start);
    }
  }

  fn respond(
    &mut self,
    record: usize,
    attempt: u32,
    reply: Reply,
    how: Unavailability,
  ) {
    let verdict = self.machine.judge(record, attempt, &reply.response);
    let data = &self.now().records[record].response_data;
    let named = data.response.as_ref().is_some_and(|response| {
      let mut names = ["etag", "last-modified"].iter();
      response.is_ok() && names.any(|name| response.headers.contains(name))
    });
    let model = &mut self.models[record];
    let stored = model.stored.clone();
    assert_eq!(verdict.is_some(), model.live == Some(attempt));
    if verdict.is_some() && !reply.honest {
      model.stored.dishonest = true;
    }
    if let Some(Decision::AskForTheWhole(_)) = verdict {
      let most = model.most.max(stored.bytes);
      let at = model.begun_again_at.replace(most);
      assert!(at.is_none_or(|at| most > at), "it begins again and again");
    }
    if let Some(Decision::Interrupted(unusable)) = verdict {
      self.let_go(record, attempt);
      self.update(|p, a| {
        p.process_unusable_response(record, attempt, &unusable, how, a)
      });
      let kept = self.models[record].stored.bytes;
      assert_eq!(kept, stored.bytes, "bytes are lost to a page");
      return self.end_task(record);
    }
    let response = reply.response.clone();
    self.update(|p, a| p.process_response(record, attempt, response, a));
    let model = &mut self.models[record];
    if reply.stranger && named {
      assert_eq!(model.stored.bytes, stored.bytes, "bytes are lost to a page");
    }
    if model.live == Some(attempt) {
      // What was stored before may be gone now.
      model.stored.dishonest |= !reply.honest;
      if model.stored.bytes == 0 {
        model.stored.whole = reply.whole;
      }
    }
    if let Some(task) = model.tasks.front_mut() {
      task.stage = Stage::Streaming(Stream {
        reply,
        received: 0,
        appended: 0,
        closed: false,
      });
    }
  }

  fn receive(&mut self, record: usize, attempt: u32, length: u64) {
    let pending: u64 = self.models.iter().map(|m| m.pending()).sum();
    let total = self.machine.stored_body_bytes_total() + pending + length;
    let limit = self.now().download_total;
    let fits = limit == 0 || total <= limit;
    let live = self.models[record].live == Some(attempt);
    let answer =
      self.update(|p, a| p.bytes_transmitted(record, attempt, length, a));
    let allowed = answer.is_ok();
    assert!(live || !allowed, "bytes of an old attempt are appended");
    if let Err(NotAppended::Wrong(_)) = answer {
      return self.broken(record, attempt, Unavailability::Final);
    }
    assert_eq!(allowed, live && fits, "whether bytes may be appended");
    if let Some(stream) = self.models[record].stream() {
      stream.received += if allowed { length } else { 0 };
      stream.closed |= !allowed;
    }
  }

  /// The store has some of the bytes that were received, perhaps late.
  fn append(&mut self, record: usize, length: u64) {
    let may_mix = self.policy == ResumePolicy::SameLength;
    let model = &mut self.models[record];
    let strong = matches!(
      model.resource.validator,
      Validator::StrongEtag | Validator::Date
    );
    let stored = model.stored.clone();
    let Some(stream) = model.stream() else { return };
    let position = stream.reply.start.map(|start| start + stream.appended);
    assert_eq!(position, Some(stored.bytes), "a gap, or a byte twice");
    let version = stream.reply.version;
    let same = stored.bytes == 0 || stored.version == version;
    assert!(same || may_mix && !strong, "bytes of two versions");
    stream.appended += length;
    model.stored.bytes += length;
    model.most = model.most.max(model.stored.bytes);
    model.stored.version = version;
    // Two versions that cannot be told apart.
    model.stored.dishonest |= !same;
    self.update(|p, a| p.bytes_appended(record, length, a));
  }

  fn done(&mut self, record: usize, attempt: u32) {
    self.let_go(record, attempt);
    self.update(|p, a| p.stream_done(record, attempt, a));
    self.end_task(record);
  }

  /// The attempt's fetch ends by itself.
  fn let_go(&mut self, record: usize, attempt: u32) {
    let model = &mut self.models[record];
    if model.live == Some(attempt) {
      model.live = None;
    }
  }

  fn end_task(&mut self, record: usize) {
    let task = self.models[record].tasks.pop_front();
    // One that never started has nothing to be over.
    if task.is_some_and(|task| !matches!(task.stage, Stage::Queued)) {
      self.update(|p, _| p.end_attempt(record));
    }
  }

  /// Someone speaks of an attempt that is not under way: nothing changes.
  pub fn poke(&mut self, record: usize, dice: &mut Dice) {
    let model = &self.models[record];
    let attempt = dice.roll(u64::from(model.latest) + 2) as u32;
    if [model.live, model.verifying].contains(&Some(attempt)) {
      return;
    }
    let waited_for = model.waiting == Some(attempt);
    let reply = model.resource.answer(
      &background_fetch::spec::FetchStart {
        range_start: 0,
        validator: None,
        identity: false,
      },
      dice,
    );
    let before = self.now().clone();
    let mut actions = Vec::new();
    let (p, a) = (&mut self.machine, &mut actions);
    match dice.roll(11) {
      9 => assert_eq!(p.judge(record, attempt, &reply.response), None),
      10 => p.verified(record, attempt, false, a),
      0 => p.process_response(record, attempt, reply.response, a),
      1 => assert!(p.bytes_transmitted(record, attempt, 1, a).is_err()),
      2 => p.stream_done(record, attempt, a),
      3 => p.stream_errored(record, attempt, Unavailability::Temporary, a),
      4 => p.append_failed(record, attempt, true, a),
      5 => p.process_request_body(record, attempt, 9, a),
      6 if !waited_for => p.available(record, attempt, a),
      7 => assert_eq!(p.start_fetch(record, attempt), None),
      _ => {
        let how = Unavailability::Final;
        p.process_network_error(record, attempt, false, how, a)
      }
    }
    assert_eq!(actions, [], "what is said of an old attempt");
    assert_eq!(*self.now(), before, "what is said of an old attempt");
  }

  /// The store has lost what it had.
  pub fn lose_bytes(&mut self, record: usize) {
    let reason = BackgroundFetchFailureReason::FetchError;
    self.losing = Some(record);
    self.update(|p, a| p.bytes_lost(record, reason, a));
    self.losing = None;
  }
}

fn unavailability(is_final: bool) -> Unavailability {
  match is_final {
    true => Unavailability::Final,
    false => Unavailability::Temporary,
  }
}
