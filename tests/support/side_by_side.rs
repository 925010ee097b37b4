//! Runs two programs in turn, several times, and prints what each took and the ratio of the pairs.

use std::process::Command;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// One measured run, in seconds.
#[derive(Clone, Copy)]
struct Run {
    wall: f64,
    processor: f64,
}

/// The seconds of processor time that ended children have used.
fn children_seconds() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    (usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 / 1e6
}

fn measure(command: &mut Command) -> Run {
    let (begin, before) = (Instant::now(), children_seconds());
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Run { wall: begin.elapsed().as_secs_f64(), processor: children_seconds() - before }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub fn head(other: &str) {
    println!("{:<28} {:>10} {:>10} {:>12} {:>12} {:>8} {:>8}", "", "ours", "", other, "", "ours / other", "");
    println!("{:<28} {:>10} {:>10} {:>12} {:>12} {:>8} {:>8}", "", "wall s", "CPU s", "wall s", "CPU s", "wall", "CPU");
}

/// Runs `ours` and `theirs` in turn `rounds` times, after one round that does not count, and prints a row of medians.
pub fn compare(what: &str, rounds: usize, ours: impl Fn() -> Command, theirs: impl Fn() -> Command) {
    let (mut us, mut them) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let pair = (measure(&mut ours()), measure(&mut theirs()));
        if round > 0 {
            us.push(pair.0);
            them.push(pair.1);
        }
    }
    let of = |runs: &[Run], value: fn(&Run) -> f64| median(runs.iter().map(value).collect());
    let ratio = |value: fn(&Run) -> f64| median(us.iter().zip(&them).map(|(a, b)| value(a) / value(b)).collect());
    println!(
        "{what:<28} {:>10.2} {:>10.2} {:>12.2} {:>12.2} {:>8.2} {:>8.2}",
        of(&us, |run| run.wall),
        of(&us, |run| run.processor),
        of(&them, |run| run.wall),
        of(&them, |run| run.processor),
        ratio(|run| run.wall),
        ratio(|run| run.processor),
    );
}
