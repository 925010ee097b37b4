//! Versions and relations are read and ordered as dpkg itself does it.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};

use stackdeb::control::{RelationError, Relations, Version};

/// Version texts as they are found in archives.
const REAL: [&str; 14] = [
    "1.0",
    "2.36-9+deb12u10",
    "1:9.2p1-2+deb12u5",
    "0.9+ds-5",
    "0.9+ds0-3",
    "1.2.3~rc1-1",
    "0~git20201120.abc-1",
    "5.10.0-32",
    "20230311+deb12u1",
    "1.0-1~bpo12+1",
    "3.0.0~~a-0.1",
    "2:1.0+really0.9-1",
    "1.0a.b-c-1",
    "4.0.0.00-01",
];

/// A real version, with up to three characters inserted, removed or replaced.
fn version_text() -> String {
    const CHARACTERS: &[u8] = b"0123456789abcZ.+~:-";
    let mut text = fastrand::choice(REAL).unwrap().as_bytes().to_vec();
    for _ in 0..fastrand::usize(..4) {
        let place = fastrand::usize(..=text.len());
        let character = fastrand::choice(CHARACTERS).copied().unwrap();
        match fastrand::u8(..3) {
            0 => text.insert(place, character),
            1 if place < text.len() => drop(text.remove(place)),
            _ if place < text.len() => text[place] = character,
            _ => {}
        }
    }
    String::from_utf8(text).unwrap()
}

