//! QEMU's monitor (QEMU Machine Protocol): one JSON object for each line, which is a command, its answer or an event.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{Value, json};

/// The longest time for one answer. QEMU answers in milliseconds, but not on a computer that has run out of memory.
const PATIENCE: Duration = Duration::from_secs(120);

/// Why a command of the monitor failed.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// QEMU is gone or does not answer.
    #[error("QEMU's monitor does not answer: {0}")]
    Connection(#[from] io::Error),
    /// QEMU refused the command.
    #[error("QEMU refuses `{command}`: {reason}")]
    Refused { command: String, reason: String },
}

/// The one connection that QEMU accepts. Commands are sent and answered one after the other.
pub struct Monitor {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
}

impl Monitor {
    /// Reads QEMU's greeting and begins a session.
    ///
    /// # Errors
    /// When QEMU ends before that.
    pub fn connect(stream: UnixStream) -> Result<Self, MonitorError> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut monitor = Self { reader: BufReader::new(stream.try_clone()?), writer: stream };
        monitor.read()?;
        monitor.execute("qmp_capabilities", &json!({}))?;
        Ok(monitor)
    }

    /// Runs a command of the protocol and returns what it answers.
    ///
    /// # Errors
    /// When QEMU refuses it or is gone.
    pub fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value, MonitorError> {
        writeln!(self.writer, "{}", json!({"execute": command, "arguments": arguments}))?;
        loop {
            let answer = self.read()?;
            if let Some(value) = answer.get("return") {
                return Ok(value.clone());
            }
            if let Some(error) = answer.get("error") {
                let reason = error.get("desc").and_then(Value::as_str).unwrap_or("no reason given").to_owned();
                return Err(MonitorError::Refused { command: command.to_owned(), reason });
            }
        }
    }

    fn read(&mut self) -> Result<Value, MonitorError> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        serde_json::from_str(&line).map_err(|error| io::Error::other(error).into())
    }
}
