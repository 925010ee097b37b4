//! Puts load on two addresses in turn with wrk, and prints what each of them served and the ratios of the pairs.

use std::process::Command;

use super::side_by_side::median;

/// What wrk counted in one round of load.
#[derive(Clone, Copy)]
struct Served {
    rate: f64,
    /// Milliseconds that half of the answers took at most.
    p50: f64,
    /// Milliseconds that 99 of 100 answers took at most.
    p99: f64,
}

/// Connections that are kept busy, and seconds of each round.
#[derive(Clone, Copy)]
pub struct Load {
    pub connections: u32,
    pub seconds: u32,
    pub rounds: usize,
}

pub fn head(other: &str) {
    println!("{:<22} {:>26} {:>26} {:>22}", "", "ours", other, "ours / other");
    let side = format!("{:>10} {:>7} {:>7}", "requests/s", "p50 ms", "p99 ms");
    println!("{:<22} {side:>26} {side:>26} {:>10} {:>11}", "", "requests/s", "p99");
}

/// Asks `ours` and `theirs` in turn for `path`, after one round that does not count, and prints a row of medians.
/// Returns how many requests a second `theirs` has served.
pub fn compare(path: &str, load: Load, ours: &[String], theirs: &[String]) -> f64 {
    compare_as(path, path, load, ours, theirs)
}

/// [`compare`] with a title of its own for the row.
pub fn compare_as(title: &str, path: &str, load: Load, ours: &[String], theirs: &[String]) -> f64 {
    let (mut us, mut them) = (Vec::new(), Vec::new());
    for round in 0..=load.rounds {
        let pair = (serve(path, load, ours), serve(path, load, theirs));
        if round > 0 {
            us.push(pair.0);
            them.push(pair.1);
        }
    }
    let of = |rounds: &[Served], value: fn(&Served) -> f64| median(rounds.iter().map(value).collect());
    let side = |rounds: &[Served]| {
        format!("{:>10.0} {:>7.1} {:>7.1}", of(rounds, |s| s.rate), of(rounds, |s| s.p50), of(rounds, |s| s.p99))
    };
    let ratio = |value: fn(&Served) -> f64| median(us.iter().zip(&them).map(|(a, b)| value(a) / value(b)).collect());
    println!(
        "{title:<22} {:>26} {:>26} {:>10.2} {:>11.2}",
        side(&us),
        side(&them),
        ratio(|served| served.rate),
        ratio(|served| served.p99)
    );
    of(&them, |served| served.rate)
}

/// Asks each of the addresses in turn for `path`, after one round that does not count, and prints a row of medians for each,
/// with the ratio of its requests a second to those of the first.
pub fn rank(title: &str, path: &str, load: Load, sides: &[(&str, String)]) {
    let mut served: Vec<Vec<Served>> = sides.iter().map(|_| Vec::new()).collect();
    for round in 0..=load.rounds {
        for ((_, address), rounds) in sides.iter().zip(&mut served) {
            let one = serve(path, load, std::slice::from_ref(address));
            if round > 0 {
                rounds.push(one);
            }
        }
    }
    println!("{:<24} {:>10} {:>8} {:>8} {:>12}", title, "requests/s", "p50 ms", "p99 ms", "of the first");
    for ((name, _), rounds) in sides.iter().zip(&served) {
        let of = |value: fn(&Served) -> f64| median(rounds.iter().map(value).collect());
        let ratio = median(rounds.iter().zip(&served[0]).map(|(this, first)| this.rate / first.rate).collect());
        println!("{name:<24} {:>10.0} {:>8.1} {:>8.1} {ratio:>12.2}", of(|s| s.rate), of(|s| s.p50), of(|s| s.p99));
    }
}

/// One round. `address` is an address without a path, and further arguments for wrk.
fn serve(path: &str, load: Load, address: &[String]) -> Served {
    let (address, arguments) = address.split_first().unwrap();
    let mut wrk = Command::new("wrk");
    wrk.args(["--threads", "1", "--latency", "--timeout", "30s"]);
    wrk.args(["--connections", &load.connections.to_string(), "--duration", &format!("{}s", load.seconds)]);
    let output = wrk.args(arguments).arg(format!("{address}{path}")).output().expect("wrk is needed");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && !said.contains("Non-2xx") && !said.contains("Socket errors"), "{said}");
    let value = |name: &str| {
        let line =
            said.lines().find_map(|line| line.trim_start().strip_prefix(name)).unwrap_or_else(|| panic!("{said}"));
        line.trim().to_owned()
    };
    Served {
        rate: value("Requests/sec:").parse().unwrap(),
        p50: milliseconds(&value("50%")),
        p99: milliseconds(&value("99%")),
    }
}

/// `850.00us`, `1.20ms` or `2.00s` in milliseconds.
fn milliseconds(text: &str) -> f64 {
    for (unit, factor) in [("us", 0.001), ("ms", 1.0), ("s", 1000.0)] {
        if let Some(number) = text.strip_suffix(unit).and_then(|number| number.parse::<f64>().ok()) {
            return number * factor;
        }
    }
    panic!("{text} is no time");
}
