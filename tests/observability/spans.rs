//! A subscriber that keeps every span and event of the crate.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use parking_lot::Mutex;
use tracing::Event;
use tracing::Level;
use tracing::Subscriber;
use tracing::field::Field;
use tracing::field::Visit;
use tracing::span::Attributes;
use tracing::span::Id;
use tracing::span::Record;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// A span, or an event.
#[derive(Clone, Debug)]
pub struct Seen {
  pub name: &'static str,
  pub level: Level,
  /// The innermost span that it is in.
  pub parent: Option<&'static str>,
  pub fields: Fields,
  pub is_open: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Fields(pub BTreeMap<&'static str, String>);

impl Visit for Fields {
  fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
    self.0.insert(field.name(), format!("{value:?}"));
  }

  fn record_str(&mut self, field: &Field, value: &str) {
    self.0.insert(field.name(), value.to_string());
  }
}

impl Seen {
  pub fn field(&self, name: &str) -> &str {
    self.fields.0.get(name).map_or("", String::as_str)
  }
}

#[derive(Clone, Default)]
pub struct Spans {
  spans: Arc<Mutex<BTreeMap<u64, Seen>>>,
  events: Arc<Mutex<Vec<Seen>>>,
  /// A registry uses ids again.
  closed: Arc<Mutex<Vec<Seen>>>,
}

impl Spans {
  /// Every span of this name, those that have ended first.
  pub fn spans(&self, name: &str) -> Vec<Seen> {
    let closed = self.closed.lock().clone();
    let open: Vec<Seen> = self.spans.lock().values().cloned().collect();
    let all = closed.into_iter().chain(open);
    all.filter(|span| span.name == name).collect()
  }

  pub fn events(&self, name: &str) -> Vec<Seen> {
    let events = self.events.lock().clone();
    events.into_iter().filter(|e| e.name == name).collect()
  }

  /// Everything that was said.
  pub fn all(&self) -> Vec<Seen> {
    let mut all = self.closed.lock().clone();
    all.extend(self.spans.lock().values().cloned());
    all.extend(self.events.lock().iter().cloned());
    all
  }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
  fn on_new_span(&self, new: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
    let mut fields = Fields::default();
    new.record(&mut fields);
    let parent = cx.span(id).and_then(|span| span.parent());
    let seen = Seen {
      name: new.metadata().name(),
      level: *new.metadata().level(),
      parent: parent.map(|parent| parent.name()),
      fields,
      is_open: true,
    };
    self.spans.lock().insert(id.into_u64(), seen);
  }

  fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
    if let Some(seen) = self.spans.lock().get_mut(&id.into_u64()) {
      values.record(&mut seen.fields);
    }
  }

  fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
    let mut fields = Fields::default();
    event.record(&mut fields);
    let parent = cx.event_span(event);
    self.events.lock().push(Seen {
      name: event.metadata().name(),
      level: *event.metadata().level(),
      parent: parent.map(|parent| parent.name()),
      fields,
      is_open: false,
    });
  }

  fn on_close(&self, id: Id, _: Context<'_, S>) {
    if let Some(mut seen) = self.spans.lock().remove(&id.into_u64()) {
      seen.is_open = false;
      self.closed.lock().push(seen);
    }
  }
}
