//! Sets up the log: lines of JSON or text, each with a UTC time in RFC 3339.
//!
//! The log is written to standard error, because commands print their results to standard output. Containers collect
//! both.

use gatepost_config::LogConfig;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal};
use std::panic::{self, PanicHookInfo};
use tracing::subscriber::SetGlobalDefaultError;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt as format};

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The configured level is not a valid filter.
    #[error("the log level is not a valid filter")]
    Filter(#[source] ParseError),
    /// The process already has a log.
    #[error("a log is already installed")]
    Installed(#[source] SetGlobalDefaultError),
}

/// Starts logging for the whole process, including panics.
///
/// # Errors
/// The level is malformed, or logging was already started in this process.
pub fn init(config: &LogConfig) -> Result<(), LogError> {
    let has_colour = io::stderr().is_terminal();
    let subscriber =
        Registry::default().with(layer(config, has_colour, io::stderr).map_err(LogError::Filter)?);
    tracing::subscriber::set_global_default(subscriber).map_err(LogError::Installed)?;
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn layer<W>(
    config: &LogConfig,
    has_colour: bool,
    writer: W,
) -> Result<Box<dyn Layer<Registry> + Send + Sync>, ParseError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&config.level)?;
    let lines = format::layer().with_writer(writer);
    if config.json {
        let lines = lines.json().flatten_event(true).with_span_list(false);
        return Ok(lines.with_filter(filter).boxed());
    }
    // The layer itself reads NO_COLOR.
    let lines = if has_colour { lines } else { lines.with_ansi(false) };
    Ok(lines.with_filter(filter).boxed())
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(
        panic.message = panic.payload_as_str().unwrap_or("a payload that is not text"),
        panic.location = panic.location().map(tracing::field::display),
        panic.thread = std::thread::current().name(),
        panic.backtrace = backtrace,
        "panicked",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_core::error_chain::Chain;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic while writing").write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(json: bool, level: &str, log: impl FnOnce()) -> String {
        let page = Page::default();
        let writer = page.clone();
        let config = LogConfig { json, level: level.to_owned() };
        let layer = layer(&config, false, move || writer.clone()).expect("a filter");
        tracing::subscriber::with_default(Registry::default().with(layer), log);
        let bytes = page.0.lock().expect("no panic while writing").clone();
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Fault {
        text: &'static str,
        #[source]
        cause: Option<Box<Fault>>,
    }

    fn fault(texts: &[&'static str]) -> Option<Box<Fault>> {
        let (text, rest) = texts.split_first()?;
        Some(Box::new(Fault { text, cause: fault(rest) }))
    }

    #[test]
    fn a_json_line_has_time_level_message_and_fields_at_the_top() {
        let error =
            fault(&["cannot sign in", "the provider is away", "connection refused"]).expect("a fault");
        let text = written(true, "info", || {
            tracing::warn!(user.id = "u1", error = %Chain(&*error), "sign-in failed\nreally");
            tracing::debug!("left out");
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(line["error"], "cannot sign in: the provider is away: connection refused");
        assert_eq!((&line["level"], &line["user.id"]), (&"WARN".into(), &"u1".into()));
        assert_eq!(line["message"], "sign-in failed\nreally");
        let time = line["timestamp"].as_str().expect("a time");
        assert!(time.ends_with('Z') && time.as_bytes()[10] == b'T', "{time}");
    }

    #[test]
    fn text_has_no_colours_when_it_is_not_written_to_a_terminal() {
        let text = written(false, "warn,gatepost=debug", || tracing::debug!(user.id = "u1", "seen"));
        assert!(text.contains("DEBUG") && text.contains("seen") && text.contains("user.id=\"u1\""), "{text}");
        assert!(text.lines().count() == 1 && !text.contains('\x1b'), "{text:?}");
    }

    #[test]
    fn a_wrong_filter_is_an_error() {
        let config = LogConfig { json: true, level: "gatepost=loud".to_owned() };
        assert!(layer(&config, false, io::sink).is_err());
    }
}
