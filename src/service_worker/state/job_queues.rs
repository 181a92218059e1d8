//! [Jobs](https://w3c.github.io/ServiceWorker/#dfn-job) and their queues, as a
//! value: what runs next, and which callers wait for it.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use url::Url;

use crate::service_worker::environment::WorkerEnvironment;
use crate::service_worker::model::message::JobCaller;
use crate::service_worker::model::script::UpdateViaCache;
use crate::service_worker::model::script::WorkerType;

/// [A job's type](https://w3c.github.io/ServiceWorker/#dfn-job-type), with what
/// only that type has.
#[derive(Clone)]
pub(crate) enum JobType {
  Register {
    script_url: Url,
    worker_type: WorkerType,
    update_via_cache: UpdateViaCache,
  },
  Update {
    script_url: Url,
    worker_type: WorkerType,
  },
  Unregister,
}

/// A job.
#[derive(Clone)]
pub(crate) struct Job {
  pub(crate) job_type: JobType,
  pub(crate) scope: Url,
  /// The job's client: what a worker inherits of it, and its URL.
  pub(crate) environment: WorkerEnvironment,
  /// The callers that wait for the job's promise, and for those of the
  /// [equivalent jobs](https://w3c.github.io/ServiceWorker/#dfn-job-list-of-equivalent-jobs).
  pub(crate) callers: Vec<JobCaller>,
}

impl Job {
  /// [Whether two jobs are equivalent](https://w3c.github.io/ServiceWorker/#dfn-job-equivalent)
  fn is_equivalent_to(&self, other: &Self) -> bool {
    use JobType::*;
    self.scope == other.scope
      && match (&self.job_type, &other.job_type) {
        (
          Register {
            script_url: a,
            worker_type: a_type,
            update_via_cache: a_cache,
          },
          Register {
            script_url: b,
            worker_type: b_type,
            update_via_cache: b_cache,
          },
        ) => a == b && a_type == b_type && a_cache == b_cache,
        (
          Update {
            script_url: a,
            worker_type: a_type,
          },
          Update {
            script_url: b,
            worker_type: b_type,
          },
        ) => a == b && a_type == b_type,
        (Unregister, Unregister) => true,
        _ => false,
      }
  }
}

/// The [scope to job queue map](https://w3c.github.io/ServiceWorker/#dfn-scope-to-job-queue-map).
#[derive(Default)]
pub(crate) struct JobQueues(BTreeMap<Url, VecDeque<Queued>>);

struct Queued {
  job: Job,
  /// The promise is resolved or rejected.
  settled: bool,
}

impl JobQueues {
  /// [Schedule Job](https://w3c.github.io/ServiceWorker/#schedule-job).
  /// Whether the queue has to be run now.
  pub(crate) fn schedule_job(&mut self, job: Job) -> bool {
    // Steps 1 to 4: the queue of the job's scope, or a new one.
    let queue = self.0.entry(job.scope.clone()).or_default();
    // Step 6: the last job of the queue, if it is equivalent and its promise
    // is not settled, takes this one in.
    if let Some(last) = queue.back_mut()
      && !last.settled
      && last.job.is_equivalent_to(&job)
    {
      last.job.callers.extend(job.callers);
      return false;
    }
    let settled = false;
    queue.push_back(Queued { job, settled });
    // Step 5: if it was empty, run it.
    queue.len() == 1
  }

  /// Whether any job waits or runs.
  pub(crate) fn any(&self) -> bool {
    !self.0.is_empty()
  }

  /// [Run Job](https://w3c.github.io/ServiceWorker/#run-job): the first one.
  pub(crate) fn first(&self, scope: &Url) -> Option<Job> {
    Some(self.0.get(scope)?.front()?.job.clone())
  }

  /// [Resolve Job Promise](https://w3c.github.io/ServiceWorker/#resolve-job-promise)
  /// and [Reject Job Promise](https://w3c.github.io/ServiceWorker/#reject-job-promise)
  /// of the job that runs: the callers to notify.
  pub(crate) fn settle(&mut self, scope: &Url) -> Vec<JobCaller> {
    let running = self.0.get_mut(scope).and_then(|queue| queue.front_mut());
    match running {
      Some(running) => {
        running.settled = true;
        std::mem::take(&mut running.job.callers)
      }
      None => Vec::new(),
    }
  }

  /// [Finish Job](https://w3c.github.io/ServiceWorker/#finish-job).
  pub(crate) fn finish_job(&mut self, scope: &Url) {
    if let Some(queue) = self.0.get_mut(scope) {
      queue.pop_front();
      if queue.is_empty() {
        self.0.remove(scope);
      }
    }
  }
}

#[cfg(test)]
mod tests {
  use super::*;
  use crate::network::ClientEnvironment;
  use crate::network::NetworkPolicy;
  use crate::service_worker::model::message::Caller;

  fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
  }

  fn job(job_type: JobType, call: u32) -> Job {
    Job {
      job_type,
      scope: url("https://a.test/"),
      environment: WorkerEnvironment {
        client: ClientEnvironment::new(
          url("https://a.test/page"),
          NetworkPolicy::Browser,
        ),
        net_check: None,
        net_check_lost: false,
        embedder_data: None,
      },
      callers: vec![JobCaller::Script(Caller { realm: 1, call })],
    }
  }

  fn register(script: &str) -> JobType {
    JobType::Register {
      script_url: url(script),
      worker_type: WorkerType::Classic,
      update_via_cache: UpdateViaCache::Imports,
    }
  }

  fn calls(callers: Vec<JobCaller>) -> Vec<u32> {
    let call = |caller| match caller {
      JobCaller::Script(caller) => caller.call,
      JobCaller::Embedder(_) => unreachable!(),
    };
    callers.into_iter().map(call).collect()
  }

  #[test]
  fn one_job_of_a_scope_runs_after_the_other() {
    let mut queues = JobQueues::default();
    let scope = url("https://a.test/");
    assert!(queues.schedule_job(job(register("https://a.test/1.js"), 1)));
    assert!(!queues.schedule_job(job(JobType::Unregister, 2)));
    assert!(!queues.schedule_job(job(register("https://a.test/1.js"), 3)));
    for call in 1..=3 {
      assert!(queues.first(&scope).is_some());
      assert_eq!(calls(queues.settle(&scope)), [call]);
      queues.finish_job(&scope);
    }
    assert!(queues.first(&scope).is_none());
    assert!(queues.schedule_job(job(JobType::Unregister, 4)));
  }

  #[test]
  fn an_equivalent_job_is_answered_with_the_last_one_while_that_is_open() {
    let mut queues = JobQueues::default();
    let scope = url("https://a.test/");
    assert!(queues.schedule_job(job(register("https://a.test/1.js"), 1)));
    assert!(!queues.schedule_job(job(register("https://a.test/1.js"), 2)));
    assert!(!queues.schedule_job(job(register("https://a.test/2.js"), 3)));
    assert_eq!(calls(queues.settle(&scope)), [1, 2]);
    queues.finish_job(&scope);
    assert_eq!(calls(queues.settle(&scope)), [3]);
    // Its promise is settled: this one is a job of its own.
    assert!(!queues.schedule_job(job(register("https://a.test/2.js"), 4)));
    queues.finish_job(&scope);
    assert_eq!(calls(queues.settle(&scope)), [4]);
  }
}
