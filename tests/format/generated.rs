//! Random cases that can be had again. Each of them comes from a seed, which a test prints when it fails:
//! `SEED=NUMBER cargo test --release --test format generated` makes the same cases.

use std::env;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

/// How many cases `just test` asks about: seconds.
pub const CASES: usize = 10_000;
/// How many `just soak` asks about: minutes.
pub const MANY_CASES: usize = 300_000;

pub struct Cases {
    random: fastrand::Rng,
    seed: u64,
}

impl Cases {
    /// The same ones in each run, so that a run shows what a change has done.
    pub fn same() -> Self {
        Self::of(0)
    }

    /// Others in each run, as the soak wants them.
    pub fn other() -> Self {
        Self::of(fastrand::u64(..))
    }

    fn of(seed: u64) -> Self {
        let given = env::var("SEED").ok().map(|text| text.parse().expect("SEED is a whole number"));
        let seed = given.unwrap_or(seed);
        Self { random: fastrand::Rng::with_seed(seed), seed }
    }

    /// A number from 0 to `end`, without `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.random.usize(..end)
    }

    /// True once in `times` times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// From `least` to `most` pieces, one after the other.
    pub fn text(&mut self, pieces: &[&str], least: usize, most: usize) -> String {
        let count = least + self.below(most - least + 1);
        (0..count).map(|_| self.one_of(pieces)).collect()
    }

    /// The text with one of `pieces` put somewhere into it.
    pub fn damaged(&mut self, text: &str, pieces: &[&str]) -> String {
        let places: Vec<usize> = text.char_indices().map(|(place, _)| place).chain([text.len()]).collect();
        let place = self.one_of(&places);
        format!("{}{}{}", &text[..place], self.one_of(pieces), &text[place..])
    }
}

impl Drop for Cases {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the same cases again: SEED={}", self.seed);
        }
    }
}

/// Runs a program of the package `debian` with `lines` on its standard input. Returns as many lines of its answer.
pub fn answers(debian: &str, command: &mut Command, lines: &[String]) -> Vec<String> {
    let spawned =
        command.env("PYTHONUTF8", "1").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.unwrap_or_else(|error| panic!("{command:?}: {error}; it is in Debian's package {debian}"));
    let mut input = child.stdin.take().unwrap();
    let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    // While the program answers, the rest of the cases still has to be written.
    let writer = thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {errors}\n(it needs Debian's package {debian})");
    writer.join().unwrap().unwrap();
    let answers: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(answers.len(), lines.len(), "{command:?}: {errors}");
    answers
}

/// A text as one line, for the programs that [`answers`] runs: they replace `\n` and `\t` by the characters.
pub fn one_line(text: &str) -> String {
    assert!(!text.contains('\\'));
    text.replace('\n', "\\n").replace('\t', "\\t")
}
