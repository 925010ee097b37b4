//! Lanes: the tests of a file run in their order, one after the other, and several files run side by side. A server waits
//! most of the time (for its boot, for a clock, for the end of a service), so one processor has room for more than one.
//!
//! libtest-mimic starts all tests at once, each in a thread, and each waits here until it is its turn: the tests before it
//! in its file have ended, and its file has a lane. A file keeps its lane until its last test has ended.

use std::cell::RefCell;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Without `set_number`, one file runs at a time.
static LANES: Lanes = Lanes { state: Mutex::new(State { number: 1, files: Vec::new() }), changed: Condvar::new() };

struct Lanes {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// How many files may run at a time.
    number: usize,
    /// In the order in which they begin.
    files: Vec<File>,
}

struct File {
    name: String,
    begun: bool,
    /// For each of its tests, in their order, whether it has ended. One that nobody has asked for counts as ended.
    ended: Vec<bool>,
}

impl File {
    fn is_through(&self) -> bool {
        self.ended.iter().all(|ended| *ended)
    }
}

impl State {
    fn may_begin(&self, file: usize, test: usize) -> bool {
        let own = &self.files[file];
        let has_lane = || {
            let running = self.files.iter().filter(|other| other.begun && !other.is_through()).count();
            running < self.number && self.files[..file].iter().all(|other| other.begun || other.is_through())
        };
        own.ended[..test].iter().all(|ended| *ended) && (own.begun || has_lane())
    }
}

fn state() -> MutexGuard<'static, State> {
    LANES.state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets so many files run at a time.
pub fn set_number(number: usize) {
    state().number = number.max(1);
}

/// The place of a test in its file. When it is dropped the test has ended, whatever came of it.
pub struct Place {
    file: usize,
    test: usize,
    name: String,
}

/// The next place in a file. A file that has none yet begins after all others.
pub fn place(file: &str, name: &str) -> Place {
    let files = &mut state().files;
    let index = files.iter().position(|other| other.name == file).unwrap_or_else(|| {
        files.push(File { name: file.to_owned(), begun: false, ended: Vec::new() });
        files.len() - 1
    });
    files[index].ended.push(false);
    Place { file: index, test: files[index].ended.len() - 1, name: format!("{file}::{name}") }
}

impl Place {
    /// Waits until it is this test's turn.
    pub fn wait(&self) {
        let mut state = state();
        while !state.may_begin(self.file, self.test) {
            state = LANES.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.files[self.file].begun = true;
        drop(state);
        // The next file may have a lane as well.
        LANES.changed.notify_all();
        TEST.set(self.name.clone());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        state().files[self.file].ended[self.test] = true;
        LANES.changed.notify_all();
    }
}

thread_local! {
    /// The name of the test that this thread runs.
    static TEST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Prints what a test has measured or seen, with the test's name, since others print at the same time.
pub fn say(text: &str) {
    let test = TEST.with_borrow(Clone::clone);
    let text = if text.contains('\n') { format!("\n{text}").replace('\n', "\n    ") } else { format!(" {text}") };
    println!("{test}:{text}");
}
