//! What a command wants of the whole process that fetches for it.

use std::collections::BTreeMap;
use std::path::Path;

use background_fetch::engine::RetryStatuses;
use serde::Deserialize;
use serde::Serialize;

use crate::arguments::EngineOptions;
use crate::arguments::Resuming;

/// The environment's proxies.
const PROXIES: [&str; 8] = [
  "http_proxy",
  "https_proxy",
  "all_proxy",
  "no_proxy",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "ALL_PROXY",
  "NO_PROXY",
];

/// The options of a command that hold for a process: with their names, and
/// only those that are not as they are by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
  /// What has to be the same, for it decides who is asked, who is trusted and
  /// what counts as a failure.
  exact: BTreeMap<String, String>,
  /// What only a command minds that has set it.
  limits: BTreeMap<String, String>,
}

impl Terms {
  pub fn of(options: &EngineOptions, max_per_host: Option<u32>) -> Self {
    let mut this = Self::default();
    this.exact(options);
    this.limits(options, max_per_host);
    this
  }

  fn exact(&mut self, options: &EngineOptions) {
    let mut set = |name: &str, value: Option<String>| {
      self
        .exact
        .extend(value.map(|value| (name.to_string(), value)));
    };
    let proxy = options.network.proxy.clone().or_else(environment);
    set("--proxy", proxy);
    let tls = &options.network.tls;
    let files: Vec<_> = tls.cacert.iter().map(|file| absolute(file)).collect();
    set("--cacert", (!files.is_empty()).then(|| files.join("\n")));
    set("--insecure", tls.insecure.then(String::new));
    set("--cert", tls.cert.as_deref().map(absolute));
    set("--key", tls.key.as_deref().map(absolute));
    set("--user-agent", options.network.user_agent.clone());
    let is_default = matches!(options.resume, Resuming::Validator);
    set("--resume", (!is_default).then(String::new));
    set("--retries", options.retries.map(|n| n.to_string()));
    let timeout = options.offline_timeout.map(|n| n.to_string());
    set("--offline-timeout", timeout);
    set(
      "--retry-statuses",
      match &options.retry_statuses {
        None | Some(RetryStatuses::Programs | RetryStatuses::Downloads) => None,
        Some(others) => Some(format!("{others:?}")),
      },
    );
  }

  fn limits(&mut self, options: &EngineOptions, max_per_host: Option<u32>) {
    let mut set = |name: &str, value: Option<String>| {
      self
        .limits
        .extend(value.map(|value| (name.to_string(), value)));
    };
    let number = |n: Option<u32>| n.map(|n| n.to_string());
    set("--limit-rate", options.limit_rate.map(|n| n.to_string()));
    set("--max-concurrent", number(options.max_concurrent));
    set("--max-per-host", number(max_per_host));
    set("--connect-timeout", number(options.network.connect_timeout));
    set("--idle-timeout", number(options.network.idle_timeout));
    set("--retention", number(options.retention));
    let parts = (options.split > 1).then(|| options.split.to_string());
    set("--split", parts);
    let smallest = options.min_split_size;
    set("--min-split-size", smallest.map(|n| n.to_string()));
  }

  /// The options in which a process with these terms does not do what a
  /// command with `wanted` wants.
  pub fn unmet<'a>(&'a self, wanted: &'a Self) -> Vec<&'a str> {
    let names = self.exact.keys().chain(wanted.exact.keys());
    let mut unmet: Vec<&str> = names
      .filter(|name| self.exact.get(*name) != wanted.exact.get(*name))
      .map(String::as_str)
      .collect();
    let limits = wanted.limits.iter();
    let others = limits.filter(|(n, value)| self.limits.get(*n) != Some(value));
    unmet.extend(others.map(|(name, _)| name.as_str()));
    unmet.sort_unstable();
    unmet.dedup();
    unmet
  }
}

fn environment() -> Option<String> {
  let set = |name| Some(format!("{name}={}", std::env::var(name).ok()?));
  let set: Vec<_> = PROXIES.into_iter().filter_map(set).collect();
  (!set.is_empty()).then(|| set.join("\n"))
}

fn absolute(file: &Path) -> String {
  let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
  file.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
  use super::*;

  fn options(set: impl Fn(&mut EngineOptions)) -> Terms {
    let mut options = EngineOptions::default();
    options.network.proxy = Some("direct".to_string());
    set(&mut options);
    Terms::of(&options, None)
  }

  #[test]
  fn what_decides_about_trust_has_to_be_the_same_on_both_sides() {
    let plain = options(|_| {});
    let insecure = options(|options| options.network.tls.insecure = true);
    assert_eq!(plain.unmet(&plain), [""; 0]);
    assert_eq!(insecure.unmet(&insecure), [""; 0]);
    assert_eq!(plain.unmet(&insecure), ["--insecure"]);
    assert_eq!(insecure.unmet(&plain), ["--insecure"]);
  }

  #[test]
  fn a_limit_matters_to_the_command_that_has_set_it() {
    let plain = options(|_| {});
    let slow = options(|options| options.limit_rate = 1.try_into().ok());
    assert_eq!(plain.unmet(&slow), ["--limit-rate"]);
    assert_eq!(slow.unmet(&plain), [""; 0]);
  }

  #[test]
  fn each_is_named_once() {
    let a =
      options(|options| options.network.proxy = Some("http://a".to_string()));
    let b =
      options(|options| options.network.proxy = Some("http://b".to_string()));
    assert_eq!(a.unmet(&b), ["--proxy"]);
  }
}
