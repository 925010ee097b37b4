//! Versions are accepted, ordered and written as by the Perl library of dpkg and by python3-debian.

use std::process::Command;

use stackdeb::control::Version;

use super::generated::{CASES, Cases, MANY_CASES, answers};

const PIECES: [&str; 28] = [
    "0",
    "1",
    "9",
    "10",
    "007",
    "00",
    "99999999999999999999",
    "99999999999999999998",
    "a",
    "b",
    "Z",
    "ab",
    "rc",
    "~",
    "~~",
    "+",
    ".",
    ".",
    "-",
    "-",
    ":",
    "+b1",
    "~deb13u1",
    "+really",
    "_",
    " ",
    "é",
    "",
];

const EPOCHS: [&str; 14] =
    ["", "", "", "", "", "0:", "00:", "1:", "12:", "2147483647:", "2147483648:", "+1:", "x:", ":"];

/// For each line `A<tab>B`: whether each is a version (1 or 0), how A is written, and how they compare.
const PERL: &str = r#"
use Dpkg::Version;
while (my $line = <STDIN>) {
    chomp $line;
    my ($a, $b) = split /\t/, $line, -1;
    my @good = map { scalar version_check($_) } $a, $b;
    my $order = $good[0] && $good[1] ? version_compare($a, $b) : '-';
    print join("\t", @good, $good[0] ? Dpkg::Version->new($a)->as_string() : '', $order), "\n";
}
"#;

/// How two versions compare: -1, 0 or 1. Its numbers have no largest one.
const PYTHON: &str = r"
import sys
from debian.debian_support import NativeVersion
for line in sys.stdin:
    a, b = (NativeVersion(text) for text in line.rstrip('\n').split('\t'))
    print((a > b) - (a < b), a, sep='\t')
";

fn version_text(cases: &mut Cases) -> String {
    let epoch = cases.one_of(&EPOCHS);
    let first = cases.one_of(&["1", "0", "2.36", "10", "1", "0", "", "a", "~"]);
    format!("{epoch}{first}{}", cases.text(&PIECES, 0, 5))
}

/// Two texts that often differ in little.
fn pair(cases: &mut Cases) -> (String, String) {
    let first = version_text(cases);
    let second = match cases.below(3) {
        0 => version_text(cases),
        1 => cases.damaged(&first, &PIECES),
        _ => format!("{first}{}", cases.one_of(&PIECES)),
    };
    (first, second)
}

/// What the Perl library accepts and dpkg does not, nor deb-version(7): nothing behind an epoch, an epoch that is too large,
/// and a colon in the revision.
fn only_perl_accepts(text: &str) -> bool {
    let Some((epoch, rest)) = text.split_once(':') else { return false };
    let too_large = epoch.bytes().all(|byte| byte.is_ascii_digit()) && epoch.parse::<i32>().is_err();
    rest.is_empty() || too_large || rest.rsplit_once('-').is_some_and(|(_, revision)| revision.contains(':'))
}

/// Perl compares numbers of more digits as fractions, which are not exact.
fn perl_is_exact(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_digit()).all(|digits| digits.len() <= 15)
}

fn compare(count: usize, mut cases: Cases) {
    let pairs: Vec<(String, String)> = (0..count).map(|_| pair(&mut cases)).collect();
    let lines: Vec<String> = pairs.iter().map(|(a, b)| format!("{a}\t{b}")).collect();
    let theirs = answers("libdpkg-perl", Command::new("perl").args(["-e", PERL]), &lines);
    let (mut valid, mut ours) = (Vec::new(), Vec::new());
    for (((a, b), answer), line) in pairs.iter().zip(&theirs).zip(lines) {
        let fields: Vec<&str> = answer.split('\t').collect();
        let parsed = [a, b].map(|text| text.parse::<Version>());
        for ((text, parsed), theirs) in [a, b].into_iter().zip(&parsed).zip(&fields) {
            let accepted = *theirs == "1" && !only_perl_accepts(text);
            assert_eq!(parsed.is_ok(), accepted, "`{text}`: {parsed:?}");
        }
        let [Ok(first), Ok(second)] = parsed else { continue };
        assert_eq!(first.to_string(), fields[2]);
        let order = (first.cmp(&second) as i8).to_string();
        if perl_is_exact(a) && perl_is_exact(b) {
            assert_eq!(order, fields[3], "`{a}` and `{b}` by the Perl library of dpkg");
        }
        ours.push(format!("{order}\t{first}"));
        valid.push(line);
    }
    // Else nothing was compared.
    assert!(valid.len() > count / 8, "only {} of {count} pairs are versions", valid.len());
    assert!(valid.len() < count * 9 / 10, "{} of {count} pairs are versions", valid.len());
    let theirs = answers("python3-debian", Command::new("/usr/bin/python3").args(["-c", PYTHON]), &valid);
    for ((line, ours), theirs) in valid.iter().zip(&ours).zip(&theirs) {
        assert_eq!(ours, theirs, "`{line}` by python3-debian");
    }
}

#[test]
fn versions_are_those_of_dpkg_and_python_debian() {
    compare(CASES, Cases::same());
}

#[test]
#[ignore = "many more cases take longer: just soak"]
fn many_more_versions_are_those_of_dpkg_and_python_debian() {
    compare(MANY_CASES, Cases::other());
}
