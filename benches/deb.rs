//! Builders of packages side by side: stackdeb, dpkg-deb, cargo-deb and nfpm pack the same files with the same compression. A table
//! with a row for each number of files and each compression: what stackdeb takes, and its ratios to the others. Below 1, stackdeb
//! is faster or smaller.
//!
//! `cargo bench --bench deb -- small` leaves out the 10,000 files of 500 MB, which take much longer.
//!
//! All pack the tree of stackdeb's own package, which has a hundred files more. dpkg-deb gets it with all control files except
//! `md5sums`, which md5sum(1) makes before it, as with dh_md5sums(1). cargo-deb has neither zstd nor an archive without
//! compression, and compresses with Zopfli instead of gzip, too slowly for 500 MB, so those places are empty.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a benchmark ends in a panic when something is not as it should be"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const COMPRESSIONS: [&str; 4] = ["none", "gzip", "zstd", "xz"];

/// How many files, how many bytes each has, and how often everything is measured.
struct Size {
    name: &'static str,
    files: usize,
    bytes: usize,
    rounds: usize,
}

const SIZES: [Size; 2] = [
    Size { name: "small", files: 100, bytes: 2_000, rounds: 5 },
    Size { name: "large", files: 10_000, bytes: 50_000, rounds: 1 },
];

/// What a run takes: seconds, seconds of processor time, and the largest number of MB in memory of one process.
#[derive(Debug, Clone, Copy)]
struct Run([f64; 3]);

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let others = shell(repository, "benches/other-builders");
    let others = PathBuf::from(others.trim());
    println!("{:<13} {:>7} {:>7} {:>6}   ratios, wall / CPU / memory", "", "wall s", "CPU s", "MB");
    println!(
        "{:<13} {:>7} {:>7} {:>6}   {:<22} {:<22} {:<22}",
        "", "", "", "", "md5sum, dpkg-deb", "cargo-deb", "nfpm"
    );
    for size in SIZES.iter().filter(|size| asked.is_empty() || asked.iter().any(|word| word == size.name)) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-deb");
        let _ = fs::remove_dir_all(&folder);
        project(&folder, repository, size);
        for compression in COMPRESSIONS {
            row(&folder, &others, size, compression);
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}

/// The stack that ships, with further files in its application: pieces of this system's programs, libraries and documents.
fn project(folder: &Path, repository: &Path, size: &Size) {
    fs::create_dir_all(folder).unwrap();
    shell(folder, &format!("cp -r '{0}/app' '{0}/stack.toml' .", repository.display()));
    let mut pool = Vec::new();
    for file in
        glob::glob("/usr/lib/x86_64-linux-gnu/*.so*").unwrap().chain(glob::glob("/usr/lib/python3*/*.py").unwrap())
    {
        if pool.len() < size.files * size.bytes {
            pool.extend(fs::read(file.unwrap()).unwrap_or_default());
        }
    }
    let mut start = 0;
    for number in 0..size.files {
        if start + size.bytes > pool.len() {
            start = 0;
        }
        let path = folder.join(format!("app/files/{:02}/{number}.data", number % 100));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &pool[start..start + size.bytes]).unwrap();
        start += size.bytes;
    }
}

fn row(folder: &Path, others: &Path, size: &Size, compression: &str) {
    let manifest = fs::read_to_string(folder.join("stack.toml")).unwrap();
    let plain: Vec<&str> = manifest.lines().filter(|line| !line.starts_with("compression = ")).collect();
    let with = plain.join("\n").replacen("[package]", &format!("[package]\ncompression = \"{compression}\""), 1);
    fs::write(folder.join("stack.toml"), with).unwrap();
    let ours = vec![env!("CARGO_BIN_EXE_stackdeb").to_owned(), "deb".to_owned()];
    measure(folder, &ours);
    prepare_others(folder, compression);
    let commands = [dpkg_deb(compression), cargo_deb(others, size, compression), Some(nfpm(others))];
    let mut runs: [Vec<Run>; 4] = Default::default();
    for _ in 0..size.rounds {
        runs[0].push(measure(folder, &ours));
        for (runs, command) in runs[1..].iter_mut().zip(&commands) {
            runs.extend(command.as_ref().map(|command| measure(folder, command)));
        }
    }
    let [ours, theirs @ ..] = runs.map(|runs| (!runs.is_empty()).then(|| median(&runs)));
    let ours = ours.unwrap().0;
    let mut line =
        format!("{:<13} {:>7.2} {:>7.2} {:>6.0}   ", format!("{} {compression}", size.name), ours[0], ours[1], ours[2]);
    for other in theirs {
        let shown = other.map_or("-".to_owned(), |Run(other)| {
            let ratio = |index: usize| format!("{:.2}", ours[index] / other[index].max(0.01));
            [ratio(0), ratio(1), ratio(2)].join(" / ")
        });
        write!(line, "{shown:<22} ").unwrap();
    }
    println!("{}", line.trim_end());
}

