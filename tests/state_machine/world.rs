//! The machine with everything around it, and the laws that hold after every
//! input.

use std::sync::Arc;

use background_fetch::spec::Action;
use background_fetch::spec::BackgroundFetch;
use background_fetch::spec::BackgroundFetchFailureReason as Reason;
use background_fetch::spec::BackgroundFetchRecord;
use background_fetch::spec::BackgroundFetchResponse;
use background_fetch::spec::BackgroundFetchResult;
use background_fetch::spec::Extents;
use background_fetch::spec::FetchMachine;
use background_fetch::spec::FunctionalEvent;
use background_fetch::spec::RecordResult;
use background_fetch::spec::Request;
use background_fetch::spec::ResumePolicy;
use background_fetch::spec::may_be_exposed;

use crate::dice::Dice;
use crate::model::Model;
use crate::model::Stage;
use crate::model::Stored;
use crate::model::Task;
use crate::server::Resource;

pub struct World {
  pub machine: FetchMachine,
  pub models: Vec<Model>,
  pub policy: ResumePolicy,
  /// `Settle` was asked for in this life.
  pub settle_asked: bool,
  pub settled: bool,
  /// `abort()` has answered true.
  pub aborted: bool,
  /// The record that the store is losing bytes of at this moment: only then
  /// may what was complete become a failure.
  pub losing: Option<usize>,
  uploaded: u64,
  /// What the failure reason may be: the first failure's; of a restored run,
  /// that of any record that had failed already.
  reasons: Vec<Reason>,
  actions: Vec<Action>,
}

impl World {
  pub fn new(dice: &mut Dice) -> Self {
    let count = 1 + dice.roll(3);
    let models: Vec<Model> = (0..count)
      .map(|_| {
        let is_get = dice.roll(4) < 3;
        Model::new(Resource::new(dice), is_get)
      })
      .collect();
    let records = models.iter().map(|model| BackgroundFetchRecord {
      request: Arc::new(Request {
        method: if model.is_get { "GET" } else { "POST" }.to_string(),
        ..Request::get("https://a.test/".parse().unwrap())
      }),
      response_data: BackgroundFetchResponse::default(),
    });
    let mut world = Self {
      policy: match dice.roll(4) {
        3 => ResumePolicy::SameLength,
        _ => ResumePolicy::Validator,
      },
      machine: FetchMachine::new(BackgroundFetch {
        download_total: if dice.roll(3) == 2 {
          1 + dice.roll(60)
        } else {
          0
        },
        paused: dice.roll(8) == 7,
        ..BackgroundFetch::new("id".into(), records.collect())
      }),
      models,
      settle_asked: false,
      settled: false,
      losing: None,
      aborted: false,
      uploaded: 0,
      reasons: Vec::new(),
      actions: Vec::new(),
    };
    world.machine.set_resume_policy(world.policy);
    world.update(|p, a| p.begin(a));
    world
  }

  pub fn now(&self) -> &BackgroundFetch {
    self.machine.background_fetch()
  }

  /// Tells the machine something, does what it answers, and checks the laws.
  pub fn update<T>(
    &mut self,
    what: impl FnOnce(&mut FetchMachine, &mut Vec<Action>) -> T,
  ) -> T {
    let mut actions = std::mem::take(&mut self.actions);
    let answer = what(&mut self.machine, &mut actions);
    for action in actions.drain(..) {
      self.obey(action);
    }
    self.actions = actions;
    self.check();
    answer
  }

