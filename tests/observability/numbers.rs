//! A recorder that keeps every number of the process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use metrics::Counter;
use metrics::Gauge;
use metrics::Histogram;
use metrics::HistogramFn;
use metrics::Key;
use metrics::KeyName;
use metrics::Metadata;
use metrics::Recorder;
use metrics::SharedString;
use metrics::Unit;
use parking_lot::Mutex;

#[derive(Clone, Default)]
pub struct Numbers(Arc<Inner>);

#[derive(Default)]
struct Inner {
  described: Mutex<BTreeMap<String, Option<Unit>>>,
  /// With their labels.
  counters: Mutex<BTreeMap<Key, Arc<AtomicU64>>>,
  gauges: Mutex<BTreeMap<Key, Arc<AtomicU64>>>,
  histograms: Mutex<BTreeMap<Key, Arc<Samples>>>,
}

#[derive(Default)]
struct Samples(Mutex<Vec<f64>>);

impl HistogramFn for Samples {
  fn record(&self, value: f64) {
    self.0.lock().push(value);
  }
}

impl Numbers {
  /// The sum of a counter over those labels that contain `labels`.
  pub fn counter(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
    let counters = self.0.counters.lock();
    let meant = counters
      .iter()
      .filter(|(key, _)| is_meant(key, name, labels));
    meant.map(|(_, value)| value.load(Ordering::SeqCst)).sum()
  }

  pub fn gauge(&self, name: &str) -> f64 {
    let gauges = self.0.gauges.lock();
    let meant = gauges.iter().filter(|(key, _)| is_meant(key, name, &[]));
    let values = meant.map(|(_, v)| f64::from_bits(v.load(Ordering::SeqCst)));
    values.sum()
  }

  /// How many samples a histogram has.
  pub fn samples(&self, name: &str, labels: &[(&str, &str)]) -> usize {
    let histograms = self.0.histograms.lock();
    let meant = histograms.iter();
    let meant = meant.filter(|(key, _)| is_meant(key, name, labels));
    meant.map(|(_, samples)| samples.0.lock().len()).sum()
  }

  pub fn described(&self) -> BTreeMap<String, Option<Unit>> {
    self.0.described.lock().clone()
  }

  /// The names of all that was recorded, and their labels.
  pub fn recorded(&self) -> Vec<(String, Vec<String>)> {
    let counters = self.0.counters.lock();
    let gauges = self.0.gauges.lock();
    let histograms = self.0.histograms.lock();
    let keys = counters.keys().chain(gauges.keys());
    let keys = keys.chain(histograms.keys());
    keys
      .map(|key| {
        let labels = key.labels().map(|label| label.key().to_string());
        (key.name().to_string(), labels.collect())
      })
      .collect()
  }

  fn describe(&self, name: KeyName, unit: Option<Unit>) {
    let name = name.as_str().to_string();
    self.0.described.lock().insert(name, unit);
  }
}

fn is_meant(key: &Key, name: &str, labels: &[(&str, &str)]) -> bool {
  let has = |(name, value): &(&str, &str)| {
    key
      .labels()
      .any(|label| label.key() == *name && label.value() == *value)
  };
  key.name() == name && labels.iter().all(has)
}

impl Recorder for Numbers {
  fn describe_counter(&self, n: KeyName, unit: Option<Unit>, _: SharedString) {
    self.describe(n, unit);
  }

  fn describe_gauge(&self, n: KeyName, unit: Option<Unit>, _: SharedString) {
    self.describe(n, unit);
  }

  fn describe_histogram(
    &self,
    name: KeyName,
    unit: Option<Unit>,
    _: SharedString,
  ) {
    self.describe(name, unit);
  }

  fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
    let mut counters = self.0.counters.lock();
    Counter::from_arc(counters.entry(key.clone()).or_default().clone())
  }

  fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
    let mut gauges = self.0.gauges.lock();
    Gauge::from_arc(gauges.entry(key.clone()).or_default().clone())
  }

  fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
    let mut histograms = self.0.histograms.lock();
    Histogram::from_arc(histograms.entry(key.clone()).or_default().clone())
  }
}