/// The tree of stackdeb's package, once with `DEBIAN` and once without, and what the others read.
fn prepare_others(folder: &Path, compression: &str) {
    shell(
        folder,
        "rm -rf tree crate && dpkg-deb -R dist/stack.deb tree && mkdir -p crate/src && touch crate/src/lib.rs",
    );
    shell(folder, "cp -a --reflink=auto tree crate/files && rm -rf crate/files/DEBIAN");
    let crate_manifest = "[package]\nname = \"theirs\"\nversion = \"1.0.0\"\nedition = \"2021\"\nlicense = \"MIT\"\ndescription = \"files\"\n\
                          authors = [\"Jane Doe <jane@example.org>\"]\n[lib]\n[workspace]\n[package.metadata.deb]\n\
                          depends = \"\"\npreserve-symlinks = true\nassets = [[\"files/**/*\", \"/\", \"644\"]]\n";
    fs::write(folder.join("crate/Cargo.toml"), crate_manifest).unwrap();
    let nfpm = format!(
        "name: theirs\narch: amd64\nversion: 1.0.0\nmaintainer: Jane Doe <jane@example.org>\ndescription: files\n\
         deb:\n  compression: {compression}\ncontents:\n  - src: crate/files/\n    dst: /\n    type: tree\n"
    );
    fs::write(folder.join("nfpm.yaml"), nfpm).unwrap();
}

fn dpkg_deb(compression: &str) -> Option<Vec<String>> {
    let level = match compression {
        "none" => "-Znone",
        "gzip" => "-Zgzip -z9",
        "zstd" => "-Zzstd -z19",
        _ => "-Zxz -z6",
    };
    let md5sums = "(cd tree && find * -path DEBIAN -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -r0 md5sum > DEBIAN/md5sums)";
    let script = format!("{md5sums} && dpkg-deb {level} --root-owner-group -b tree theirs.deb");
    Some(vec!["sh".to_owned(), "-c".to_owned(), script])
}

fn cargo_deb(others: &Path, size: &Size, compression: &str) -> Option<Vec<String>> {
    let kind = match (compression, size.name) {
        ("xz", _) => "xz",
        ("gzip", "small") => "gz",
        _ => return None,
    };
    let program = others.join("cargo-deb").display().to_string();
    let words = [
        "--no-build",
        "--no-strip",
        "--quiet",
        "--manifest-path",
        "crate/Cargo.toml",
        "-o",
        "theirs-cargo.deb",
        "-Z",
        kind,
    ];
    Some([program].into_iter().chain(words.map(str::to_owned)).collect())
}

fn nfpm(others: &Path) -> Vec<String> {
    let program = others.join("nfpm").display().to_string();
    let words = ["package", "--config", "nfpm.yaml", "--packager", "deb", "--target", "theirs-nfpm.deb"];
    [program].into_iter().chain(words.map(str::to_owned)).collect()
}

/// Runs a command under time(1), which also counts what the children of the command take.
fn measure(folder: &Path, command: &[String]) -> Run {
    let mut time = Command::new("time");
    time.args(["-q", "-f", "%e %U %S %M", "-o", "time"]).args(command).current_dir(folder);
    let output = time.output().unwrap_or_else(|error| panic!("time(1): {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    let told = fs::read_to_string(folder.join("time")).unwrap();
    let numbers: Vec<f64> = told.split_whitespace().map(|number| number.parse().unwrap()).collect();
    Run([numbers[0], numbers[1] + numbers[2], numbers[3] / 1024.0])
}

/// The median of each number by itself.
fn median(runs: &[Run]) -> Run {
    Run([0, 1, 2].map(|index| {
        let mut values: Vec<f64> = runs.iter().map(|run| run.0[index]).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }))
}

fn shell(folder: &Path, script: &str) -> String {
    let output = Command::new("sh").args(["-ec", script]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
