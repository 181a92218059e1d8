//! What the library logs, for the user.

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use tracing::Event;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::FormatEvent;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::registry::LookupSpan;

use crate::screen::Screen;

/// Shows errors of the library as errors of this program, and more of it when
/// `RUST_LOG` asks for it.
pub fn init(screen: &Arc<Screen>) {
  let filter = EnvFilter::try_from_default_env()
    .unwrap_or_else(|_| EnvFilter::new("background_fetch=error"));
  let screen = screen.clone();
  let subscriber = tracing_subscriber::fmt()
    .with_env_filter(filter)
    .with_ansi(false)
    .event_format(PlainFormat)
    .with_writer(move || ToScreen(screen.clone()))
    .finish();
  // A second one would change nothing.
  let _ = tracing::subscriber::set_global_default(subscriber);
}

struct PlainFormat;

impl<S, N> FormatEvent<S, N> for PlainFormat
where
  S: Subscriber + for<'a> LookupSpan<'a>,
  N: for<'a> FormatFields<'a> + 'static,
{
  fn format_event(
    &self,
    context: &FmtContext<'_, S, N>,
    mut writer: Writer<'_>,
    event: &Event<'_>,
  ) -> fmt::Result {
    context.format_fields(writer.by_ref(), event)
  }
}

/// An event is formatted first and then written at once.
struct ToScreen(Arc<Screen>);

impl Write for ToScreen {
  fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
    self.0.error(String::from_utf8_lossy(bytes).trim_end());
    Ok(bytes.len())
  }

  fn flush(&mut self) -> std::io::Result<()> {
    Ok(())
  }
}
