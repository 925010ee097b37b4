//! The serial console. Its text is kept and shown. It tells how far a boot has come, and shows at once when it has failed.

use std::io::{self, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::system::print;

/// A stage of a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// GRUB shows its menu or starts an entry.
    Grub,
    /// The kernel has written its first line.
    Kernel,
    /// systemd has written its first line.
    Systemd,
    /// cloud-init has finished its last stage.
    CloudInit,
    /// There is a login prompt.
    Login,
}

/// A stage, and the time when it was reached.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Mark {
    pub stage: Stage,
    /// Time since the machine was switched on or reset; in JSON, in seconds.
    #[serde(rename = "seconds", serialize_with = "as_seconds")]
    pub after: Duration,
}

fn as_seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(print::seconds(*duration))
}

/// The stage is reached when a line has all of these words.
const STAGES: [(Stage, &[&str]); 7] = [
    (Stage::Grub, &["GNU GRUB"]),
    (Stage::Grub, &["Booting `"]),
    (Stage::Kernel, &["Linux version "]),
    (Stage::Systemd, &["systemd[1]:"]),
    (Stage::Systemd, &["Welcome to "]),
    (Stage::CloudInit, &["Cloud-init v.", " finished at "]),
    (Stage::Login, &[" login: "]),
];

/// Why the boot goes no further after a kernel panic.
const PANIC: &str = "the kernel panicked";

/// The boot has failed when a line has these words; the second text says why.
const FAILURES: [(&str, &str); 7] = [
    ("Kernel panic - not syncing", PANIC),
    ("grub rescue>", "GRUB did not find its file system"),
    ("grub> ", "GRUB found no menu in /boot/grub/grub.cfg"),
    ("Failed to boot both default and fallback entries", "GRUB could not start the kernel that its menu names"),
    ("(initramfs)", "the initramfs did not find the root file system"),
    ("You are in emergency mode", "systemd went into emergency mode"),
    ("Press Enter for maintenance", "systemd went into emergency mode"),
];

/// What the kernel says when it met a breakpoint instruction that it did not know.
const BREAKPOINT: &str = "int3: 0000";

/// What the kernel says when it starts its first process (`Run /init as init process`). With `quiet` it does not; then the
/// first line of systemd tells it.
const FIRST_PROCESS: &str = " as init process";

/// How much of the text is kept, in bytes. A boot writes less than a tenth of it.
const KEPT: usize = 4 * 1024 * 1024;

/// The longest line that is judged, in bytes. What follows in it is only kept.
const LONGEST_LINE: usize = 4096;

impl Stage {
    pub fn describe(self) -> &'static str {
        match self {
            Self::Grub => "GRUB",
            Self::Kernel => "kernel",
            Self::Systemd => "systemd",
            Self::CloudInit => "cloud-init done",
            Self::Login => "login prompt",
        }
    }
}

/// The console's text so far, and what it shows.
pub struct Console {
    state: Mutex<ConsoleState>,
}

struct ConsoleState {
    text: Vec<u8>,
    /// The line that has not ended yet, without escape sequences.
    line: String,
    escape: Escape,
    begin: Instant,
    marks: Vec<Mark>,
    failure: Option<&'static str>,
    breakpoint: Breakpoint,
}

/// Whether the kernel met an unknown breakpoint instruction in this boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Breakpoint {
    /// The console has shown nothing of the kind yet.
    NotMet,
    /// Before the first process was started.
    Met,
    /// The first process has started. A breakpoint after that has another cause.
    Over,
}

/// Position in an escape sequence of a terminal (ECMA-48).
#[derive(Clone, Copy, PartialEq)]
enum Escape {
    Outside,
    Begun,
    Control,
}

impl Default for Console {
    fn default() -> Self {
        let state = ConsoleState {
            text: Vec::new(),
            line: String::new(),
            escape: Escape::Outside,
            begin: Instant::now(),
            marks: Vec::new(),
            failure: None,
            breakpoint: Breakpoint::NotMet,
        };
        Self { state: Mutex::new(state) }
    }
}

impl Console {
    /// Reads until the machine ends, and copies everything to `echo`.
    ///
    /// # Errors
    /// When the console cannot be read. A failure of `echo` is ignored.
    pub fn follow(&self, mut source: impl Read, mut echo: impl Write) -> io::Result<()> {
        let mut buffer = [0; 4096];
        loop {
            let count = source.read(&mut buffer)?;
            let Some(piece) = buffer.get(..count).filter(|piece| !piece.is_empty()) else { return Ok(()) };
            self.lock().take(piece);
            let _ = echo.write_all(piece).and_then(|()| echo.flush());
        }
    }

