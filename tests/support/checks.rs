//! Tests that share one server: each boot costs, so they run in their order, each on what the one before it left.

use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::Trial;

use crate::lanes;

/// What is checked on a machine, or on several: a test's name, and the test.
pub type Check<M> = (&'static str, fn(&mut M));

enum Shared<M> {
    NotBooted,
    Running(M),
    /// Its boot failed. It is not tried again.
    Failed,
}

/// The message of the tests after a failed boot. The first test shows the console.
const NOT_BOOTED: &str = "it could not run: the machine that it shares with the test above did not come up";

/// Tests that share one machine, or several. It is booted for the first that is asked for; they run in their order, each on
/// what the one before it left.
pub fn checks<M: Send + 'static>(file: &str, boot: fn() -> M, checks: &[Check<M>]) -> Vec<Trial> {
    let shared = Arc::new(Mutex::new(Shared::NotBooted));
    let trial = |&(name, check): &Check<M>| {
        let (place, shared) = (lanes::place(file, name), Arc::clone(&shared));
        Trial::test(format!("{file}::{name}"), move || {
            // The last test ends the machine, and after that its place.
            let place = place;
            let shared = shared;
            place.wait();
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            if matches!(*shared, Shared::NotBooted) {
                // It stays so when the boot panics, which shows the console once: at the first test.
                *shared = Shared::Failed;
                *shared = Shared::Running(boot());
            }
            let Shared::Running(machine) = &mut *shared else { return Err(NOT_BOOTED.into()) };
            check(machine);
            Ok(())
        })
    };
    checks.iter().map(trial).collect()
}