  fn obey(&mut self, action: Action) {
    // Late bytes tell the instances, which know that it is over.
    let harmless = action == Action::UpdateInstances;
    assert!(harmless || !self.settled, "{action:?} after it has settled");
    match action {
      Action::Fetch { record, attempt } => self.fetch(record, attempt),
      Action::Terminate { record, attempt } => {
        let model = &mut self.models[record];
        assert_eq!(attempt, model.latest, "an old attempt is terminated");
        model.live = None;
        model.verifying = None;
        for task in &mut model.tasks {
          task.terminated |= task.attempt == attempt;
        }
      }
      Action::Verify { record, attempt } => self.verify(record, attempt),
      Action::WaitUntilAvailable { record, attempt } => {
        let model = &mut self.models[record];
        assert!(model.is_get, "a POST is going to be repeated");
        assert!(model.result.is_none() && attempt == model.latest);
        model.waiting = Some(attempt);
      }
      Action::NewResponseData { record } => {
        self.models[record].stored = Stored::default();
      }
      Action::Response { record } => {
        let data = &self.now().records[record].response_data;
        assert!(data.response.is_some(), "a response that is not there");
      }
      Action::Complete { record, result } => self.complete(record, result),
      Action::UpdateInstances => {}
      Action::Settle => {
        assert!(!self.settle_asked, "it settles twice");
        self.settle_asked = true;
      }
    }
  }

  fn fetch(&mut self, record: usize, attempt: u32) {
    assert!(!self.now().paused, "a fetch while paused");
    assert!(!self.now().abort_all, "a fetch of what is aborted");
    let model = &mut self.models[record];
    assert_eq!(model.result, None, "a fetch of what is complete");
    assert_eq!(model.live, None, "two fetches at once");
    assert!(attempt > model.latest, "an attempt's number comes again");
    assert!(model.is_get || model.latest == 0, "a POST is repeated");
    model.latest = attempt;
    model.live = Some(attempt);
    model.waiting = None;
    model.tasks.push_back(Task {
      attempt,
      terminated: false,
      stage: Stage::Queued,
    });
  }

  fn verify(&mut self, record: usize, attempt: u32) {
    assert!(!self.now().paused, "verified while paused");
    let model = &mut self.models[record];
    assert_eq!(model.result, None, "what is complete is verified");
    assert_eq!(model.live, None, "verified while more comes");
    assert!(attempt >= model.latest, "an attempt's number comes again");
    model.latest = attempt;
    model.waiting = None;
    model.verifying = Some(attempt);
  }

  fn complete(&mut self, record: usize, result: RecordResult) {
    let data = self.now().records[record].response_data.clone();
    let model = &mut self.models[record];
    model.verifying = None;
    let before = may_be_exposed(model.result, data.response.as_ref());
    let is_lost = self.losing == Some(record)
      && before
      && matches!(result, RecordResult::Failure(_));
    assert!(model.result.is_none() || is_lost, "a result is not final");
    model.result = Some(result);
    match result {
      RecordResult::Redundant => panic!("a record ends as redundant"),
      RecordResult::Success => {
        let Stored {
          bytes,
          whole,
          dishonest,
          ..
        } = model.stored;
        assert!(
          dishonest || bytes == whole,
          "a success of {bytes} bytes: {:?}",
          model.resource,
        );
      }
      RecordResult::Failure(reason) => {
        if self.reasons.is_empty() {
          self.reasons.push(reason);
        }
      }
    }
  }

  fn check(&self) {
    let now = self.machine.background_fetch();
    for (model, record) in self.models.iter().zip(&now.records) {
      assert_eq!(record.response_data.result, model.result, "the results");
      assert_eq!(
        record.response_data.bytes(),
        model.stored.bytes,
        "the bytes"
      );
      let idle = model.live.is_none();
      assert!(
        idle || model.result.is_none(),
        "a fetch outlives its record"
      );
    }
    let stored = now.stored_body_bytes_total();
    assert_eq!(self.machine.stored_body_bytes_total(), stored);
    let total = now.download_total;
    assert!(total == 0 || stored <= total, "{stored} bytes of {total}");
    assert_eq!(now.uploaded, self.uploaded, "the bytes that were sent");
    let complete = self.models.iter().all(|m| m.result.is_some());
    assert_eq!(self.settle_asked, complete, "when it asks to be settled");
    assert_eq!(now.result != BackgroundFetchResult::None, self.settled);
  }

