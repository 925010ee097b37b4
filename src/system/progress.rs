//! Progress on standard error: a line that changes while work goes on, in a terminal only; silent when piped.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// One piece of work under way. Its line is gone when it is dropped.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Work of unknown length.
    pub fn spinner(what: &str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar }
    }

    /// Work on `total` bytes.
    pub fn bytes(what: &str, total: u64) -> Self {
        Self::with_template(what, total, "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}")
    }

    /// Work on `total` things.
    pub fn items(what: &str, total: u64) -> Self {
        Self::with_template(what, total, "{msg} {bar:30} {pos}/{len}")
    }

    fn with_template(what: &str, total: u64, template: &str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(what.to_owned());
        Self { bar }
    }

    /// So many bytes or things more are done.
    pub fn advance(&self, count: u64) {
        self.bar.inc(count);
    }

    /// What is being done now.
    pub fn say(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
