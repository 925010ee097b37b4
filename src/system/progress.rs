//! How the user learns what long work is doing. A command makes a [`Reporter`] and hands it down; work that takes over
//! a second asks it for a [`Progress`] line. That line is drawn on standard error, and only if this is a terminal: a
//! pipe or a log file gets none of it.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::print;
use super::words::shown;

/// The pause between two steps of a spinner.
const TICK: Duration = Duration::from_millis(200);

/// Where work reports to. It can be copied: all copies write to the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reporter {
    Stderr,
    /// Nobody: no line is ever drawn or written.
    Silent,
}

/// The progress line of one piece of work. It disappears when this value is dropped.
pub struct Progress {
    bar: ProgressBar,
}

impl Reporter {
    /// Writes a sentence that stays, also into a pipe: something that the user has to know even if the work succeeds.
    pub fn say(self, sentence: &str) {
        if self == Self::Stderr {
            print::note(format_args!("stackdeb: {}", shown(sentence)));
        }
    }

    /// The same for something that the user should look at.
    pub fn warn(self, sentence: &str) {
        self.say(&format!("warning: {sentence}"));
    }

    /// Begins a line for work of unknown length. `what` is a phrase such as "making the root".
    pub fn spinner(self, what: &str) -> Progress {
        let bar = ProgressBar::with_draw_target(None, self.target());
        bar.set_message(shown(what).into_owned());
        bar.enable_steady_tick(TICK);
        Progress { bar }
    }

    /// Begins a line for work on `total` bytes, with the speed and the time that is left.
    pub fn bytes(self, what: &str, total: u64) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(total), self.target());
        let style = ProgressStyle::with_template("{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(shown(what).into_owned());
        Progress { bar }
    }

    fn target(self) -> ProgressDrawTarget {
        match self {
            Self::Stderr => ProgressDrawTarget::stderr(),
            Self::Silent => ProgressDrawTarget::hidden(),
        }
    }
}

impl Progress {
    /// Counts `count` more bytes as done.
    pub fn advance(&self, count: u64) {
        self.bar.inc(count);
    }

    /// Replaces the phrase that says what is being done.
    pub fn describe(&self, what: &str) {
        self.bar.set_message(shown(what).into_owned());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