  /// The body of a request is on its way.
  pub fn upload(&mut self, record: usize, attempt: u32, transmitted: u64) {
    if self.models[record].live == Some(attempt) {
      // A model's request is sent once and tells of it once.
      self.uploaded += transmitted;
    }
    self.update(|p, a| p.process_request_body(record, attempt, transmitted, a));
  }

  /// The user pauses, or the embedder.
  pub fn pause(&mut self) {
    let repeats = self.models.iter().any(|m| !m.is_get && m.latest > 0);
    let may = !self.settle_asked && !self.now().paused && !repeats;
    assert_eq!(self.update(|p, a| p.pause(a)), may, "pause()");
    assert!(!may || self.models.iter().all(|m| m.live.is_none()));
  }

  pub fn unpause(&mut self) {
    let may = !self.settle_asked && self.now().paused;
    assert_eq!(self.update(|p, a| p.unpause(a)), may, "unpause()");
  }

  /// A script calls `abort()`.
  pub fn abort(&mut self) {
    if !self.aborted && !self.settled {
      self.aborted = true;
      self.update(|p, a| p.abort_all(a));
      assert!(self.models.iter().all(|m| m.result.is_some()));
    }
  }

  /// What is enqueued to the edit queue comes to its turn.
  pub fn settle(&mut self) {
    if !self.settle_asked || self.settled {
      return;
    }
    self.settled = true;
    let was_active = !self.aborted;
    let event = self.update(|p, _| p.settle(was_active));
    let now = self.now();
    let success = |m: &Model| matches!(m.result, Some(RecordResult::Success));
    let whole = was_active && self.models.iter().all(success);
    assert_eq!(now.result == BackgroundFetchResult::Success, whole);
    let reason = now.failure_reason;
    match (was_active, whole) {
      (false, _) => assert_eq!(reason, Reason::Aborted),
      (true, true) => assert_eq!(reason, Reason::None),
      (true, false) => assert!(
        self.reasons.contains(&reason),
        "{reason:?} is not of {:?}",
        self.reasons
      ),
    }
    let expected = match reason {
      Reason::None => FunctionalEvent::Success,
      Reason::Aborted => FunctionalEvent::Abort,
      _ => FunctionalEvent::Fail,
    };
    assert_eq!(event, expected);
  }

  /// The process dies, and another one continues with what was durable.
  pub fn restart(&mut self, dice: &mut Dice) {
    if self.settled {
      return;
    }
    let mut durable = self.now().clone();
    if !self.aborted && dice.roll(2) == 0 {
      durable.abort_all = false;
    }
    for (model, record) in self.models.iter_mut().zip(&mut durable.records) {
      model.die();
      let data = &mut record.response_data;
      if dice.roll(4) == 3 {
        data.result = None;
      }
      if data.result.is_none() {
        match dice.roll(4) {
          0 => {
            let kept = data.bytes() - dice.roll(data.bytes() + 1);
            data.extents = Extents::prefix_of(kept);
          }
          1 => *data = BackgroundFetchResponse::default(),
          _ => {}
        }
      }
      model.result = data.result;
      model.stored.bytes = data.bytes();
    }
    let failures = self.models.iter().filter_map(|m| match m.result {
      Some(RecordResult::Failure(reason)) => Some(reason),
      _ => None,
    });
    self.reasons = failures.collect();
    // Nothing is aborted by itself: an abort is the consequence of another
    // failure, where there is one.
    if self.reasons.iter().any(|r| *r != Reason::Aborted) {
      self.reasons.retain(|r| *r != Reason::Aborted);
    }
    self.settle_asked = false;
    self.machine = FetchMachine::new(durable);
    self.machine.set_resume_policy(self.policy);
    self.update(|p, a| p.begin(a));
  }
}