    /// The whole text, from the first boot on; of a machine that writes more than 4 MiB, the last 4 MiB.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.lock().text).into_owned()
    }

    /// The last `count` lines that are not empty, without escape sequences, for messages.
    pub fn last_lines(&self, count: usize) -> String {
        let mut escape = Escape::Outside;
        let plain: String = self.text().chars().filter(|char| escape.shows(*char)).collect();
        let lines: Vec<&str> = plain.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().join("\n")
    }

    /// The stages reached, in order.
    pub fn marks(&self) -> Vec<Mark> {
        self.lock().marks.clone()
    }

    /// Why this boot has failed, if it has.
    pub fn failure(&self) -> Option<&'static str> {
        self.lock().failure
    }

    /// Whether the kernel panicked at a breakpoint instruction (`int3`) before it started its first process. Under emulation
    /// QEMU is the cause: it can run an instruction of the kernel that another processor is just rewriting.
    pub fn panicked_at_breakpoint(&self) -> bool {
        let state = self.lock();
        state.failure == Some(PANIC) && state.breakpoint == Breakpoint::Met
    }

    /// Forgets stages and failures, for another boot of the same machine. The text stays.
    pub fn begin_boot(&self) {
        let mut state = self.lock();
        state.begin = Instant::now();
        state.marks.clear();
        state.failure = None;
        state.breakpoint = Breakpoint::NotMet;
        state.line.clear();
    }

    fn lock(&self) -> MutexGuard<'_, ConsoleState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConsoleState {
    fn take(&mut self, piece: &[u8]) {
        self.text.extend_from_slice(piece);
        if self.text.len() > KEPT.saturating_mul(2) {
            self.text.drain(..self.text.len().saturating_sub(KEPT));
        }
        for char in piece.iter().copied().map(char::from) {
            if !self.escape.shows(char) {
                continue;
            }
            if char == '\n' || char == '\r' {
                self.judge();
                self.line.clear();
            } else if self.line.len() < LONGEST_LINE {
                self.line.push(char);
            }
        }
        // A prompt has no end of line.
        self.judge();
    }

    fn judge(&mut self) {
        for (stage, words) in STAGES {
            let known = self.marks.iter().any(|mark| mark.stage == stage);
            if !known && words.iter().all(|word| self.line.contains(word)) {
                self.marks.push(Mark { stage, after: self.begin.elapsed() });
            }
        }
        if self.breakpoint == Breakpoint::NotMet {
            let systemd = self.marks.iter().any(|mark| mark.stage == Stage::Systemd);
            if self.line.contains(BREAKPOINT) {
                self.breakpoint = Breakpoint::Met;
            } else if systemd || self.line.contains(FIRST_PROCESS) {
                self.breakpoint = Breakpoint::Over;
            }
        }
        if self.failure.is_none() {
            self.failure = FAILURES.iter().find(|(words, _)| self.line.contains(words)).map(|(_, why)| *why);
        }
    }
}

impl Escape {
    /// Reads one character, and tells whether it is text.
    fn shows(&mut self, char: char) -> bool {
        let (next, shows) = match (*self, char) {
            (_, '\x1b') => (Self::Begun, false),
            (Self::Begun, '[') => (Self::Control, false),
            (Self::Control, '@'..='~') | (Self::Begun, _) => (Self::Outside, false),
            (Self::Control, _) => (Self::Control, false),
            (Self::Outside, _) => (Self::Outside, true),
        };
        *self = next;
        shows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_recognised_in_pieces_and_between_escapes() {
        let console = Console::default();
        // As a machine with Debian 13 wrote it, cut where reads happened to end.
        let pieces: [&[u8]; 4] = [
            b"\x1b[2;24HGNU GR",
            b"UB  version 2.06\r\n\x1b[0m[    0.000000] Linux version 6.12 (debian)\r\n",
            b"Welcome to \x1b[1mDebian GNU/Linux 13 (trixie)\x1b[0m!\r\n",
            b"localhost log\x1b[0min: ",
        ];
        for piece in pieces {
            console.follow(piece, io::sink()).unwrap();
        }
        let stages: Vec<Stage> = console.marks().iter().map(|mark| mark.stage).collect();
        assert_eq!(stages, [Stage::Grub, Stage::Kernel, Stage::Systemd, Stage::Login]);
        assert_eq!(console.failure(), None);
        assert_eq!(console.last_lines(1), "localhost login:");
    }

    #[test]
    fn a_panic_is_a_failure_until_the_next_boot() {
        let console = Console::default();
        console.follow(&b"[ 1.2] Kernel panic - not syncing: VFS: Unable to mount root fs"[..], io::sink()).unwrap();
        assert_eq!(console.failure(), Some("the kernel panicked"));
        console.begin_boot();
        assert_eq!(console.failure(), None);
    }

    #[test]
    fn a_machine_that_writes_for_ever_takes_no_more_memory() {
        let console = Console::default();
        let endless = io::repeat(b'x').take(3 * KEPT as u64);
        console.follow(endless.chain(&b"\nlocalhost login: "[..]), io::sink()).unwrap();
        assert!(console.text().len() <= 2 * KEPT + 100 && console.text().ends_with("login: "));
        assert_eq!(console.marks().len(), 1);
    }

    /// As Debian 13's kernel says it: the oops, the panic, and what it says when it starts its first process.
    const OOPS: &str = "[    1.053868] Oops: int3: 0000 [#1] PREEMPT SMP PTI\r\n";
    const PANICKED: &str = "[    1.056084] Kernel panic - not syncing: Fatal exception in interrupt\r\n";
    const FIRST: &str = "[    1.614742] Run /init as init process\r\n";

    #[test]
    fn only_a_breakpoint_before_the_first_process_is_the_emulators() {
        let cases: [(&[&str], bool); 5] = [
            (&[OOPS, PANICKED], true),
            (&[PANICKED], false),
            (&[OOPS], false),
            (&[FIRST, OOPS, PANICKED], false),
            (&["Welcome to Debian\r\n", OOPS, PANICKED], false),
        ];
        for (said, expected) in cases {
            let console = Console::default();
            console.follow(said.concat().as_bytes(), io::sink()).unwrap();
            assert_eq!(console.panicked_at_breakpoint(), expected, "{said:?}");
            console.begin_boot();
            assert!(!console.panicked_at_breakpoint());
        }
    }
}
