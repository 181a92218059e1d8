//! What the options say of the network.

use std::path::Path;
use std::time::Duration;

use background_fetch::engine::EngineConfig;
use background_fetch::network::NetworkConfig;
use background_fetch::network::Proxy;

use crate::arguments::EngineOptions;
use crate::arguments::NetworkOptions;
use crate::arguments::Tls;
use crate::failure::Failure;
use crate::trace;

/// Sets what `options` say.
///
/// # Errors
///
/// A file that they name cannot be read.
pub fn apply(
  options: &EngineOptions,
  config: &mut EngineConfig,
) -> Result<(), Failure> {
  let seconds = |n: u32| Duration::from_secs(n.into());
  if let Some(n) = options.max_concurrent {
    config.concurrency.total = n as usize;
    config.concurrency.per_background_fetch = n as usize;
  }
  config.segments.max = options.split as usize;
  if let Some(bytes) = options.min_split_size {
    config.segments.min_size = bytes.get();
  }
  if let Some(retries) = options.retries {
    config.retry.attempts = retries;
  }
  if let Some(statuses) = &options.retry_statuses {
    config.retry.statuses.clone_from(statuses);
  }
  config.resume = options.resume.into();
  config.retry.offline_timeout = options.offline_timeout.map(seconds);
  if let Some(n) = options.retention {
    config.retention = seconds(n);
  }
  config.network.limit_rate = options.limit_rate;
  network(&options.network, &mut config.network)
}

/// The same for what concerns the network alone.
///
/// # Errors
///
/// A file that they name cannot be read.
pub fn network(
  options: &NetworkOptions,
  network: &mut NetworkConfig,
) -> Result<(), Failure> {
  let seconds = |n: u32| Duration::from_secs(n.into());
  if let Some(n) = options.connect_timeout {
    network.connect_timeout = seconds(n);
  }
  if let Some(n) = options.idle_timeout {
    network.idle_timeout = seconds(n);
  }
  if let Some(user_agent) = &options.user_agent {
    network.user_agent.clone_from(user_agent);
  }
  match options.proxy.as_deref() {
    None => {}
    Some("direct" | "") => network.proxy = Proxy::Direct,
    Some(url) => network.proxy = Proxy::Url(url.to_string()),
  }
  tls(&options.tls, network)?;
  if let Some(file) = &options.trace {
    network.trace = Some(trace::to_file(file)?);
  }
  Ok(())
}

fn tls(options: &Tls, network: &mut NetworkConfig) -> Result<(), Failure> {
  for file in &options.cacert {
    network.root_certificates.push(pem(file)?);
  }
  network.verify_certificates = !options.insecure;
  if let Some(certificate) = &options.cert {
    let mut text = pem(certificate)?;
    if let Some(key) = &options.key {
      text.push('\n');
      text += &pem(key)?;
    }
    network.client_certificate = Some(text);
  }
  Ok(())
}

fn pem(file: &Path) -> Result<String, Failure> {
  let wrong = |why: &str| {
    let file = file.display();
    Failure::usage(format!("{file} cannot be used as a PEM file: {why}"))
  };
  let text =
    std::fs::read_to_string(file).map_err(|error| wrong(&error.to_string()))?;
  match text.contains("-----BEGIN ") {
    true => Ok(text),
    false => Err(wrong("there is nothing in PEM in it")),
  }
}
