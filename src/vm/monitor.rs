//! QEMU's monitor, the QEMU Machine Protocol: one JSON object a line, a command and its answer, events in between.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{Value, json};

/// A snapshot of a machine with a lot of memory takes a while on a busy computer.
const PATIENCE: Duration = Duration::from_secs(120);

/// Why the monitor did not do as told.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// QEMU is gone or silent.
    #[error("QEMU's monitor does not answer: {0}")]
    Connection(#[from] io::Error),
    /// QEMU said no.
    #[error("QEMU refuses `{command}`: {reason}")]
    Refused {
        /// What was asked.
        command: String,
        /// What it said.
        reason: String,
    },
}

/// A connection to the monitor.
pub struct Monitor {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
}

impl Monitor {
    /// Takes QEMU's greeting and begins.
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

    /// Runs a command of the monitor that people use. Those for snapshots print nothing unless they fail.
    ///
    /// # Errors
    /// When it prints anything, or QEMU is gone.
    pub fn execute_silent(&mut self, command: &str) -> Result<(), MonitorError> {
        let answer = self.execute("human-monitor-command", &json!({"command-line": command}))?;
        match answer.as_str().unwrap_or_default().trim() {
            "" => Ok(()),
            reason => Err(MonitorError::Refused { command: command.to_owned(), reason: reason.to_owned() }),
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
