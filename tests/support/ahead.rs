//! Makes things in advance, in a thread that is started before the program enters the containers' network, which has no way
//! out. The thread keeps the network of the computer. A test that needs such a thing waits for it.

use std::panic::catch_unwind;
use std::sync::OnceLock;
use std::thread;

/// What is made, once, or nothing if that failed.
pub struct Ahead<T: 'static> {
    made: OnceLock<Option<T>>,
}

/// Makes something of the kind [`Ahead`].
pub type Step = Box<dyn FnOnce() + Send>;

impl<T: Send + Sync> Ahead<T> {
    #[expect(clippy::new_without_default, reason = "it is a static")]
    pub const fn new() -> Self {
        Self { made: OnceLock::new() }
    }

    /// Makes it. A panic shows its message here, and ends those that wait for it.
    pub fn by(&'static self, make: impl FnOnce() -> T + Send + std::panic::UnwindSafe + 'static) -> Step {
        Box::new(move || drop(self.made.set(catch_unwind(make).ok())))
    }

    /// Waits until it is made.
    #[track_caller]
    pub fn get(&'static self) -> &'static T {
        self.made.wait().as_ref().expect("what it needs could not be made: an earlier message says why")
    }
}

/// Starts a thread that does these steps, one after the other.
pub fn start(steps: Vec<Step>) {
    thread::spawn(|| steps.into_iter().for_each(|step| step()));
}