/// Runs `program` with `input` on its standard input and gives back the lines that it prints.
fn lines_from(program: &mut Command, input: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("input");
    fs::write(&file, input).unwrap();
    let output = program.stdin(fs::File::open(file).unwrap()).stderr(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{program:?}: {error}; its packages are dpkg and dpkg-dev"));
    assert!(output.status.success(), "{program:?} failed; its packages are dpkg and dpkg-dev");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn order_of(a: &str, b: &str) -> String {
    (a.parse::<Version>().unwrap().cmp(&b.parse().unwrap()) as i8).to_string()
}

#[test]
fn versions_are_accepted_as_by_dpkg() {
    // dpkg reads an epoch with strtol(3), which takes a sign before the number. deb-version(7) does not, nor do we.
    let signed_epoch = |text: &String| text.starts_with('+') && text.contains(':');
    let texts: Vec<String> = (0..500).map(|_| version_text()).filter(|text| !signed_epoch(text)).collect();
    let script = r#"while read -r v; do if dpkg --validate-version -- "$v"; then echo 1; else echo 0; fi; done"#;
    let theirs = lines_from(Command::new("sh").args(["-c", script]), &(texts.join("\n") + "\n"));
    assert_eq!(theirs.len(), texts.len());
    for (text, theirs) in texts.iter().zip(theirs) {
        assert_eq!(text.parse::<Version>().is_ok(), theirs == "1", "`{text}`: {:?}", text.parse::<Version>());
    }
}

/// So many pairs of texts that are versions, one pair a line.
fn pairs(count: usize) -> Vec<(String, String)> {
    let is_version = |text: &str| text.parse::<Version>().is_ok();
    (0..count).map(|_| (version_text(), version_text())).filter(|(a, b)| is_version(a) && is_version(b)).collect()
}

fn assert_orders(pairs: &[(String, String)], theirs: &[String]) {
    assert_eq!(theirs.len(), pairs.len());
    for ((a, b), theirs) in pairs.iter().zip(theirs) {
        assert_eq!(&order_of(a, b), theirs, "`{a}` and `{b}`");
    }
}

fn text_of(pairs: &[(String, String)]) -> String {
    pairs.iter().fold(String::new(), |mut text, (a, b)| {
        writeln!(text, "{a} {b}").unwrap();
        text
    })
}

#[test]
fn versions_are_ordered_as_by_dpkg() {
    let pairs = pairs(700);
    let script = r#"while read -r a b; do
        if dpkg --compare-versions "$a" lt "$b"; then echo -1
        elif dpkg --compare-versions "$a" gt "$b"; then echo 1
        else echo 0; fi
    done"#;
    assert_orders(&pairs, &lines_from(Command::new("sh").args(["-c", script]), &text_of(&pairs)));
}

#[test]
fn many_more_versions_are_ordered_as_by_the_perl_library_of_dpkg() {
    let pairs = pairs(20_000);
    let script = "my ($a, $b) = split; print version_compare($a, $b), \"\\n\"";
    assert_orders(&pairs, &lines_from(Command::new("perl").args(["-MDpkg::Version", "-ne", script]), &text_of(&pairs)));
}

/// Which of the texts dpkg-deb accepts as `Depends`.
fn accepted_by_dpkg_deb(texts: &[String]) -> Vec<bool> {
    let folder = tempfile::tempdir().unwrap();
    for (index, text) in texts.iter().enumerate() {
        let control = folder.path().join(index.to_string()).join("DEBIAN");
        fs::create_dir_all(&control).unwrap();
        let fields = "Package: sample\nVersion: 1\nArchitecture: all\nMaintainer: A <a@b.c>\nDescription: x\n";
        fs::write(control.join("control"), format!("{fields}Depends: {text}\n")).unwrap();
    }
    let script = r#"umask 022; chmod -R u=rwX,go=rX .; i=0; while read -r _; do
        if dpkg-deb -Znone --build "$i" out >/dev/null; then echo 1; else echo 0; fi; i=$((i + 1))
    done"#;
    let mut shell = Command::new("sh");
    let lines = lines_from(shell.args(["-c", script]).current_dir(folder.path()), &"x\n".repeat(texts.len()));
    assert_eq!(lines.len(), texts.len());
    lines.iter().map(|line| line == "1").collect()
}

#[test]
fn relations_are_read_as_by_dpkg_deb() {
    // What only source packages have (`[arch]`, `<profile>`) is not compared: dpkg-deb refuses it in a binary package.
    const TOKENS: [&str; 24] = [
        "foo",
        "libc6",
        "b+r",
        "a",
        "Foo",
        "x_y",
        ":any",
        ":amd64",
        ":",
        " ",
        "  ",
        ", ",
        ",",
        " | ",
        "|",
        "(",
        ")",
        " (>= 1)",
        " (= 1:2-3)",
        "(<< 1.0~)",
        " (> 1)",
        " (1)",
        " (>= )",
        " (>= a b)",
    ];
    let text = |_| (0..fastrand::usize(1..6)).map(|_| fastrand::choice(TOKENS).unwrap()).collect();
    let mut texts: Vec<String> = (0..400).map(text).collect();
    let given = [
        "foo",
        "foo, bar",
        "foo (>= 1) | bar",
        "foo:any (= 1)",
        "foo (>> 1, bar baz",
        "foo bar",
        "foo (1.0)",
        "foo,, bar",
        "foo |",
        "| foo",
        "foo,",
        ", foo",
        "foo (>= 1) x",
        "foo (>=1)",
        "foo(>=1)",
        "foo ( >= 1 )",
        "foo (>= 1:)",
        "foo (>= -1)",
        "foo ()",
        "foo )",
        "foo (= 1) (= 2)",
        "foo: any",
        "foo:a_b",
        "foo:-x",
        "foo:",
        "foo (< 1)",
        "foo (=> 1)",
        "foo (== 1)",
        "foo (>= 1 2)",
    ];
    texts.extend(given.map(str::to_owned));
    let mut written = Vec::new();
    for (text, accepted) in texts.iter().zip(accepted_by_dpkg_deb(&texts)) {
        let parsed = text.parse::<Relations>();
        // A comma at the end and nothing at all are allowed in debian/control; they are not written again.
        let lenient = text.trim().is_empty() || text.trim_end().ends_with(',');
        // Debian Policy 7.1 and 5.6.7 forbid what dpkg still takes: `<`, `>` and no sign at all, and other names.
        let strict = matches!(parsed, Err(RelationError::Name(_) | RelationError::BadComparison(_)));
        match &parsed {
            Ok(_) => assert!(accepted || lenient, "`{text}`: dpkg-deb refuses it, we say {parsed:?}"),
            Err(_) => assert!(!accepted || strict, "`{text}`: dpkg-deb accepts it, we say {parsed:?}"),
        }
        written.extend(parsed.map(|relations| relations.to_string()).ok().filter(|text| !text.is_empty()));
    }
    // At least those of the list; of the random ones about 20 more.
    assert!(written.len() > 10, "{written:?}");
    for (text, accepted) in written.iter().zip(accepted_by_dpkg_deb(&written)) {
        assert!(accepted, "we write `{text}`, and dpkg-deb refuses it");
    }
}
