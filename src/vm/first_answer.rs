//! A boot until the first answer of the site: the options of a machine → the running machine, the answer, and the time
//! that it took. After a kernel panic that is the emulator's fault and not the image's, the machine boots once more.

use std::io::Write;
use std::time::{Duration, Instant};

use super::machine::{Machine, MachineError, MachineOptions};
use super::probe::SitePage;
use crate::system::http::Page;

/// A machine that was switched on and waited for.
pub struct FirstAnswer {
    /// The machine, which may still come up when its site has not answered in time.
    pub machine: Machine,
    /// What the site answered, or why it did not.
    pub answer: Result<Page, MachineError>,
    /// How long it took from switching the machine on.
    pub after: Duration,
}

/// Switches a machine on and waits until an application answers on the forwarded `port`, or `limit` is over. `console`
/// makes what gets the serial console's text, once for each boot. `boots_again` is called before a second boot.
///
/// # Errors
/// As [`Machine::start`]. What goes wrong later is in [`FirstAnswer::answer`].
pub fn wait_for_first_answer(
    options: &MachineOptions,
    port: u16,
    limit: Duration,
    console: impl Fn() -> Box<dyn Write + Send>,
    boots_again: impl FnOnce(),
) -> Result<FirstAnswer, MachineError> {
    let first = boot(options, port, limit, console())?;
    if !matches!(first.answer, Err(MachineError::EmulatorPanic { .. })) {
        return Ok(first);
    }
    // Its ports must be free before the next machine takes them.
    first.machine.kill();
    boots_again();
    boot(options, port, limit, console())
}

fn boot(
    options: &MachineOptions,
    port: u16,
    limit: Duration,
    console: Box<dyn Write + Send>,
) -> Result<FirstAnswer, MachineError> {
    let begin = Instant::now();
    let machine = Machine::start(options, console)?;
    let answer = machine.wait_for_http(port, &SitePage::first_page(), limit);
    Ok(FirstAnswer { machine, answer, after: begin.elapsed() })
}
