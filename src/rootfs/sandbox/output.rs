//! Handles the input and output of the command while it runs. Returns its standard output, or an error with its last lines.

use std::io::{Read, Write};
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

use super::error::SandboxError;
use super::spec::{SETUP_FAILED, SETUP_STATUS};
use crate::system::interrupt;

/// How many lines of a failed command's output an error shows.
const LINES_SHOWN: usize = 20;

/// How much output is kept for these lines, in bytes.
const OUTPUT_KEPT: usize = 64 * 1024;

/// The most output of one command, in bytes. dpkg's for all packages of an image has less than a hundredth of it.
const MOST_OUTPUT: u64 = 64 * 1024 * 1024;

/// How many pieces of output may wait: a command that writes faster than they are read has to wait too.
const PIECES_WAITING: usize = 16;

/// Which of its two outputs a command wrote to.
enum Stream {
    Output,
    Errors,
}

#[derive(Default)]
pub(super) struct Collected {
    output: Vec<u8>,
    /// The end of both outputs, in the order in which it arrived.
    combined: Vec<u8>,
}

/// Sends the child its input, and collects its output until both streams are closed. `command` is for the error
/// when it writes too much.
pub(super) fn collect(child: &mut Child, input: Vec<u8>, command: String) -> Result<Collected, SandboxError> {
    let (sender, receiver) = mpsc::sync_channel(PIECES_WAITING);
    if let Some(mut stdin) = child.stdin.take() {
        // A command need not read its input, so a failure is no error.
        thread::spawn(move || drop(stdin.write_all(&input)));
    }
    if let Some(stdout) = child.stdout.take() {
        let sender = sender.clone();
        thread::spawn(move || forward(stdout, &sender, || Stream::Output));
    }
    if let Some(stderr) = child.stderr.take() {
        thread::spawn(move || forward(stderr, &sender, || Stream::Errors));
    }
    let mut collected = Collected::default();
    let mut length = 0_u64;
    loop {
        match receiver.recv_timeout(Duration::from_millis(100)) {
            Ok((stream, bytes)) => {
                length = length.saturating_add(bytes.len() as u64);
                collected.add(&stream, &bytes);
                if length > MOST_OUTPUT {
                    return Err(SandboxError::TooMuchOutput { command, megabytes: MOST_OUTPUT >> 20 });
                }
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(collected),
            Err(RecvTimeoutError::Timeout) => {}
        }
        interrupt::check().map_err(|_| SandboxError::Interrupted)?;
    }
}

fn forward(mut source: impl Read, sender: &SyncSender<(Stream, Vec<u8>)>, stream: impl Fn() -> Stream) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = source.read(&mut buffer) {
        if sender.send((stream(), buffer.get(..count).unwrap_or_default().to_vec())).is_err() {
            return;
        }
    }
}

impl Collected {
    fn add(&mut self, stream: &Stream, bytes: &[u8]) {
        if matches!(stream, Stream::Output) {
            self.output.extend_from_slice(bytes);
        }
        self.combined.extend_from_slice(bytes);
        if self.combined.len() > 2 * OUTPUT_KEPT {
            self.combined.drain(..self.combined.len().saturating_sub(OUTPUT_KEPT));
        }
    }

    /// Returns the standard output, or an error unless the exit status is 0.
    pub(super) fn judge(self, command: String, status: ExitStatus) -> Result<Vec<u8>, SandboxError> {
        if status.success() {
            return Ok(self.output);
        }
        let combined = String::from_utf8_lossy(&self.combined);
        let lines: Vec<&str> = combined.lines().collect();
        if status.code() == Some(SETUP_STATUS)
            && let Some(reason) = lines.iter().rev().find_map(|line| line.strip_prefix(SETUP_FAILED))
        {
            return Err(SandboxError::Setup { command, reason: reason.to_owned() });
        }
        let output = lines.get(lines.len().saturating_sub(LINES_SHOWN)..).unwrap_or_default().join("\n");
        Err(SandboxError::Command { command, status: status.to_string(), output })
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn an_error_shows_the_last_lines_in_their_order() {
        let mut collected = Collected::default();
        for number in 0..30 {
            let stream = if number % 2 == 0 { Stream::Output } else { Stream::Errors };
            collected.add(&stream, format!("line {number}\n").as_bytes());
        }
        let status = Command::new("false").status().unwrap();
        let error = collected.judge("dpkg -i".to_owned(), status).unwrap_err().to_string();
        let last: Vec<&str> = error.lines().skip(1).map(str::trim).collect();
        assert_eq!(last.len(), LINES_SHOWN);
        assert_eq!((last[0], last[19]), ("line 10", "line 29"));
        assert!(error.starts_with("`dpkg -i` failed"), "{error}");
    }
}
